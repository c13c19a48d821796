//! The result of one step.

use std::collections::BTreeMap;

use crate::agent::protocol::StepFailure;
use crate::model::Verdict;

/// The result of one step.
pub struct StepResult {
    /// Its verdict.
    pub verdict: Verdict,
    /// The observation, if it passed.
    pub saw: String,
    /// The failure, if it did not pass.
    pub failure: StepFailure,
    /// Variables that it captured.
    pub captured: BTreeMap<String, String>,
}

impl StepResult {
    /// A step that passed.
    pub fn passed(saw: impl Into<String>) -> Self {
        Self { verdict: Verdict::Passed, saw: saw.into(), failure: StepFailure::default(), captured: BTreeMap::new() }
    }

    /// A step that failed.
    pub fn failed(expected: impl Into<String>, got: impl Into<String>) -> Self {
        let failure = StepFailure { expected: expected.into(), got: got.into(), ..StepFailure::default() };
        Self { verdict: Verdict::Failed, saw: String::new(), failure, captured: BTreeMap::new() }
    }

    /// A step that could not be judged.
    pub fn inconclusive(expected: impl Into<String>, got: impl Into<String>) -> Self {
        Self { verdict: Verdict::Inconclusive, ..Self::failed(expected, got) }
    }
}
