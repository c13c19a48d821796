//! The one fact model of a run, saved after each step, and its views.
//!
//! Views are pure functions of `Facts`. Nothing here judges, signs or asks an engine, and no view needs a network.
//! What came from the environment under test (names, logs, answers) is hostile text to every view.

pub mod counts;
pub mod display;
mod error;
pub mod exit_code;
pub mod facts;
mod format;
pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod sanitize;
pub mod text;
pub mod time;

pub use counts::CaseCounts;
pub use error::ReportError;
pub use facts::Facts;
pub use format::{Format, render};
