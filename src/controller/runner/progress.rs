//! Applies the events of a run to the object's status. Pure: the time is an argument.

use jiff::Timestamp;

use crate::crd::{Endpoint, RunStatus, Stage, SuiteStatus};
use crate::lifecycle::RunEvent;
use crate::model::Verdict;
use crate::plan::Plan;
use crate::report::Facts;
use crate::report::exit_code;
use crate::report::facts::{Cause, CauseKind, SuiteFact};

/// Limits of a status; the report has everything.
const MAX_CAUSES: usize = 10;
const MAX_CHARS: usize = 500;

/// Applies an event; returns whether the status changed.
pub fn apply(run: &mut RunStatus, event: &RunEvent, plan: &Plan, now: Timestamp) -> bool {
    let before = run.clone();
    match event {
        RunEvent::Engine { .. } => run.stage = Stage::Provisioning,
        RunEvent::Pulling { reference, status } => run.waiting = Some(short(&format!("image {reference}: {status}"))),
        RunEvent::Prepared => {
            run.waiting = None;
            run.services = Some(format!("0/{}", total(plan)));
        }
        RunEvent::UnitWaiting { unit, last } => run.waiting = Some(short(&format!("{unit}: {last}"))),
        RunEvent::UnitReady { .. } if run.stage == Stage::Provisioning => count_ready(run, plan),
        RunEvent::Up { .. } => {
            (run.stage, run.ready_time, run.waiting) = (Stage::Testing, Some(now), None);
            run.endpoints = endpoints(plan);
        }
        RunEvent::SuiteStarted { suite } => run.suites.push(summary(suite)),
        RunEvent::CaseDone { suite, case } => {
            if let Some(of) = run.suites.iter_mut().find(|s| s.name == *suite) {
                count(of, case.verdict);
            }
        }
        RunEvent::SuiteDone { suite } => {
            run.suites.retain(|s| s.name != suite.name);
            run.suites.push(summary(suite));
        }
        RunEvent::Cause { cause } => {
            run.waiting = None;
            if run.causes.len() < MAX_CAUSES {
                run.causes.push(short(&cause.text));
            }
        }
        RunEvent::Diagnostics { .. } => run.stage = Stage::Removing,
        RunEvent::Kept { reason } => run.keep_reason = Some(reason.clone()),
        RunEvent::Removing { .. } => (run.stage, run.endpoints) = (Stage::Removing, vec![]),
        _ => {}
    }
    *run != before
}

/// Applies the facts of an ended run.
pub fn finish(run: &mut RunStatus, facts: &Facts, exit_code: u8, now: Timestamp) {
    run.stage = Stage::Ended;
    run.waiting = None;
    run.outcome = Some(facts.outcome());
    run.exit_code = Some(exit_code);
    run.completion_time = Some(now);
    // A newer run or another owner has the environment: nothing is left for this one to remove.
    let gone = |kind| matches!(kind, CauseKind::Superseded | CauseKind::OwnedByOther);
    run.removal_time = facts.removed.or(facts.causes.iter().any(|c| gone(c.kind)).then_some(now));
}

/// Applies the sealed facts of a run whose runner was lost after it sealed them.
pub fn finish_lost(run: &mut RunStatus, mut facts: Facts, how: &str, now: Timestamp) {
    if facts.removed.is_none() && facts.kept.is_none() {
        let text = format!("the removal of the environment was not confirmed: {how}");
        facts.causes.push(Cause { kind: CauseKind::TeardownIncomplete, text });
    }
    run.causes = facts.causes.iter().take(MAX_CAUSES).map(|c| short(&c.text)).collect();
    run.suites = facts.suites.iter().map(summary).collect();
    run.keep_reason.clone_from(&facts.kept);
    if facts.kept.is_none() {
        run.endpoints.clear();
    }
    finish(run, &facts, exit_code::from_facts(&facts), now);
}

/// The number of units that start with the environment.
fn total(plan: &Plan) -> usize {
    plan.units.iter().filter(|u| !u.start_late).count()
}

fn count_ready(run: &mut RunStatus, plan: &Plan) {
    let ready = run.services.as_deref().and_then(|s| s.split('/').next()?.parse::<usize>().ok()).unwrap_or(0);
    run.services = Some(format!("{}/{}", ready + 1, total(plan)));
    run.waiting = None;
}

fn endpoints(plan: &Plan) -> Vec<Endpoint> {
    let of = |u: &crate::plan::Unit| {
        let address = format!("{}.{}.svc:{}", u.name, plan.environment, u.port?);
        Some(Endpoint { name: u.name.clone(), address })
    };
    plan.units.iter().filter_map(of).collect()
}

fn summary(suite: &SuiteFact) -> SuiteStatus {
    let mut status = SuiteStatus {
        name: suite.name.clone(),
        kind: suite.kind,
        verdict: suite.verdict,
        passed: 0,
        failed: 0,
        inconclusive: 0,
        reason: suite.reason.as_deref().map(short),
    };
    suite.cases.iter().for_each(|c| count(&mut status, c.verdict));
    status
}

fn count(status: &mut SuiteStatus, verdict: Option<Verdict>) {
    match verdict {
        Some(Verdict::Passed) => status.passed += 1,
        Some(Verdict::Failed) => status.failed += 1,
        Some(Verdict::Inconclusive) => status.inconclusive += 1,
        None => {}
    }
}

/// Truncates a text to fit a status.
pub fn short(text: &str) -> String {
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::plan_of;

    fn after(events: &[RunEvent]) -> RunStatus {
        let mut run = RunStatus { stage: Stage::Provisioning, ..RunStatus::default() };
        let plan = plan_of(&[("db", &[]), ("web", &["db"])]);
        for event in events {
            apply(&mut run, event, &plan, Timestamp::UNIX_EPOCH);
        }
        run
    }

    fn ready(unit: &str) -> RunEvent {
        RunEvent::UnitReady { unit: unit.into(), took_ms: 1 }
    }

    #[test]
    fn counts_ready_services_and_shows_what_is_waited_for() {
        let waiting = RunEvent::UnitWaiting { unit: "web".into(), last: "connection refused".into() };
        let run = after(&[RunEvent::Prepared, ready("db"), waiting.clone()]);
        assert_eq!((run.services.as_deref(), run.waiting.as_deref()), (Some("1/2"), Some("web: connection refused")));
        let up = after(&[RunEvent::Prepared, ready("db"), waiting, ready("web"), RunEvent::Up { took_ms: 2 }]);
        assert_eq!((up.services.as_deref(), up.waiting, up.stage), (Some("2/2"), None, Stage::Testing));
        // A service that a suite restarts counts once.
        let again = after(&[RunEvent::Prepared, ready("db"), ready("web"), RunEvent::Up { took_ms: 2 }, ready("web")]);
        assert_eq!(again.services.as_deref(), Some("2/2"));
    }

    #[test]
    fn truncates_causes_in_number_and_length() {
        let cause = |text: String| RunEvent::Cause { cause: Cause { kind: CauseKind::Unexpected, text } };
        let run = after(&(0..50).map(|_| cause("ö".repeat(2000))).collect::<Vec<_>>());
        assert_eq!((run.causes.len(), run.causes[0].chars().count()), (MAX_CAUSES, MAX_CHARS + 1));
    }
}
