//! Results of one attempt of a step.

use std::collections::BTreeMap;

/// A step that passed.
#[derive(Debug, Default)]
pub(super) struct StepPassed {
    pub saw: String,
    pub captured: BTreeMap<String, String>,
}

impl StepPassed {
    pub fn saw(saw: impl Into<String>) -> Self {
        Self { saw: saw.into(), captured: BTreeMap::new() }
    }
}

/// A step that failed.
#[derive(Debug)]
pub(super) struct StepFailed {
    pub expected: String,
    pub got: String,
    /// Our own side could not do what was asked; trying again would not help.
    pub ours: bool,
}

impl StepFailed {
    pub fn new(expected: impl Into<String>, got: impl Into<String>) -> Self {
        Self { expected: expected.into(), got: got.into(), ours: false }
    }

    pub fn ours(expected: impl Into<String>, got: impl Into<String>) -> Self {
        Self { ours: true, ..Self::new(expected, got) }
    }
}
