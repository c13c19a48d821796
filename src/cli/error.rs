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

/// Prints an engine error and the objects it left behind; the exit code is that of its cause.
pub fn engine_error(common: &Common, error: &EngineError) -> anyhow::Error {
    let cause = lifecycle::causes::from_engine_error(error);
    if common.output == Output::Json {
        outln!(
            "{}",
            serde_json::json!({"event": "error", "text": cause.text, "leftover": error.leftover().to_string()})
        );
    }
    errln!("error: {}", cause.text);
    if error.leftover() != Leftover::None {
        errln!("  {}", error.leftover());
    }
    anyhow::Error::new(ReportedError(exit_code::from_cause(cause.kind)))
}
