//! Counts of the cases of a suite, the same for every view.

use super::facts::{CaseFact, SuiteFact};
use crate::model::Verdict;

/// How the cases of one suite, or of a run, came out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
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

impl Tally {
    /// Counts these cases.
    pub fn of<'a>(cases: impl IntoIterator<Item = &'a CaseFact>) -> Self {
        let mut tally = Self::default();
        for case in cases {
            tally.total += 1;
            match case.verdict {
                Some(Verdict::Passed) => tally.passed += 1,
                Some(Verdict::Failed) => tally.failed += 1,
                Some(Verdict::Inconclusive) => tally.inconclusive += 1,
                None => tally.skipped += 1,
            }
            tally.flaky += usize::from(is_flaky(case));
        }
        tally
    }

    /// `12 of 15 passed, 2 failed, 1 skipped`; `no case` for none.
    pub fn sentence(&self) -> String {
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
pub fn troubled(suites: &[SuiteFact]) -> impl Iterator<Item = (&SuiteFact, &CaseFact)> {
    let bad = |c: &CaseFact| matches!(c.verdict, Some(Verdict::Failed | Verdict::Inconclusive));
    suites.iter().flat_map(move |s| s.cases.iter().filter(move |c| bad(c)).map(move |c| (s, c)))
}
