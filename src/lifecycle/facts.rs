//! Builds the facts of a run from its events. Pure: the time is an argument.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;

use super::event::RunEvent;
use crate::engine::{EngineKind, UNKNOWN_CODE};
use crate::lease::Lease;
use crate::plan::changes::Changes;
use crate::plan::{Plan, Unit};
use crate::report::facts::{
    CauseKind, Change, Event, Facts, Links, Requester, Runner, SCHEMA_VERSION, SuiteFact, UnitEnd, UnitFact,
};

/// The units of a plan before the first event.
fn units(plan: &Plan) -> Vec<UnitFact> {
    plan.units.iter().map(unit).collect()
}

fn unit(u: &Unit) -> UnitFact {
    UnitFact {
        name: u.name.clone(),
        kind: u.kind,
        image: u.image.clone(),
        running_digest: None,
        needs: u.needs.iter().cloned().collect(),
        replicas: u.replicas,
        limits: u.limits,
        confinement: u.confinement.clone(),
        started: None,
        ready: None,
        failure: None,
        last_log: vec![],
    }
}

/// Permitted connections as pairs (from, to).
fn access(plan: &Plan) -> Vec<(String, String)> {
    plan.units.iter().flat_map(|u| u.callers.iter().map(|c| (c.clone(), u.name.clone()))).collect()
}

/// The ports of the connections that are not permitted to all ports.
fn access_ports(plan: &Plan) -> Vec<(String, String, Vec<u16>)> {
    let of = |u: &Unit| u.caller_ports.keys().map(|c| (c.clone(), u.name.clone(), u.ports_for(c))).collect::<Vec<_>>();
    plan.units.iter().flat_map(of).collect()
}

fn requester(lease: &Lease) -> Requester {
    let object = lease.requester.as_deref().and_then(|r| r.split_once('/'));
    Requester {
        namespace: object.map(|(namespace, _)| namespace.to_owned()),
        name: object.map(|(_, name)| name.to_owned()),
        uid: None,
        user: lease.owner.as_ref().and_then(|o| o.account.clone()),
        proven: None,
    }
}

/// The facts of a run before its first event.
pub fn initial(lease: &Lease, path: &Path, change: Change, runner: Runner, engine: EngineKind) -> Facts {
    Facts {
        schema_version: SCHEMA_VERSION,
        links: Links::of(change.repository.as_deref(), change.pr, &change.commit, runner.job.as_deref()),
        unsigned: false,
        run: lease.run,
        environment: lease.environment.clone(),
        description: lease.plan.description.clone(),
        description_digest: lease.plan.description_digest.clone(),
        description_path: path.display().to_string(),
        change,
        engine,
        engine_info: None,
        runner,
        policy: None,
        requester: Some(requester(lease)),
        started: lease.created,
        finished: None,
        units: units(&lease.plan),
        access: access(&lease.plan),
        access_ports: access_ports(&lease.plan),
        images: BTreeMap::new(),
        suites: vec![],
        not_selected: vec![],
        left_out: lease.plan.left_out(),
        unit_ends: vec![],
        events: vec![],
        causes: vec![],
        residual: vec![],
        removed: None,
        kept: None,
        taken_over: None,
        traces: vec![],
    }
}

