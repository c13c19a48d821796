//! Cases that a developer chooses, and the cases that these build on. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::together::{given, needs};
use crate::model::Verdict;
use crate::plan::{Plan, SuiteExecutor};
use crate::report::Facts;
use crate::spec::model::Case;

/// Most ids that a message lists.
const MAX_LISTED: usize = 20;

/// A chosen case: its id, and its suite where the id alone is not enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChosenCase {
    suite: Option<String>,
    id: String,
}

impl ChosenCase {
    /// Parses `ID` or `SUITE/ID`. A name before the first slash that is no suite belongs to the id.
    pub fn parse(text: &str, plan: &Plan) -> Self {
        match text.split_once('/').filter(|(suite, _)| plan.suites.contains_key(*suite)) {
            Some((suite, id)) => Self { suite: Some(suite.to_owned()), id: id.to_owned() },
            None => Self { suite: None, id: text.to_owned() },
        }
    }

    fn is(&self, suite: &str, case: &Case) -> bool {
        self.id == case.id && self.suite.as_ref().is_none_or(|chosen| chosen == suite)
    }
}

/// Leaves only the chosen cases in the plan, with earlier cases whose controls and variables they need. The error names a case
/// that does not exist, or that only its container knows.
pub fn choose_cases(plan: &mut Plan, chosen: &[ChosenCase]) -> Result<(), String> {
    for case in chosen {
        check(plan, case)?;
    }
    plan.suites.retain(|name, suite| match &mut suite.executor {
        SuiteExecutor::Container(_) | SuiteExecutor::Dependencies(_) => false,
        SuiteExecutor::Steps { cases } => {
            let wanted = |case: &Case| chosen.iter().any(|c| c.is(name, case));
            *cases = with_foundations(std::mem::take(cases), wanted);
            !cases.is_empty()
        }
    });
    Ok(())
}

/// What a plan has, and a report does not show as passed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct NotPassed {
    /// Something is left in the plan.
    pub any: bool,
    /// Suites, and cases as `SUITE/ID`, that the report does not know.
    pub unknown: Vec<String>,
}

/// Leaves only the cases and container suites in the plan that did not pass in a report, although it knows them.
pub fn choose_failed(plan: &mut Plan, report: &Facts) -> NotPassed {
    let mut unknown = vec![];
    plan.suites.retain(|name, suite| {
        let Some(known) = report.suites.iter().find(|known| known.name == *name) else {
            unknown.push(name.clone());
            return false;
        };
        let SuiteExecutor::Steps { cases } = &mut suite.executor else {
            return known.verdict != Some(Verdict::Passed);
        };
        let shown: BTreeMap<&str, Option<Verdict>> = known.cases.iter().map(|c| (c.id.as_str(), c.verdict)).collect();
        let new = cases.iter().filter(|case| !shown.contains_key(case.id.as_str()));
        unknown.extend(new.map(|case| format!("{name}/{}", case.id)));
        let did_not_pass =
            |case: &Case| shown.get(case.id.as_str()).is_some_and(|verdict| *verdict != Some(Verdict::Passed));
        // A suite that could not be judged as a whole runs as a whole.
        if known.verdict == Some(Verdict::Passed) || cases.iter().any(did_not_pass) {
            *cases = with_foundations(std::mem::take(cases), did_not_pass);
        }
        !cases.is_empty()
    });
    NotPassed { any: !plan.suites.is_empty(), unknown }
}

fn check(plan: &Plan, chosen: &ChosenCase) -> Result<(), String> {
    let mut known = vec![];
    for (name, suite) in plan.suites.iter().filter(|(name, _)| chosen.suite.as_ref().is_none_or(|c| c == *name)) {
        match &suite.executor {
            SuiteExecutor::Container(_) if chosen.suite.is_some() => {
                return Err(format!(
                    "suite {name} is a container, which runs its cases itself; choose it with --suite {name}"
                ));
            }
            SuiteExecutor::Dependencies(_) if chosen.suite.is_some() => {
                return Err(format!("suite {name} scans everything at once; choose it with --suite {name}"));
            }
            SuiteExecutor::Container(_) | SuiteExecutor::Dependencies(_) => {}
            SuiteExecutor::Steps { cases } if cases.iter().any(|case| chosen.is(name, case)) => return Ok(()),
            SuiteExecutor::Steps { cases } => known.extend(cases.iter().map(|case| case.id.as_str())),
        }
    }
    let more = if known.len() > MAX_LISTED { format!(" and {} more", known.len() - MAX_LISTED) } else { String::new() };
    let listed = if known.is_empty() { "none".to_owned() } else { known[..known.len().min(MAX_LISTED)].join(", ") };
    Err(format!("there is no case {}; there is: {listed}{more}; `--list` shows all", chosen.id))
}

/// The wanted cases, and those before them whose controls and variables they need.
fn with_foundations(cases: Vec<Case>, wanted: impl Fn(&Case) -> bool) -> Vec<Case> {
    let mut open = BTreeSet::new();
    let mut kept: Vec<Case> = cases
        .into_iter()
        .rev()
        .filter(|case| {
            let gives = given(case);
            let is_kept = wanted(case) || !gives.is_disjoint(&open);
            if is_kept {
                open.retain(|name| !gives.contains(name));
                open.extend(needs(case));
            }
            is_kept
        })
        .collect();
    kept.reverse();
    kept
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn cases() -> Vec<Case> {
        serde_json::from_value(json!([
            { "id": "A1", "name": "opens", "steps": [{ "name": "open", "tcp": { "to": "web:1", "capture": { "at": "address" } } }] },
            { "id": "A2", "name": "stands alone", "steps": [{ "http": { "url": "http://web/" } }] },
            { "id": "A3", "name": "builds on A1", "steps": [{ "control": "open", "tcp": { "to": "${at}", "refused": true } }] },
        ]))
        .unwrap()
    }

    #[test]
    fn a_chosen_case_brings_those_that_it_builds_on() {
        let ids = |id: &str| -> Vec<String> {
            with_foundations(cases(), |case| case.id == id).into_iter().map(|case| case.id).collect()
        };
        assert_eq!(ids("A2"), ["A2"]);
        assert_eq!(ids("A3"), ["A1", "A3"]);
        assert_eq!(ids("none"), [""; 0]);
    }
}
