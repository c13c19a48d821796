//! The facts of a run and the report formats.
//!
//! Every format is a pure function of `Facts` and treats text from the environment under test (names, logs, answers) as
//! hostile. Nothing here judges, signs or calls an engine, and no format needs a network.

pub mod clues;
pub mod counts;
pub mod display;
mod error;
pub mod excerpt;
pub mod exit_code;
pub mod facts;
mod format;
pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod scans;
pub mod sources;
pub mod text;
pub mod time;
pub mod told;

pub use counts::CaseCounts;
pub use error::ReportError;
pub use facts::Facts;
pub use format::{Format, render};
pub use told::Told;