/// Applies an event; returns true if the facts should be saved.
pub fn apply(facts: &mut Facts, event: &RunEvent, at: Timestamp) -> bool {
    if ended_again(facts, event, at) {
        return false;
    }
    if let Some((about, text)) = event_text(event) {
        facts.events.push(Event { at, about, text });
    }
    match event {
        RunEvent::Pulling { .. }
        | RunEvent::UnitWaiting { .. }
        | RunEvent::CaseStarted { .. }
        | RunEvent::StepStarted { .. }
        | RunEvent::SuiteLine { .. } => return false,
        RunEvent::Engine { info } => facts.engine_info = Some(info.clone()),
        RunEvent::Gaps { gaps } => {
            if let Some(info) = &mut facts.engine_info {
                info.gaps.clone_from(gaps);
            }
        }
        RunEvent::Images { images } => facts.images.clone_from(images),
        RunEvent::UnitStarting { unit } => with_unit(facts, unit, |u| {
            u.started.get_or_insert(at);
        }),
        RunEvent::UnitReady { unit, .. } => with_unit(facts, unit, |u| {
            u.ready.get_or_insert(at);
        }),
        RunEvent::UnitFailed { unit, reason, log } => with_unit(facts, unit, |u| {
            u.failure = Some(reason.clone());
            u.last_log.clone_from(log);
        }),
        RunEvent::Running { digests } => {
            for (unit, digest) in digests {
                set_running_digest(facts, unit, digest);
            }
        }
        RunEvent::UnitEnded { .. } | RunEvent::UnitGone { .. } => {}
        RunEvent::SuiteStarted { suite } => facts.suites.push(suite.clone()),
        RunEvent::CaseDone { suite, case } => with_suite(facts, suite, |s| s.cases.push(case.clone())),
        RunEvent::SuiteDone { suite } => with_suite(facts, &suite.name, |s| *s = suite.clone()),
        RunEvent::Diagnostics { files } => facts.traces.clone_from(files),
        RunEvent::Cause { cause } => facts.causes.push(cause.clone()),
        RunEvent::Kept { reason } => facts.kept = Some(reason.clone()),
        RunEvent::Removed { residual, .. } => {
            facts.residual.clone_from(residual);
            facts.removed = residual.is_empty().then_some(at);
        }
        RunEvent::Claimed { taken_over, .. } => facts.taken_over = taken_over.as_deref().cloned(),
        RunEvent::Update { .. }
        | RunEvent::Prepared
        | RunEvent::UnitStopped { .. }
        | RunEvent::Up { .. }
        | RunEvent::Sealed { .. }
        | RunEvent::Removing { .. } => {}
    }
    true
}

/// Adds the end of a unit; returns true if it only counts one more of what is known. A service may end and restart without
/// a pause, so that each for itself could fill a report.
fn ended_again(facts: &mut Facts, event: &RunEvent, at: Timestamp) -> bool {
    let end = match event {
        RunEvent::UnitEnded { unit, code, oom_killed } => {
            unit_end(facts, unit, at, exit_text(*code, *oom_killed), true)
        }
        RunEvent::UnitGone { unit, why } => unit_end(facts, unit, at, why.clone(), false),
        _ => return false,
    };
    let same = |known: &&mut UnitEnd| UnitEnd { at: known.at, times: known.times, ..end.clone() } == **known;
    match facts.unit_ends.iter_mut().find(same) {
        Some(known) => {
            known.times = known.times.saturating_add(1);
            true
        }
        None => {
            facts.unit_ends.push(end);
            false
        }
    }
}

/// The end of a unit, with the suites that run.
fn unit_end(facts: &Facts, unit: &str, at: Timestamp, what: String, own: bool) -> UnitEnd {
    let names = |suites: Vec<&SuiteFact>| suites.into_iter().map(|s| s.name.clone()).collect::<Vec<_>>();
    let running: Vec<&SuiteFact> = facts.suites.iter().filter(|s| s.finished.is_none()).collect();
    let allowed_by = running.iter().find(|s| s.may_end.iter().any(|name| name == unit)).map(|s| s.name.clone());
    let late = running.is_empty() && !facts.suites.is_empty();
    let last = facts.suites.iter().filter_map(|s| s.finished).max();
    let during =
        if late { names(facts.suites.iter().filter(|s| s.finished == last).collect()) } else { names(running) };
    UnitEnd { unit: unit.to_owned(), at, what, own, during, late, times: 1, allowed_by }
}

