//! Verdicts of cases and suites.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Passed, failed or inconclusive; what could not be judged is never passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It holds.
    Passed,
    /// It could not be judged.
    Inconclusive,
    /// It does not hold.
    Failed,
}

impl Verdict {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Inconclusive => "inconclusive",
            Self::Failed => "failed",
        }
    }
}

/// The run's outcome in the words of the evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Outcome {
    /// Every suite passed, and at least one ran.
    Passed,
    /// A suite failed.
    Failed,
    /// Nothing failed, something could not be judged.
    Inconclusive,
    /// The environment or dayfly failed.
    Error,
    /// Stopped from outside.
    Aborted,
}
