//! Derives the verdict of a suite and the causes of a run. Pure.

use crate::model::Verdict;
use crate::report::facts::{CaseFact, Cause, CauseKind, SuiteFact};
use crate::spec::model::SuiteKind;

/// The worst verdict of the cases. A suite without a judged case is inconclusive, with the reason.
pub fn verdict(cases: &[CaseFact]) -> (Verdict, Option<String>) {
    match cases.iter().filter_map(|c| c.verdict).max() {
        Some(worst) => (worst, None),
        None if cases.is_empty() => (Verdict::Inconclusive, Some("no test ran".into())),
        None => (Verdict::Inconclusive, Some("every test was skipped".into())),
    }
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
    fn never_passes_a_suite_without_a_judged_case() {
        assert_eq!(verdict(&[]), (Verdict::Inconclusive, Some("no test ran".into())));
        assert_eq!(verdict(&[case(None)]), (Verdict::Inconclusive, Some("every test was skipped".into())));
    }
}
