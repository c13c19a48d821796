//! How a run ended: its causes, and the one word that they and the suites amount to. Pure.

use serde::{Deserialize, Serialize};

use super::Facts;
use crate::model::{Outcome, Verdict};

/// The kinds of cause, each with its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CauseKind {
    /// 1
    Unexpected,
    /// 2
    Invalid,
    /// 3
    NoCapacity,
    /// 4
    NotReady,
    /// 5
    AcceptanceFailed,
    /// 6
    SecurityFailed,
    /// 7
    Inconclusive,
    /// 8
    NoEvidence,
    /// 9
    TeardownIncomplete,
    /// 10
    Refused,
    /// 130, by the user or CI
    Interrupted,
    /// 1, by a newer run of the same pull request
    Superseded,
}

/// One cause of a result other than passed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cause {
    /// Which.
    pub kind: CauseKind,
    /// In one sentence.
    pub text: String,
}

impl Facts {
    /// The outcome, from the causes and the suites: a run without a suite that passed is never passed.
    pub fn outcome(&self) -> Outcome {
        let judged = |v| self.suites.iter().any(|s| s.verdict == Some(v));
        match self.causes.iter().map(|c| c.kind).find(|k| *k != CauseKind::TeardownIncomplete) {
            Some(CauseKind::AcceptanceFailed | CauseKind::SecurityFailed) => Outcome::Failed,
            Some(CauseKind::Inconclusive) if !judged(Verdict::Failed) => Outcome::Inconclusive,
            Some(CauseKind::Inconclusive) => Outcome::Failed,
            Some(CauseKind::Interrupted | CauseKind::Superseded) => Outcome::Aborted,
            Some(_) => Outcome::Error,
            None if judged(Verdict::Failed) => Outcome::Failed,
            None if self.suites.is_empty() || self.suites.iter().any(|s| s.verdict != Some(Verdict::Passed)) => {
                Outcome::Inconclusive
            }
            None => Outcome::Passed,
        }
    }
}
