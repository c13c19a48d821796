//! Verified evidence, with its outcome and its JSON. Pure.

use serde_json::json;

use crate::evidence::VerifyingKey;
use crate::evidence::predicate::{RemovalPredicate, RemovalState, TestOutcome};
use crate::evidence::verify::{Said, VerifiedRun};
use crate::model::Outcome;

/// Evidence that was verified.
pub enum VerifiedEvidence {
    /// The folder of a run.
    Run(Box<VerifiedRun>),
    /// The folder of a removal.
    Removal(Box<RemovalPredicate>),
    /// One envelope or bundle.
    File(Said),
}

impl VerifiedEvidence {
    /// The outcome in capitals.
    pub fn outcome(&self) -> &'static str {
        match self {
            Self::Run(r) => name(r.run.outcome),
            Self::File(Said::Run(r)) => name(r.outcome),
            Self::File(Said::Suite(s)) if s.test.result == TestOutcome::Passed => "PASSED",
            Self::File(Said::Suite(_)) => "FAILED",
            Self::File(Said::Opened(_)) => "OPENED",
            Self::Removal(r) | Self::File(Said::Removal(r)) => match r.state {
                RemovalState::Begun => "BEGUN",
                RemovalState::Removed => "REMOVED",
                RemovalState::Incomplete => "INCOMPLETE",
            },
        }
    }

    /// The evidence as JSON.
    pub fn json(&self, key: &VerifyingKey) -> serde_json::Value {
        let mut value = json!({"verified": true, "keyid": key.keyid(), "outcome": self.outcome()});
        let more = match self {
            Self::Run(r) => {
                json!({"opened": r.opened, "run": r.run, "rawPresent": r.raw_present, "rawAbsent": r.raw_absent})
            }
            Self::File(Said::Run(r)) => json!({"run": r}),
            Self::File(Said::Suite(s)) => json!({"suite": s}),
            Self::File(Said::Opened(o)) => json!({"opened": o}),
            Self::Removal(r) | Self::File(Said::Removal(r)) => json!({"removal": r}),
        };
        if let (Some(value), serde_json::Value::Object(more)) = (value.as_object_mut(), more) {
            value.extend(more);
        }
        value
    }
}

fn name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "PASSED",
        Outcome::Failed => "FAILED",
        Outcome::Inconclusive => "INCONCLUSIVE",
        Outcome::Error => "ERROR",
        Outcome::Aborted => "ABORTED",
    }
}
