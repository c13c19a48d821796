//! Joins the attempts of a case or a container into one result. Pure.
//!
//! The last attempt decides. Earlier failures are kept, so that a case which failed and then passed is known to be flaky.

use std::collections::{BTreeSet, HashMap};

use crate::model::Verdict;
use crate::report::facts::{CaseFact, CaseFailure};

/// Most failures of one case that are kept.
const MAX_FAILURES: usize = 20;

/// The result of one attempt of a container.
pub struct Attempt {
    /// Its verdict.
    pub verdict: Verdict,
    /// The reason, unless the verdict is simply the worst of its cases.
    pub reason: Option<String>,
    /// Its cases.
    pub cases: Vec<CaseFact>,
}

/// Returns true if the case failed.
pub fn failed(case: &CaseFact) -> bool {
    case.verdict == Some(Verdict::Failed)
}

/// Joins a case of the last attempt with the same case of earlier ones, each with its number.
pub fn join(earlier: &[(usize, CaseFact)], last: CaseFact) -> CaseFact {
    let ran = || earlier.iter().filter(|(_, case)| case.verdict.is_some()).map(|(_, case)| case);
    let sum = |own: u8, of: fn(&CaseFact) -> u8| ran().fold(own, |sum, case| sum.saturating_add(of(case)));
    let mut case = CaseFact {
        attempts: sum(last.attempts, |c| c.attempts),
        failed_attempts: sum(last.failed_attempts, |c| c.failed_attempts),
        ..last
    };
    for (number, before) in earlier {
        add_failures(&mut case, *number, None, before);
    }
    case
}

/// Joins the attempts of a container suite, the last of which decides.
pub fn merge(suite: &str, mut attempts: Vec<Attempt>) -> Option<Attempt> {
    let last = attempts.pop()?;
    if attempts.is_empty() {
        return Some(last);
    }
    let count = attempts.len() + 1;
    let mut whole = whole_suite(suite, &last, count);
    let mut failed_attempts = BTreeSet::new();
    let mut earlier: HashMap<(String, usize), Vec<(usize, CaseFact)>> = HashMap::new();
    for (number, attempt) in (1..).zip(attempts) {
        if !attempt.cases.iter().any(failed) {
            let got = attempt.reason.unwrap_or_else(|| "it failed".into());
            failed_attempts.insert(number);
            add_failure(&mut whole, number, "the suite", "the suite passes", &got);
        }
        for (key, case) in keyed(attempt.cases) {
            earlier.entry(key).or_default().push((number, case));
        }
    }
    let mut cases = vec![];
    let mut not_again = vec![];
    for (key, case) in keyed(last.cases) {
        let before = earlier.remove(&key).unwrap_or_default();
        if case.verdict.is_none() {
            not_again.extend(before);
            cases.push(case);
        } else {
            cases.push(join(&before, case));
        }
    }
    not_again.extend(earlier.into_values().flatten());
    not_again.retain(|(_, case)| failed(case));
    not_again.sort_by(|(n, one), (m, other)| (n, &one.id).cmp(&(m, &other.id)));
    for (number, case) in &not_again {
        failed_attempts.insert(*number);
        add_failures(&mut whole, *number, Some("did not run again"), case);
    }
    if !failed_attempts.is_empty() {
        let earlier = u8::try_from(failed_attempts.len()).unwrap_or(u8::MAX);
        whole.failed_attempts = earlier.saturating_add(u8::from(failed(&whole)));
        cases.push(whole);
    }
    Some(Attempt { cases, ..last })
}

/// A case for what failed in an earlier attempt and is no case of the last one.
fn whole_suite(suite: &str, last: &Attempt, count: usize) -> CaseFact {
    CaseFact {
        id: "whole-suite".into(),
        name: format!("{suite} as a whole"),
        verdict: Some(last.verdict),
        started: None,
        took_ms: 0,
        attempts: u8::try_from(count).unwrap_or(u8::MAX),
        failed_attempts: 0,
        failures: vec![],
        steps: vec![],
        controls: vec![],
        source: None,
        clues: Default::default(),
    }
}

/// Cases by id; those with the same id by their order.
fn keyed(cases: Vec<CaseFact>) -> impl Iterator<Item = ((String, usize), CaseFact)> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    cases.into_iter().map(move |case| {
        let number = seen.entry(case.id.clone()).or_insert(0);
        *number += 1;
        ((case.id.clone(), *number), case)
    })
}

fn add_failures(to: &mut CaseFact, number: usize, remark: Option<&str>, before: &CaseFact) {
    let of = remark.map(|r| format!("{} (which {r}): ", before.id)).unwrap_or_default();
    for failure in &before.failures {
        if remark.is_some() {
            add_failure(to, number, &format!("{of}{}", failure.step), &failure.expected, &failure.got);
        } else if to.failures.len() < MAX_FAILURES {
            let step = format!("attempt {number}: {}", failure.step);
            to.failures.push(CaseFailure { step, ..failure.clone() });
        }
    }
    if remark.is_some() && before.failures.is_empty() {
        add_failure(to, number, of.trim_end_matches(": "), "the test passes", "it failed without details");
    }
}

