//! What a reader has been told of a run, so that nothing is told twice. Pure.

use std::collections::BTreeSet;

use super::facts::{CaseFact, Cause, CauseKind, SuiteFact};
use crate::model::Verdict;

/// The failures that have been told in full.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    units: BTreeSet<String>,
    suites: BTreeSet<String>,
    cases: BTreeSet<(String, String)>,
    causes: BTreeSet<String>,
    ends: bool,
    residual: bool,
    kept: bool,
}

impl Told {
    /// A unit's failure was told.
    pub fn unit(&mut self, name: &str) {
        self.units.insert(name.to_owned());
    }

    /// A suite's end was told.
    pub fn suite(&mut self, name: &str) {
        self.suites.insert(name.to_owned());
    }

    /// A case's failures were told.
    pub fn case(&mut self, suite: &str, id: &str) {
        self.cases.insert((suite.to_owned(), id.to_owned()));
    }

    /// A cause was told.
    pub fn cause(&mut self, cause: &Cause) {
        self.causes.insert(cause.text.clone());
    }

    /// The end of a unit that no step asked for was told; so is each.
    pub fn ends(&mut self) {
        self.ends = true;
    }

    /// The objects that could not be removed were told.
    pub fn residual(&mut self) {
        self.residual = true;
    }

    /// It was told that the environment is kept.
    pub fn kept(&mut self) {
        self.kept = true;
    }

    /// Whether a unit's failure was told.
    pub fn has_unit(&self, name: &str) -> bool {
        self.units.contains(name)
    }

    /// Whether a suite's end was told.
    pub fn has_suite(&self, name: &str) -> bool {
        self.suites.contains(name)
    }

    /// Whether a case's failures were told.
    pub fn has_case(&self, suite: &str, id: &str) -> bool {
        self.cases.contains(&(suite.to_owned(), id.to_owned()))
    }

    /// Whether the ends of units that no step asked for were told.
    pub fn has_ends(&self) -> bool {
        self.ends
    }

    /// Whether the objects that could not be removed were told.
    pub fn has_residual(&self) -> bool {
        self.residual
    }

    /// Whether it was told that the environment is kept.
    pub fn has_kept(&self) -> bool {
        self.kept
    }

    /// Whether a cause was told: itself, or the unit, suite or removal that it summarizes.
    pub fn has_cause(&self, cause: &Cause) -> bool {
        let begins = |word: &str, end: &str| cause.text.starts_with(&format!("{word}{end}"));
        self.causes.contains(&cause.text)
            || match cause.kind {
                CauseKind::NotReady | CauseKind::NoCapacity => self.units.iter().any(|u| begins(u, ": ")),
                kind if kind.is_of_suite() => self.suites.iter().any(|s| begins(&format!("suite {s}"), " ")),
                CauseKind::TeardownIncomplete => self.residual && begins("could not remove", " "),
                _ => false,
            }
    }
}

/// The reason of a suite, unless one of its cases begins with it.
pub fn own_reason(suite: &SuiteFact) -> Option<&str> {
    let reason = suite.reason.as_deref()?;
    let is_shown = |case: &CaseFact| case.verdict.is_some_and(|v| v != Verdict::Passed);
    let says = |case: &CaseFact| is_shown(case) && case.failures.iter().any(|f| f.got.starts_with(reason));
    (!suite.cases.iter().any(says)).then_some(reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(kind: CauseKind, text: &str) -> Cause {
        Cause { kind, text: text.into() }
    }

    #[test]
    fn a_cause_is_told_with_what_it_summarizes() {
        let mut told = Told::default();
        let unit = cause(CauseKind::NotReady, "api: its process exited with code 3");
        let suite = cause(CauseKind::AcceptanceFailed, "suite smoke failed (A1)");
        let removal = cause(CauseKind::TeardownIncomplete, "could not remove network x");
        let other = cause(CauseKind::Superseded, "newer run");
        for cause in [&unit, &suite, &removal, &other] {
            assert!(!told.has_cause(cause), "{cause:?}");
        }
        told.unit("api");
        told.suite("smoke");
        told.residual();
        told.cause(&other);
        for cause in [&unit, &suite, &removal, &other] {
            assert!(told.has_cause(cause), "{cause:?}");
        }
        for text in ["api-2: not ready", "failed to reach a container engine"] {
            assert!(!told.has_cause(&cause(CauseKind::NotReady, text)), "{text}");
        }
        assert!(!told.has_cause(&cause(CauseKind::Inconclusive, "suite smoke-2 could not be judged")));
    }
}
