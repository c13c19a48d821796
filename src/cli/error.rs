//! Errors that are printed where they occur and end the process with their exit code.

use super::{Common, Output};
use crate::engine::{EngineError, Leftover};
use crate::lifecycle;
use crate::report::exit_code;

/// An error that was already printed, with the exit code of the process.
#[derive(Debug)]
pub struct ReportedError(pub u8);

impl std::fmt::Display for ReportedError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "failed with exit code {}", self.0)
    }
}

impl std::error::Error for ReportedError {}

/// Prints a usage error (exit code 2).
pub fn usage_error(text: &str) -> ReportedError {
    errln!("error: {text}");
    ReportedError(exit_code::USAGE)
}

/// Prints the error of an engine operation that creates and removes nothing; the exit code is that of its cause.
pub fn engine_error(common: &Common, error: &EngineError) -> anyhow::Error {
    printed(common, error, None)
}

/// Prints the error of a removal, and what it may have left behind.
pub fn removal_error(common: &Common, error: &EngineError) -> anyhow::Error {
    printed(common, error, Some(error.leftover()))
}

fn printed(common: &Common, error: &EngineError, leftover: Option<Leftover>) -> anyhow::Error {
    let cause = lifecycle::causes::from_engine_error(error);
    if common.output == Output::Json {
        let mut line = serde_json::json!({"event": "error", "text": cause.text});
        if let Some(leftover) = leftover {
            line["leftover"] = leftover.to_string().into();
        }
        outln!("{line}");
    }
    errln!("error: {}", cause.text);
    if let Some(leftover) = leftover.filter(|l| *l != Leftover::None) {
        errln!("  {leftover}");
    }
    anyhow::Error::new(ReportedError(exit_code::from_cause(cause.kind)))
}