/// Adds a failure of an attempt to the case of the whole suite.
fn add_failure(to: &mut CaseFact, number: usize, step: &str, expected: &str, got: &str) {
    let attempt = format!("attempt {number}: ");
    if to.failures.len() < MAX_FAILURES {
        to.failures.push(CaseFailure {
            step: format!("{attempt}{step}"),
            expected: expected.to_owned(),
            got: got.to_owned(),
            waited_ms: 0,
            source: None,
        });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::report::counts::is_flaky;
    use crate::testing::case_fact;

    fn case(id: &str, verdict: Verdict) -> CaseFact {
        let failure = CaseFailure {
            step: "failure".into(),
            expected: "the test passes".into(),
            got: "refused".into(),
            waited_ms: 0,
            source: None,
        };
        let bad = verdict == Verdict::Failed;
        CaseFact {
            verdict: Some(verdict),
            failed_attempts: u8::from(bad),
            failures: if bad { vec![failure] } else { vec![] },
            ..case_fact(id)
        }
    }

    fn attempt(verdict: Verdict, reason: Option<&str>, cases: Vec<CaseFact>) -> Attempt {
        Attempt { verdict, reason: reason.map(str::to_owned), cases }
    }

    use Verdict::{Failed, Passed};

    #[test]
    fn only_a_case_that_failed_and_then_passed_is_flaky() {
        let first = attempt(Failed, None, vec![case("a", Passed), case("b", Failed), case("c", Passed)]);
        let second = attempt(Passed, None, vec![case("a", Passed), case("b", Passed), case("c", Passed)]);
        let merged = merge("s", vec![first, second]).unwrap();
        assert_eq!(merged.cases.iter().filter(|c| is_flaky(c)).map(|c| c.id.as_str()).collect::<Vec<_>>(), ["b"]);
        let b = &merged.cases[1];
        assert_eq!((b.attempts, b.failed_attempts, b.failures[0].step.as_str()), (2, 1, "attempt 1: failure"));
        assert_eq!((merged.cases[0].attempts, merged.cases[0].failed_attempts, merged.cases.len()), (2, 0, 3));
    }

    #[test]
    fn a_case_that_failed_last_is_not_flaky() {
        let first = attempt(Failed, None, vec![case("a", Failed), case("b", Passed)]);
        let second = attempt(Failed, None, vec![case("a", Failed), case("b", Failed)]);
        let merged = merge("s", vec![first, second]).unwrap();
        let counts: Vec<_> = merged.cases.iter().map(|c| (c.attempts, c.failed_attempts, is_flaky(c))).collect();
        assert_eq!(counts, [(2, 2, false), (2, 1, false)]);
        assert_eq!(
            merged.cases[0].failures.iter().map(|f| f.step.as_str()).collect::<Vec<_>>(),
            ["failure", "attempt 1: failure"]
        );
    }

    #[test]
    fn cases_of_the_same_id_are_matched_by_their_order() {
        let first = attempt(Failed, None, vec![case("a", Passed), case("a", Failed)]);
        let second = attempt(Passed, None, vec![case("a", Passed), case("a", Passed)]);
        let merged = merge("s", vec![first, second]).unwrap();
        assert_eq!(merged.cases.iter().map(|c| c.failed_attempts).collect::<Vec<_>>(), [0, 1]);
    }

    #[test]
    fn a_suite_that_failed_without_a_failed_case_is_flaky_as_a_whole() {
        let first = attempt(Failed, Some("the suite exited with code 3"), vec![case("a", Passed)]);
        let merged = merge("s", vec![first, attempt(Passed, None, vec![case("a", Passed)])]).unwrap();
        let whole = &merged.cases[1];
        assert!(is_flaky(whole) && !is_flaky(&merged.cases[0]));
        assert_eq!(
            (whole.id.as_str(), whole.failures[0].got.as_str()),
            ("whole-suite", "the suite exited with code 3")
        );
    }

    #[test]
    fn a_failure_that_did_not_run_again_is_not_lost() {
        let skipped = CaseFact { verdict: None, ..case_fact("b") };
        let first = attempt(Failed, None, vec![case("hook", Failed), case("b", Failed)]);
        let merged = merge("s", vec![first, attempt(Passed, None, vec![case("a", Passed), skipped])]).unwrap();
        assert_eq!(merged.cases.iter().map(|c| c.verdict).collect::<Vec<_>>(), [Some(Passed), None, Some(Passed)]);
        let whole = &merged.cases[2];
        assert_eq!((whole.attempts, whole.failed_attempts), (2, 1));
        assert_eq!(
            whole.failures.iter().map(|f| f.step.as_str()).collect::<Vec<_>>(),
            ["attempt 1: b (which did not run again): failure", "attempt 1: hook (which did not run again): failure"]
        );
    }
}
