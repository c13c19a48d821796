//! Counts of the cases of a suite, the same for every view.

use super::facts::{CaseFact, SuiteFact};
use crate::model::Verdict;

/// How the cases of one suite, or of a run, came out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CaseCounts {
    /// All cases.
    pub total: usize,
    /// That passed, flaky ones included.
    pub passed: usize,
    /// That failed.
    pub failed: usize,
    /// That could not be judged.
    pub inconclusive: usize,
    /// That did not run.
    pub skipped: usize,
    /// That passed only when tried again.
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

    /// `12 of 15 passed, 2 failed, 1 skipped`; `no case` for none.
    pub fn summary(&self) -> String {
        if self.total == 0 {
            return "no case".into();
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

/// Passed, but not at the first attempt.
pub fn is_flaky(case: &CaseFact) -> bool {
    case.verdict == Some(Verdict::Passed) && case.attempts > 1
}

/// Failed or inconclusive cases with their suite, in order.
pub fn unsuccessful(suites: &[SuiteFact]) -> impl Iterator<Item = (&SuiteFact, &CaseFact)> {
    let bad = |c: &CaseFact| matches!(c.verdict, Some(Verdict::Failed | Verdict::Inconclusive));
    suites.iter().flat_map(move |s| s.cases.iter().filter(move |c| bad(c)).map(move |c| (s, c)))
}
