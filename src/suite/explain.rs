//! Adds to cases that did not pass what the units that they involved have logged.

use std::time::Duration;

use futures::StreamExt;
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};

use super::involved;
use crate::engine::LogLine;
use crate::lifecycle::candidates::Question;
use crate::lifecycle::clues;
use crate::lifecycle::session::Session;
use crate::model::Verdict;
use crate::plan::{SuiteExecutor, SuitePlan};
use crate::report::facts::CaseFact;

/// Time limit for the logbook to reach what was logged during the case.
const CATCH_UP_LIMIT: Duration = Duration::from_secs(3);
/// Maximum number of cases of one suite that get clues: more of them explain nothing more.
pub(super) const CASES: usize = 50;

/// Returns true for a case that needs clues.
pub(super) fn is_unexplained(case: &CaseFact) -> bool {
    matches!(case.verdict, Some(Verdict::Failed | Verdict::Inconclusive))
}

/// Adds the clues to a case of a suite that began at `began`, if the case did not pass.
pub(super) async fn explain(session: &Session, suite: &SuitePlan, began: Timestamp, case: &mut CaseFact) {
    explain_all(session, suite, began, std::slice::from_mut(case)).await;
}

/// As `explain`, for many cases that have just ended.
pub(super) async fn explain_all(session: &Session, suite: &SuitePlan, began: Timestamp, cases: &mut [CaseFact]) {
    let plan = &session.lease.plan;
    let mut caught_up = false;
    for case in cases.iter_mut().filter(|case| is_unexplained(case)).take(CASES) {
        let of_steps = match &suite.executor {
            SuiteExecutor::Steps { cases } => cases.iter().find(|c| c.id == case.id),
            SuiteExecutor::Container(_) | SuiteExecutor::Dependencies(_) => None,
        };
        let units = involved::units(plan, suite, of_steps);
        if !std::mem::replace(&mut caught_up, true) {
            catch_up(session, &units).await;
        }
        let from = case.started.unwrap_or(began);
        let took = SignedDuration::from_millis(i64::try_from(case.took_ms).unwrap_or(i64::MAX));
        let until = case.started.and_then(|at| at.checked_add(took).ok()).unwrap_or_else(Timestamp::now);
        let (ends, provoked) = (session.journal.facts().unit_ends, session.logbook.provoked());
        let question = Question { plan, units: &units, from, until, ends: &ends, provoked: &provoked };
        case.clues = session.logbook.view(|logs| clues::find(logs, &question));
    }
}

/// Waits until the logbook has what the engine has of these units.
async fn catch_up(session: &Session, units: &[String]) {
    let environment = &session.lease.environment;
    let last = join_all(units.iter().map(async |unit| -> Vec<LogLine> {
        match session.engine.logs(environment, Some(unit), Some(1), false).await {
            Ok(lines) => lines.filter_map(async |line| line.ok()).collect().await,
            // It was not started, or its log is unreadable, which the logbook says.
            Err(_) => vec![],
        }
    }));
    if let Ok(last) = tokio::time::timeout(CATCH_UP_LIMIT, last).await {
        // What comes late is missing among the clues, and nothing is judged by them.
        session.logbook.reaches(&last.concat(), CATCH_UP_LIMIT).await;
    }
}
