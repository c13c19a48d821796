//! Looks at all packages of something: findings, coverage, and a verdict.
//!
//! `judge` is pure. Everything that could not be looked at or decided is a reason for *inconclusive*.

mod age;
mod csv;
mod judge;
mod matcher;
mod outcome;
mod sarif;
mod text;
mod waiver_use;
pub mod waivers;

pub use age::outdated;
pub use csv::{cell as csv_cell, render as csv};
pub use judge::{ScanRules, UNSIGNED, judge, judge_with};
pub use matcher::{Matches, match_packages};
pub use outcome::{Coverage, Database, Finding, ScanResult, Subject, Undecided};
pub use sarif::render as sarif;
pub use text::render as text;
pub use waiver_use::{AppliedWaiver, WaiverState, WaiverUse};
