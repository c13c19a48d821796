//! Reads the results of a container suite as cases and derives the verdict.
//!
//! Pure: bytes in, cases out. Unreadable results are reported and never become a pass.

mod files;
mod junit;
mod limits;
mod verdict;
mod xml;

#[cfg(test)]
mod tests;

pub use files::{SuiteResults, read_junit_files};
pub use verdict::{exit_code_case, verdict};
