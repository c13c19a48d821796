//! Derives the verdict of a suite and the causes of a run. Pure.

use std::collections::BTreeMap;

use crate::model::Verdict;
use crate::report::counts::is_flaky;
use crate::report::facts::{CaseFact, Cause, CauseKind, SuiteFact, UnitEnd};
use crate::spec::model::{FlakyRule, SuiteKind};

/// The worst verdict of the cases. A suite without a judged case is inconclusive, with the reason.
pub fn verdict(cases: &[CaseFact]) -> (Verdict, Option<String>) {
    match cases.iter().filter_map(|c| c.verdict).max() {
        Some(worst) => (worst, None),
        None if cases.is_empty() => (Verdict::Inconclusive, Some("no test ran".into())),
        None => (Verdict::Inconclusive, Some("every test was skipped".into())),
    }
}

/// Most flaky cases that a reason names.
const MAX_NAMED: usize = 20;

/// Why a suite that passed fails by its rule about flaky cases, if it does.
pub fn flaky(rule: FlakyRule, suite: &SuiteFact) -> Option<String> {
    if rule == FlakyRule::Warn || suite.verdict != Some(Verdict::Passed) {
        return None;
    }
    let mut ids: Vec<_> = suite.cases.iter().filter(|c| is_flaky(c)).map(|c| c.id.as_str()).collect();
    let more = ids.len().saturating_sub(MAX_NAMED);
    ids.truncate(MAX_NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!ids.is_empty()).then(|| format!("flaky: {}{more} failed before it passed (`flaky: fail`)", ids.join(", ")))
}

/// The cause that a suite adds to the run, if it did not pass.
pub fn cause(suite: &SuiteFact) -> Option<Cause> {
    let count =
        |v| suite.cases.iter().filter(|c| c.verdict == Some(v)).map(|c| c.id.as_str()).collect::<Vec<_>>().join(", ");
    let because = suite.reason.as_ref().map(|r| format!(": {r}")).unwrap_or_default();
    match (suite.verdict, suite.kind) {
        (Some(Verdict::Passed), _) => None,
        (Some(Verdict::Failed), kind) => {
            let kind = match kind {
                SuiteKind::Acceptance => CauseKind::AcceptanceFailed,
                SuiteKind::Security => CauseKind::SecurityFailed,
                SuiteKind::Dependencies => CauseKind::DependenciesFailed,
            };
            Some(Cause {
                kind,
                text: format!("suite {} failed{}{because}", suite.name, listed(&count(Verdict::Failed))),
            })
        }
        (Some(Verdict::Inconclusive) | None, _) => Some(Cause {
            kind: CauseKind::Inconclusive,
            text: format!("suite {} could not be judged{}{because}", suite.name, listed(&count(Verdict::Inconclusive))),
        }),
    }
}

/// The causes of units that ended while suites ran: one for each, unless a suite allows it.
pub fn unit_ends(ends: &[UnitEnd]) -> Vec<Cause> {
    let mut by_unit: BTreeMap<&str, Vec<&UnitEnd>> = BTreeMap::new();
    for end in ends.iter().filter(|end| end.allowed_by.is_none()) {
        by_unit.entry(&end.unit).or_default().push(end);
    }
    by_unit.into_iter().map(|(unit, ends)| unit_end(unit, &ends)).collect()
}

fn unit_end(unit: &str, ends: &[&UnitEnd]) -> Cause {
    // What came from outside explains the exit that followed, and says nothing about the unit.
    let first = ends.iter().find(|end| !end.own).or(ends.first());
    let what = first.map_or("it ended", |end| end.what.as_str());
    let when = first.map(|end| end.when()).unwrap_or_default();
    let times: u32 = ends.iter().fold(0, |sum, end| sum.saturating_add(end.times));
    let often = if times > 1 { format!(" (the first of {times} such events)") } else { String::new() };
    let own = ends.iter().all(|end| end.own);
    let advice = if own { "; read its log, or allow it with `mayEnd` of the suite" } else { "" };
    Cause {
        kind: if own { CauseKind::UnitEnded } else { CauseKind::Inconclusive },
        text: format!("{unit}: {what} {when}{often}, and no step asked for it{advice}"),
    }
}

fn listed(ids: &str) -> String {
    if ids.is_empty() { String::new() } else { format!(" ({ids})") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::case_fact;

    fn case(verdict: Option<Verdict>) -> CaseFact {
        CaseFact { verdict, ..case_fact("A1") }
    }

    #[test]
    fn takes_the_worst_verdict_of_the_cases() {
        assert_eq!(
            verdict(&[case(Some(Verdict::Passed)), case(Some(Verdict::Failed)), case(Some(Verdict::Inconclusive))]).0,
            Verdict::Failed
        );
        assert_eq!(verdict(&[case(Some(Verdict::Passed)), case(Some(Verdict::Inconclusive))]).0, Verdict::Inconclusive);
        assert_eq!(verdict(&[case(Some(Verdict::Passed)), case(None)]).0, Verdict::Passed);
    }

    #[test]
    fn fails_a_suite_with_flaky_cases_only_by_its_rule() {
        let facts = |failed_attempts, verdict| SuiteFact {
            verdict: Some(verdict),
            cases: vec![CaseFact { attempts: 2, failed_attempts, ..case_fact("A1") }],
            ..crate::testing::suite_fact("s")
        };
        let flaky = |rule, failed| flaky(rule, &facts(failed, Verdict::Passed));
        assert_eq!(flaky(FlakyRule::Warn, 1), None);
        assert_eq!(flaky(FlakyRule::Fail, 0), None);
        assert_eq!(flaky(FlakyRule::Fail, 1).unwrap(), "flaky: A1 failed before it passed (`flaky: fail`)");
        assert_eq!(super::flaky(FlakyRule::Fail, &facts(1, Verdict::Inconclusive)), None);
    }

    #[test]
    fn never_passes_a_suite_without_a_judged_case() {
        assert_eq!(verdict(&[]), (Verdict::Inconclusive, Some("no test ran".into())));
        assert_eq!(verdict(&[case(None)]), (Verdict::Inconclusive, Some("every test was skipped".into())));
    }
}
