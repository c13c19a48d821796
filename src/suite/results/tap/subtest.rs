//! Numbers and plan of one level of a TAP document.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::report::facts::CaseFact;
use crate::suite::results::limits::{MAX_CASES, MAX_NAME};
use crate::suite::results::text::cut;

/// The document, or a subtest in it.
#[derive(Default)]
pub(super) struct Subtest {
    plan: Option<u64>,
    numbers: BTreeSet<u64>,
    last: u64,
    /// Index of its first case.
    first: usize,
    /// Cases of a subtest whose own line comes next.
    inner: Option<Range<usize>>,
}

impl Subtest {
    pub(super) fn beginning_at(first: usize) -> Self {
        Self { first, ..Self::default() }
    }

    pub(super) fn first_case(&self) -> usize {
        self.first
    }

    pub(super) fn set_plan(&mut self, tests: u64) -> Result<(), String> {
        if self.plan.is_some() {
            return Err("it has two plans".into());
        }
        self.plan = Some(tests);
        Ok(())
    }

    /// Counts a test and returns its number.
    pub(super) fn add_test(&mut self, number: Option<u64>) -> Result<u64, String> {
        let number = number.unwrap_or(self.last.saturating_add(1));
        if number == 0 || number > MAX_CASES as u64 {
            return Err(format!("a test has the number {number}"));
        }
        if !self.numbers.insert(number) {
            return Err(format!("test {number} is there twice"));
        }
        self.last = number;
        Ok(number)
    }

    pub(super) fn set_inner(&mut self, cases: Range<usize>) {
        self.inner = Some(cases);
    }

    pub(super) fn take_inner(&mut self) -> Option<Range<usize>> {
        self.inner.take()
    }

    /// Compares plan and tests.
    pub(super) fn check(&self) -> Result<(), String> {
        let tests = self.numbers.len() as u64;
        match self.plan {
            None => Err(format!("it has no plan (`1..{}`), so its end may be missing", tests.max(1))),
            Some(plan) if plan != tests || self.numbers.last().is_some_and(|n| *n > plan) => {
                Err(format!("it plans {plan} tests but contains {tests}"))
            }
            Some(_) => Ok(()),
        }
    }
}

/// Puts the name of the test around a case before its own.
pub(super) fn put_inside(case: &mut CaseFact, outer: &str) {
    case.id = cut(&format!("{outer} > {}", case.id), MAX_NAME);
    case.name = case.id.clone();
}
