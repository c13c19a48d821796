//! Counts of cases, for every format.

use super::facts::{CaseFact, SuiteFact};
use crate::model::Verdict;

/// Counts of the cases of a suite or run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CaseCounts {
    /// All cases.
    pub total: usize,
    /// Passed cases, including flaky ones.
    pub passed: usize,
    /// Failed cases.
    pub failed: usize,
    /// Inconclusive cases.
    pub inconclusive: usize,
    /// Skipped cases.
    pub skipped: usize,
    /// Cases that failed and then passed.
    pub flaky: usize,
}

impl CaseCounts {
    /// Counts these cases.
    pub fn count<'a>(cases: impl IntoIterator<Item = &'a CaseFact>) -> Self {
        let mut counts = Self::default();
        for case in cases {
            counts.total += 1;
            match case.verdict {
                Some(Verdict::Passed) => counts.passed += 1,
                Some(Verdict::Failed) => counts.failed += 1,
                Some(Verdict::Inconclusive) => counts.inconclusive += 1,
                None => counts.skipped += 1,
            }
            counts.flaky += usize::from(is_flaky(case));
        }
        counts
    }

    /// `12 of 15 passed, 2 failed, 1 skipped`, or `no cases`.
    pub fn summary(&self) -> String {
        if self.total == 0 {
            return "no cases".into();
        }
        let others = [
            (self.failed, "failed"),
            (self.inconclusive, "inconclusive"),
            (self.skipped, "skipped"),
            (self.flaky, "flaky"),
        ];
        let mut parts = vec![format!("{} of {} passed", self.passed, self.total)];
        parts.extend(others.into_iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")));
        parts.join(", ")
    }
}

/// Returns true if the case passed after an attempt that failed.
pub fn is_flaky(case: &CaseFact) -> bool {
    case.verdict == Some(Verdict::Passed) && case.failed_attempts > 0
}

/// Failed and inconclusive cases with their suite, in order.
pub fn unsuccessful(suites: &[SuiteFact]) -> impl Iterator<Item = (&SuiteFact, &CaseFact)> {
    let bad = |c: &CaseFact| matches!(c.verdict, Some(Verdict::Failed | Verdict::Inconclusive));
    suites.iter().flat_map(move |s| s.cases.iter().filter(move |c| bad(c)).map(move |c| (s, c)))
}
