//! Which cases a page shows whole, and which in one line: tens of thousands of cases with their steps would make a page that
//! no browser opens. Pure.

use std::collections::HashSet;

use crate::model::Verdict;
use crate::report::facts::{CaseFact, SuiteFact};

/// Most cases of a page that are shown whole.
const MAX_WHOLE: usize = 2000;

/// The cases that are shown whole, by the places of their suite and of themselves.
pub(super) struct Selection(HashSet<(usize, usize)>);

impl Selection {
    /// Selects what failed before what is inconclusive, then what did not run, and what passed last.
    pub fn new(suites: &[SuiteFact]) -> Self {
        let order = [Some(Verdict::Failed), Some(Verdict::Inconclusive), None, Some(Verdict::Passed)];
        let places = |verdict: Option<Verdict>| {
            let cases = move |(s, suite): (usize, &'_ SuiteFact)| -> Vec<(usize, usize)> {
                let wanted = |(_, case): &(usize, &CaseFact)| case.verdict == verdict;
                suite.cases.iter().enumerate().filter(wanted).take(MAX_WHOLE).map(|(c, _)| (s, c)).collect()
            };
            suites.iter().enumerate().flat_map(cases)
        };
        Self(order.into_iter().flat_map(places).take(MAX_WHOLE).collect())
    }

    /// Returns true if the case is shown whole.
    pub fn has(&self, suite: usize, case: usize) -> bool {
        self.0.contains(&(suite, case))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_in_a_later_suite_comes_before_what_is_inconclusive_in_an_earlier_one() {
        let suite = |verdicts: &[(Option<&str>, usize)]| {
            let each = verdicts.iter().flat_map(|(verdict, count)| std::iter::repeat_n(verdict, *count));
            let cases: Vec<_> = each.map(|v| serde_json::json!({ "id": "A", "name": "a", "verdict": v, "tookMs": 0, "attempts": 1, "failures": [], "steps": [], "controls": [] })).collect();
            serde_json::json!({ "name": "s", "kind": "acceptance", "digest": "", "started": "2026-01-01T00:00:00Z", "cases": cases, "raw": [] })
        };
        let suites: Vec<SuiteFact> = serde_json::from_value(serde_json::json!([
            suite(&[(Some("passed"), 5), (Some("inconclusive"), MAX_WHOLE)]),
            suite(&[(None, 5), (Some("failed"), 5)]),
        ]))
        .unwrap();
        let chosen = Selection::new(&suites);
        assert!((5..10).all(|case| chosen.has(1, case)));
        assert!(chosen.has(0, 5) && !chosen.has(0, 4 + MAX_WHOLE) && !chosen.has(0, 0) && !chosen.has(1, 0));
        assert_eq!(chosen.0.len(), MAX_WHOLE);
    }
}
