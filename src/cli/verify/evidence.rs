//! Verified evidence, with its outcome and its JSON. Pure.

use serde_json::json;

use crate::evidence::VerifyingKey;
use crate::evidence::predicate::{RemovalPredicate, RemovalState, TestOutcome};
use crate::evidence::verify::{StatementContent, VerifiedRun, outcome_name};
use crate::model::Verdict;

/// Evidence that was verified.
pub enum VerifiedEvidence {
    /// The folder of a run.
    Run(Box<VerifiedRun>),
    /// The folder of a removal.
    Removal(Box<RemovalPredicate>),
    /// One envelope or bundle.
    File(StatementContent),
}

impl VerifiedEvidence {
    /// The outcome in capitals.
    pub fn outcome(&self) -> &'static str {
        match self {
            Self::Run(r) => outcome_name(r.run.outcome),
            Self::File(StatementContent::Run(r)) => outcome_name(r.outcome),
            Self::File(StatementContent::Suite(s)) if s.test.result == TestOutcome::Passed => "PASSED",
            Self::File(StatementContent::Suite(_)) => "FAILED",
            Self::File(StatementContent::Scan(s)) if s.scan.verdict == Verdict::Passed => "PASSED",
            Self::File(StatementContent::Scan(_)) => "FAILED",
            Self::File(StatementContent::Decision(d)) if d.verification_result == TestOutcome::Passed => "PASSED",
            Self::File(StatementContent::Decision(_)) => "FAILED",
            Self::File(StatementContent::Opened(_)) => "OPENED",
            Self::Removal(r) | Self::File(StatementContent::Removal(r)) => match r.state {
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
                let confirmed = !r.run.teardown.is_unconfirmed();
                json!({"opened": r.opened, "run": r.run, "scans": r.scans, "teardownConfirmed": confirmed,
                    "rawPresent": r.raw_present, "rawAbsent": r.raw_absent})
            }
            Self::File(StatementContent::Run(r)) => {
                json!({"run": r, "teardownConfirmed": !r.teardown.is_unconfirmed()})
            }
            Self::File(StatementContent::Suite(s)) => json!({"suite": s}),
            Self::File(StatementContent::Scan(s)) => json!({"scan": s}),
            Self::File(StatementContent::Decision(d)) => json!({"decision": d}),
            Self::File(StatementContent::Opened(o)) => json!({"opened": o}),
            Self::Removal(r) | Self::File(StatementContent::Removal(r)) => json!({"removal": r}),
        };
        if let (Some(value), serde_json::Value::Object(more)) = (value.as_object_mut(), more) {
            value.extend(more);
        }
        value
    }
}
