//! Says why a unit did not become ready: the reason, the likely cause where a log names it, and an excerpt of its log.

use std::time::Duration;

use futures::StreamExt;
use jiff::Timestamp;

use super::candidates::Question;
use super::session::Session;
use super::{clues, excerpt};
use crate::engine::{EngineError, LogLine};
use crate::report::facts::CauseKind;

/// Maximum number of lines of a log that are read.
const LINES: usize = 500;
/// Time limit to read them.
const LOG_LIMIT: Duration = Duration::from_secs(30);
/// Time limit for the logbook to reach the end of the log.
const CATCH_UP_LIMIT: Duration = Duration::from_secs(2);

/// Why a unit did not become ready, with an excerpt of its log.
pub(super) struct UnitFailure {
    pub kind: CauseKind,
    pub reason: String,
    pub log: Vec<String>,
}

/// The failure of a unit.
pub(super) async fn explain(session: &Session, unit: &str, kind: CauseKind, reason: String) -> UnitFailure {
    let lines = match log(session, unit).await {
        Ok(lines) => lines,
        Err(why) => return UnitFailure { kind, reason, log: vec![why] },
    };
    if let Some(last) = lines.last() {
        // What comes late is missing among the clues, and nothing is judged by them.
        session.logbook.reaches(std::slice::from_ref(last), CATCH_UP_LIMIT).await;
    }
    let texts: Vec<String> = lines.into_iter().map(|line| line.text).collect();
    let log = excerpt::excerpt(&texts);
    let reason = match likely_cause(session, unit) {
        Some(cause) => format!("{reason}; likely cause: {cause}"),
        None => reason,
    };
    UnitFailure { kind, reason, log }
}

/// The last lines of a unit's log, or one line that says why they could not be read.
async fn log(session: &Session, unit: &str) -> Result<Vec<LogLine>, String> {
    let reading = async {
        let lines = session.engine.logs(&session.lease.environment, Some(unit), Some(LINES), false).await?;
        Ok::<Vec<_>, EngineError>(lines.filter_map(|l| async move { l.ok() }).collect().await)
    };
    match tokio::time::timeout(LOG_LIMIT, reading).await {
        Ok(Ok(lines)) => Ok(lines),
        Ok(Err(e)) => Err(format!("(log unavailable: failed to {e})")),
        Err(_) => Err(format!("(log unavailable: it did not end within {} s)", LOG_LIMIT.as_secs())),
    }
}

/// What the unit, or what it calls, says about a cause.
fn likely_cause(session: &Session, unit: &str) -> Option<String> {
    let plan = &session.lease.plan;
    let facts = session.journal.facts();
    let from = facts.units.iter().find(|u| u.name == unit)?.started?;
    let mut units = vec![unit.to_owned()];
    units.extend(plan.reachable_by(unit).map(|callee| callee.name.clone()));
    let provoked = session.logbook.provoked();
    let question = Question { plan, units: &units, from, until: Timestamp::now(), ends: &[], provoked: &provoked };
    session.logbook.view(|logs| clues::find(logs, &question)).likely_cause
}
