//! Looks at all packages of something: findings, coverage, and a verdict.
//!
//! `judge` is pure. Everything that could not be looked at or decided is a reason for *inconclusive*.

mod age;
mod csv;
mod judge;
mod matcher;
mod perform;
mod sarif;
mod text;
pub mod waivers;

pub use crate::findings::{AppliedWaiver, WaiverState, WaiverUse};
pub use crate::findings::{Coverage, Database, Finding, ScanResult, Subject, Undecided};
pub use age::outdated;
pub use csv::{cell as csv_cell, render as csv};
pub use judge::{ScanRules, UNSIGNED, judge, judge_with};
pub use matcher::{Matches, match_packages};
pub use perform::{Opened, perform};
pub use sarif::render as sarif;
pub use text::render as text;
