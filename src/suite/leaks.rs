//! Searches an environment for leaked secrets: the logs of its units, their argument lists, the engine's descriptions of them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::StreamExt;
use futures::future::join_all;
use serde_json::Value;
use tokio::time::timeout;

use super::isolation::selected_units;
use super::process_status;
use super::step_result::StepResult;
use crate::engine::{LogLine, RunningContainer};
use crate::lifecycle::session::Session;
use crate::model::Redactor;
use crate::plan::{Unit, UnitKind};
use crate::render::labels;

/// Time limit to read the logs of all units.
const LOGS_LIMIT: Duration = Duration::from_secs(120);
/// Time limit for the logbook to reach what the engine's logs still hold.
const CATCH_UP_LIMIT: Duration = Duration::from_secs(20);

/// What was searched, what was found, and what could not be searched.
struct Search {
    redactor: Redactor,
    found: BTreeSet<String>,
    /// Why a part of a log may be unsearched.
    unsearched: BTreeSet<String>,
    log_lines: u64,
    others: usize,
}

impl Search {
    fn search(&mut self, text: &str, place: impl Fn() -> String) {
        let names = self.redactor.find(text.as_bytes());
        self.found.extend(names.into_iter().map(|name| format!("{name} stands in {}", place())));
    }
}

/// The step `noSecretsLeaked`.
pub(super) async fn no_secrets_leaked(session: &Session) -> StepResult {
    let expected = "no generated secret in any log, argument list, label, or variable outside secretEnv";
    let redactor = session.journal.redactor();
    let (found, unsearched) = Default::default();
    let mut search = Search { redactor, found, unsearched, log_lines: 0, others: 0 };
    if let Err(why) = search_all(session, &mut search).await {
        return StepResult::inconclusive(expected, why);
    }
    if !search.found.is_empty() {
        return StepResult::failed(expected, listed(search.found));
    }
    if !search.unsearched.is_empty() {
        return StepResult::inconclusive(expected, listed(search.unsearched));
    }
    let services = session.lease.plan.units.iter().filter(|u| u.kind == UnitKind::Service).count();
    if search.log_lines == 0 && services > 0 {
        return StepResult::inconclusive(expected, "no service has written a log line, so there was nothing to search");
    }
    StepResult::passed(format!(
        "searched {} log lines and {} other texts for {} secrets",
        search.log_lines,
        search.others,
        search.redactor.count()
    ))
}

fn listed(all: BTreeSet<String>) -> String {
    all.into_iter().collect::<Vec<_>>().join("; ")
}

async fn search_all(session: &Session, search: &mut Search) -> Result<(), String> {
    let units = selected_units(session, &[]);
    let statuses = join_all(units.iter().map(|unit| process_status::read(session, unit)));
    let (logs, statuses) = tokio::join!(timeout(LOGS_LIMIT, search_logs(session, search)), statuses);
    logs.unwrap_or_else(|_| Err(format!("cannot read the logs: they did not end within {} s", LOGS_LIMIT.as_secs())))?;
    let running = session.engine.running_containers(&session.lease.environment).await;
    for container in running.map_err(|e| format!("failed to {e}"))? {
        search.others += 1;
        let inspect = without_secret_env(session, &container)?;
        search.search(&inspect, || format!("the engine's description of {}", container.unit));
    }
    for (unit, status) in units.iter().zip(statuses) {
        let status = status.map_err(|why| format!("cannot read the argument lists of {unit}: {why}"))?;
        for argument in status.arguments {
            search.others += 1;
            search.search(&argument, || format!("the argument lists of {unit}"));
        }
    }
    Ok(())
}

/// Returns the engine's description of a container without the variables that are there because the description says so.
fn without_secret_env(session: &Session, container: &RunningContainer) -> Result<String, String> {
    let is_copy = |u: &&Unit| (1..=u.replicas.max(1)).any(|n| labels::copy_name(&u.name, n) == container.unit);
    let Some(unit) = session.lease.plan.units.iter().find(is_copy).filter(|u| !u.secret_env.is_empty()) else {
        return Ok(container.inspect.clone());
    };
    let variables = session.secrets.env_of_unit(unit).map_err(|e| format!("failed to {e}"))?;
    let declared = variables.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut inspect: Value = serde_json::from_str(&container.inspect)
        .map_err(|e| format!("cannot read the engine's description of {}: {e}", container.unit))?;
    remove_strings(&mut inspect, &declared);
    Ok(inspect.to_string())
}

/// Removes these strings from every list.
fn remove_strings(value: &mut Value, strings: &BTreeSet<String>) {
    match value {
        Value::Array(items) => {
            items.retain(|item| !item.as_str().is_some_and(|text| strings.contains(text)));
            items.iter_mut().for_each(|item| remove_strings(item, strings));
        }
        Value::Object(map) => map.values_mut().for_each(|item| remove_strings(item, strings)),
        _ => {}
    }
}

/// Searches what the engine's logs hold now, and asks the logbook about what they no longer hold. The two must overlap.
async fn search_logs(session: &Session, search: &mut Search) -> Result<(), String> {
    let failed = |e| format!("cannot read the logs: failed to {e}");
    let mut lines = session.engine.logs(&session.lease.environment, None, None, false).await.map_err(failed)?;
    let mut first: BTreeMap<String, LogLine> = BTreeMap::new();
    // One line after the other: all logs together may be larger than the memory.
    while let Some(line) = lines.next().await {
        let line = line.map_err(failed)?;
        search.log_lines += 1;
        search.search(&line.text, || format!("the log of {}", line.unit));
        if line.cut {
            search.unsearched.insert(too_long(&line.unit));
        }
        first.entry(line.unit.clone()).or_insert(line);
    }
    for line in first.into_values() {
        let unit = line.unit.clone();
        if !session.logbook.reaches(&[line], CATCH_UP_LIMIT).await {
            let limit = CATCH_UP_LIMIT.as_secs();
            search.unsearched.insert(format!(
                "the log of {unit} is written faster than it is read: a part of it may be unsearched after {limit} s"
            ));
        }
    }
    session.logbook.view(|logs| {
        for (copy, log) in logs {
            search.found.extend(log.secrets.iter().map(|name| format!("{name} stands in the log of {copy}")));
            search.unsearched.extend(log.gaps.iter().map(|why| format!("the log of {copy} may be incomplete: {why}")));
            if log.cut {
                search.unsearched.insert(too_long(copy));
            }
        }
        search.log_lines = search.log_lines.max(logs.values().map(|log| log.lines).sum());
    });
    Ok(())
}

fn too_long(unit: &str) -> String {
    format!("the log of {unit} has a line that is too long to be searched to its end")
}
