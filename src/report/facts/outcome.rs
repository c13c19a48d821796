//! The outcome of a run, from its causes and suites. Pure.

use super::{CauseKind, Facts};
use crate::model::{Outcome, Verdict};

impl Facts {
    /// The outcome, from the causes and the suites: a run without a suite that passed is never passed.
    pub fn outcome(&self) -> Outcome {
        let judged = |v| self.suites.iter().any(|s| s.verdict == Some(v));
        match self.causes.iter().map(|c| c.kind).find(|k| *k != CauseKind::TeardownIncomplete) {
            Some(
                CauseKind::AcceptanceFailed
                | CauseKind::SecurityFailed
                | CauseKind::DependenciesFailed
                | CauseKind::UnitEnded,
            ) => Outcome::Failed,
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
