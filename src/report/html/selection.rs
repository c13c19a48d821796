//! Which cases a page shows whole, and which in one line: tens of thousands of cases with their steps would make a page that
//! no browser opens. Pure.

use std::collections::HashSet;

use crate::model::Verdict;
use crate::report::facts::{CaseFact, Facts};

/// Most cases of a page that are shown whole.
const MAX_WHOLE: usize = 2000;

/// The cases that are shown whole, by the places of their suite and of themselves.
pub(super) struct Selection(HashSet<(usize, usize)>);

impl Selection {
    /// Selects cases that did not pass before those that did.
    pub fn new(facts: &Facts) -> Self {
        let places = |passed: bool| {
            let cases = move |(s, suite): (usize, &'_ crate::report::facts::SuiteFact)| -> Vec<(usize, usize)> {
                let wanted = |(_, case): &(usize, &CaseFact)| (case.verdict == Some(Verdict::Passed)) == passed;
                suite.cases.iter().enumerate().filter(wanted).take(MAX_WHOLE).map(|(c, _)| (s, c)).collect()
            };
            facts.suites.iter().enumerate().flat_map(cases)
        };
        Self(places(false).chain(places(true)).take(MAX_WHOLE).collect())
    }

    /// Returns true if the case is shown whole.
    pub fn has(&self, suite: usize, case: usize) -> bool {
        self.0.contains(&(suite, case))
    }
}
