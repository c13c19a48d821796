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
    /// The agent failed, and not the environment; another attempt would fail too.
    pub agent_fault: bool,
    /// The machine was so busy that the failure proves nothing about the environment.
    pub busy: bool,
}

impl StepFailed {
    pub fn new(expected: impl Into<String>, got: impl Into<String>) -> Self {
        Self { expected: expected.into(), got: got.into(), agent_fault: false, busy: false }
    }

    pub fn agent_fault(expected: impl Into<String>, got: impl Into<String>) -> Self {
        Self { agent_fault: true, ..Self::new(expected, got) }
    }

    pub fn busy(expected: impl Into<String>, got: impl Into<String>) -> Self {
        Self { busy: true, ..Self::new(expected, got) }
    }
}
