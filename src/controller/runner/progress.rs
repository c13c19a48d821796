//! What a run's notices come to in the object's status. Pure: the time is an argument.

use jiff::Timestamp;

use crate::crd::{Endpoint, RunStatus, Stage, SuiteStatus};
use crate::lifecycle::RunEvent;
use crate::model::Verdict;
use crate::plan::Plan;
use crate::report::Facts;
use crate::report::facts::{CauseKind, SuiteFact};

/// Most causes, and longest sentences, that a status holds; the report has all.
const MOST_CAUSES: usize = 10;
const LONGEST: usize = 500;

/// Adds what a notice says; returns whether the status is another now.
pub fn take(run: &mut RunStatus, notice: &RunEvent, plan: &Plan, now: Timestamp) -> bool {
    let before = run.clone();
    match notice {
        RunEvent::Engine { .. } => run.stage = Stage::Provisioning,
        RunEvent::Pulling { reference, status } => run.waiting = Some(short(&format!("image {reference}: {status}"))),
        RunEvent::Prepared => {
            run.waiting = None;
            run.services = Some(format!("0/{}", own(plan)));
        }
        RunEvent::UnitWaiting { unit, last } => run.waiting = Some(short(&format!("{unit}: {last}"))),
        RunEvent::UnitReady { .. } if run.stage == Stage::Provisioning => one_more(run, plan),
        RunEvent::Up { .. } => {
            (run.stage, run.ready, run.waiting) = (Stage::Testing, Some(now), None);
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
            if run.causes.len() < MOST_CAUSES {
                run.causes.push(short(&cause.text));
            }
        }
        RunEvent::Traces { .. } => run.stage = Stage::Removing,
        RunEvent::Kept { reason } => run.kept = Some(reason.clone()),
        RunEvent::Removing { .. } => (run.stage, run.endpoints) = (Stage::Removing, vec![]),
        _ => {}
    }
    *run != before
}

/// What is known at the end.
pub fn end(run: &mut RunStatus, facts: &Facts, exit_code: u8, now: Timestamp) {
    run.stage = Stage::Ended;
    run.waiting = None;
    run.outcome = Some(facts.outcome());
    run.exit_code = Some(exit_code);
    run.finished = Some(now);
    // What a newer run has is nothing that this one would have to remove.
    let superseded = facts.causes.iter().any(|c| c.kind == CauseKind::Superseded);
    run.released = facts.removed.or(superseded.then_some(now));
}

/// How many units start by themselves.
fn own(plan: &Plan) -> usize {
    plan.units.iter().filter(|u| !u.start_late).count()
}

fn one_more(run: &mut RunStatus, plan: &Plan) {
    let ready = run.services.as_deref().and_then(|s| s.split('/').next()?.parse::<usize>().ok()).unwrap_or(0);
    run.services = Some(format!("{}/{}", ready + 1, own(plan)));
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

/// A sentence that fits a status.
pub fn short(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::engine::fake::sample_plan;
    use crate::report::facts::Cause;

    fn after(notices: &[RunEvent]) -> RunStatus {
        let mut run = RunStatus { stage: Stage::Provisioning, ..RunStatus::default() };
        let plan = sample_plan(&[("db", &[]), ("web", &["db"])]);
        for notice in notices {
            take(&mut run, notice, &plan, Timestamp::UNIX_EPOCH);
        }
        run
    }

    fn ready(unit: &str) -> RunEvent {
        RunEvent::UnitReady { unit: unit.into(), took_ms: 1 }
    }

    #[test]
    fn services_are_counted_and_what_is_waited_for_is_said_until_it_is_there() {
        let waiting = RunEvent::UnitWaiting { unit: "web".into(), last: "connection refused".into() };
        let run = after(&[RunEvent::Prepared, ready("db"), waiting.clone()]);
        assert_eq!((run.services.as_deref(), run.waiting.as_deref()), (Some("1/2"), Some("web: connection refused")));
        let up = after(&[RunEvent::Prepared, ready("db"), waiting, ready("web"), RunEvent::Up { took_ms: 2 }]);
        assert_eq!((up.services.as_deref(), up.waiting, up.stage), (Some("2/2"), None, Stage::Testing));
        // A suite that starts a service again does not make it one more.
        let again = after(&[RunEvent::Prepared, ready("db"), ready("web"), RunEvent::Up { took_ms: 2 }, ready("web")]);
        assert_eq!(again.services.as_deref(), Some("2/2"));
    }

    #[test]
    fn only_so_many_causes_and_only_so_long_ones_are_kept() {
        let cause = |text: String| RunEvent::Cause { cause: Cause { kind: CauseKind::Unexpected, text } };
        let run = after(&(0..50).map(|_| cause("ö".repeat(2000))).collect::<Vec<_>>());
        assert_eq!((run.causes.len(), run.causes[0].chars().count()), (MOST_CAUSES, LONGEST + 1));
    }
}