fn exit_text(code: i64, oom_killed: bool) -> String {
    if oom_killed {
        return "its process was OOM-killed".into();
    }
    if code == UNKNOWN_CODE {
        return super::exit_text::UNSEEN.into();
    }
    format!("its process exited with code {code}")
}

fn with_unit(facts: &mut Facts, name: &str, change: impl FnOnce(&mut UnitFact)) {
    if let Some(unit) = facts.units.iter_mut().find(|u| u.name == name) {
        change(unit);
    }
}

/// Sets the digest of a running unit, and of its image where no registry gave one.
fn set_running_digest(facts: &mut Facts, unit: &str, digest: &str) {
    let Some(unit) = facts.units.iter_mut().find(|u| u.name == unit) else { return };
    unit.running_digest = Some(digest.to_owned());
    if let Some(image) = facts.images.get_mut(&unit.image).filter(|i| i.digest.is_empty()) {
        image.digest = digest.to_owned();
    }
}

fn with_suite(facts: &mut Facts, name: &str, change: impl FnOnce(&mut SuiteFact)) {
    if let Some(suite) = facts.suites.iter_mut().find(|s| s.name == name) {
        change(suite);
    }
}

fn update_text(changes: &Changes) -> String {
    let lines: Vec<String> = changes.lines().0.into_iter().map(|(word, text)| format!("{word} {text}")).collect();
    if lines.is_empty() { "nothing differs".into() } else { lines.join("; ") }
}

/// The unit or suite concerned and the text shown in the list of events; none for events that only change other facts.
fn event_text(event: &RunEvent) -> Option<(Option<String>, String)> {
    let about = |name: &str, text: String| Some((Some(name.to_owned()), text));
    match event {
        RunEvent::Claimed { taken_over: Some(taken), .. } => {
            Some((None, format!("took the environment over from {taken}")))
        }
        RunEvent::Claimed { replaced: Some(run), .. } => Some((None, format!("replaced the older run {run}"))),
        RunEvent::Claimed { environment, .. } => Some((None, format!("claimed {environment}"))),
        RunEvent::Update { changes } => Some((None, update_text(changes))),
        RunEvent::Prepared => Some((None, "created networks, volumes, secrets and containers".into())),
        RunEvent::UnitStarting { unit } => about(unit, "starting".into()),
        RunEvent::UnitReady { unit, took_ms } => about(unit, format!("ready after {took_ms} ms")),
        RunEvent::UnitFailed { unit, reason, .. } => about(unit, format!("failed: {reason}")),
        RunEvent::UnitStopped { unit } => about(unit, "stopped by a suite".into()),
        RunEvent::UnitEnded { unit, code, oom_killed } => {
            about(unit, format!("{}, and no step asked for it", exit_text(*code, *oom_killed)))
        }
        RunEvent::UnitGone { unit, why } => about(unit, why.clone()),
        RunEvent::Up { took_ms } => Some((None, format!("every service is ready after {took_ms} ms"))),
        RunEvent::SuiteStarted { suite } => about(&suite.name, "suite started".into()),
        RunEvent::SuiteDone { suite } => {
            about(&suite.name, format!("suite ended: {}", suite.verdict.map_or("no verdict", |v| v.word())))
        }
        RunEvent::Cause { cause } if cause.kind == CauseKind::Interrupted => Some((None, cause.text.clone())),
        RunEvent::Sealed { folder, unsigned: true, .. } => Some((None, format!("stored unsigned in {folder}"))),
        RunEvent::Sealed { folder, .. } => Some((None, format!("signed and stored in {folder}"))),
        RunEvent::Kept { reason } => Some((None, format!("the environment is kept: {reason}"))),
        RunEvent::Removing { .. } => Some((None, "removal started".into())),
        RunEvent::Removed { residual, took_ms } if residual.is_empty() => {
            Some((None, format!("removed everything in {took_ms} ms")))
        }
        RunEvent::Removed { residual, .. } => {
            Some((None, format!("{} object(s) could not be removed", residual.len())))
        }
        _ => None,
    }
}
