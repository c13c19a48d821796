//! Reruns that a tool writes as repeated cases of one suite.
//!
//! Cases of the same name are different cases for most tools. Two tools repeat a case for each attempt: gotestsum, whose
//! names are unique, and pytest-rerunfailures, which writes an attempt that failed like one that passed.

use std::collections::{BTreeMap, HashMap};

use crate::model::Verdict;
use crate::report::facts::CaseFact;
use crate::suite::results::limits::MAX_FAILURES;

/// What repeated cases of a suite mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeats {
    /// Different cases.
    Cases,
    /// Attempts of one test, of which the last is not known; the exit code says if one that failed matters.
    Gotestsum,
    /// Attempts of one test; all but the last failed, and none shows it.
    Pytest,
}

impl Repeats {
    /// By the attributes of the suite.
    pub(super) fn of_suite(attributes: &BTreeMap<String, String>) -> Self {
        match attributes.get("name").map(String::as_str) {
            Some("pytest" | "pytest tests") => Self::Pytest,
            _ => Self::Cases,
        }
    }

    /// Only gotestsum has the answer of `go version` among its properties, such as `go1.24.1 linux/amd64`. Other
    /// tools have the version alone, and end with 0 although an attempt failed.
    pub(super) fn see_property(&mut self, attributes: &BTreeMap<String, String>) {
        let get = |key| attributes.get(key).map(String::as_str);
        if get("name") == Some("go.version") && get("value").is_some_and(|v| v.contains(' ')) {
            *self = Self::Gotestsum;
        }
    }

    /// Merges the attempts among the cases from `from`. `more`: the suite contains more cases than it declares.
    pub(super) fn merge(self, cases: &mut Vec<CaseFact>, from: usize, more: bool) {
        let meant = match self {
            Self::Cases => false,
            Self::Gotestsum => true,
            Self::Pytest => more,
        };
        if !meant {
            return;
        }
        let mut firsts: HashMap<String, usize> = HashMap::new();
        let mut merged: Vec<CaseFact> = Vec::new();
        for case in cases.drain(from..) {
            match firsts.get(&case.id) {
                Some(first) => self.add_attempt(&mut merged[*first], case),
                None => {
                    firsts.insert(case.id.clone(), merged.len());
                    merged.push(case);
                }
            }
        }
        cases.append(&mut merged);
    }

    fn add_attempt(self, first: &mut CaseFact, next: CaseFact) {
        // pytest writes an error after a failure of the test itself as a case of its own.
        let teardown = next.failures.first().is_some_and(|f| f.got.starts_with("failed on teardown"));
        if self == Self::Pytest && !teardown {
            first.failed_attempts = first.failed_attempts.max(first.attempts);
        }
        if !teardown {
            first.attempts = first.attempts.saturating_add(1);
            first.failed_attempts = first.failed_attempts.saturating_add(next.failed_attempts);
        }
        first.verdict = match (self, first.verdict, next.verdict) {
            (Self::Gotestsum, Some(Verdict::Passed), _) | (Self::Gotestsum, _, Some(Verdict::Passed)) => {
                Some(Verdict::Passed)
            }
            (_, one, other) => one.max(other),
        };
        first.took_ms = first.took_ms.saturating_add(next.took_ms);
        let room = MAX_FAILURES.saturating_sub(first.failures.len());
        first.failures.extend(next.failures.into_iter().take(room));
    }
}
