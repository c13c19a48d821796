//! Reads the results of a container suite as cases and derives the verdict.
//!
//! Pure: bytes in, cases out. Unreadable results are reported and never become a pass.

mod case;
mod ctrf;
mod cyclonedx;
mod files;
mod findings;
mod json;
mod junit;
mod limits;
mod result_file;
mod sarif;
mod tap;
mod text;
mod verdict;
mod xml;
mod zap;

#[cfg(test)]
mod tests;

pub use files::{SuiteResults, read};
pub use verdict::{exit_code_case, verdict};
