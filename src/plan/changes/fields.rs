//! The fields in which two plans of a unit differ, in the words of a description. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use serde::Serialize;
use serde_json::{Value, json};

use crate::plan::{Plan, Unit};
use crate::spec::backing::Kind;

/// A unit in its plan.
type InPlan<'a> = (&'a Plan, &'a Unit);

/// Returns the fields that differ. Only values that hold no secret are shown.
pub fn differing((before, old): InPlan<'_>, (after, new): InPlan<'_>) -> Vec<String> {
    let mut all = vec![];
    if old.kind != new.kind {
        all.push(format!("kind {} → {}", old.kind.noun(), new.kind.noun()));
    }
    if old.image != new.image {
        all.push(format!("image {} → {}", old.image, new.image));
    }
    named(&mut all, "command", &old.command, &new.command);
    named(&mut all, "args", &old.args, &new.args);
    named(&mut all, "workingDir", &old.working_dir, &new.working_dir);
    named(&mut all, "stopSignal", &old.stop_signal, &new.stop_signal);
    shown(&mut all, "stopGrace", &old.stop_grace_secs, &new.stop_grace_secs);
    entries(&mut all, "env.", &old.env, &new.env);
    entries(&mut all, "secretEnv.", &old.secret_env, &new.secret_env);
    entries(&mut all, "files ", &old.files, &new.files);
    entries(&mut all, "files ", &old.secret_files, &new.secret_files);
    shown(
        &mut all,
        "port",
        &old.port.map_or("none".into(), |p| p.to_string()),
        &new.port.map_or("none".into(), |p| p.to_string()),
    );
    entries(&mut all, "ports.", &old.ports, &new.ports);
    names(&mut all, "needs", &old.needs, &new.needs);
    names(&mut all, "callers", &callers(old), &callers(new));
    names(&mut all, "may call", &callees(before, old), &callees(after, new));
    named(&mut all, "ready", &old.ready, &new.ready);
    shown(&mut all, "ready.within", &seconds(old.within_ms), &seconds(new.within_ms));
    named(&mut all, "restart", &old.restart, &new.restart);
    names(&mut all, "secrets", &set(&old.secrets), &set(&new.secrets));
    shown(&mut all, "tls", &old.tls, &new.tls);
    shown(&mut all, "resources.memory", &mebibytes(old.limits.memory), &mebibytes(new.limits.memory));
    shown(&mut all, "resources.cpu", &cores(old.limits.cpu_millis), &cores(new.limits.cpu_millis));
    shown(&mut all, "resources.pids", &old.limits.pids, &new.limits.pids);
    shown(&mut all, "replicas", &old.replicas, &new.replicas);
    names(&mut all, "writable", &set(&old.writable), &set(&new.writable));
    named(&mut all, "security", &old.confinement, &new.confinement);
    shown(&mut all, "startLate", &old.start_late, &new.start_late);
    database(&mut all, (before, old), (after, new));
    broker(&mut all, (before, old), (after, new));
    backing(&mut all, (before, old), (after, new));
    all
}

/// The keys of a backing service that differ.
fn backing(all: &mut Vec<String>, (before, old): InPlan<'_>, (after, new): InPlan<'_>) {
    let (Some(old), Some(new)) = (before.backing.get(&old.name), after.backing.get(&new.name)) else { return };
    let keys = |kind: &Kind| -> BTreeMap<String, Value> {
        let whole = json!(kind);
        whole.as_object().map(|keys| keys.clone().into_iter().collect()).unwrap_or_default()
    };
    entries(all, "", &keys(old), &keys(new));
}

fn database(all: &mut Vec<String>, (before, old): InPlan<'_>, (after, new): InPlan<'_>) {
    let (Some(old), Some(new)) = (before.databases.get(&old.name), after.databases.get(&new.name)) else { return };
    shown(all, "database", &old.database, &new.database);
    names(all, "roles", &set(&old.roles), &set(&new.roles));
    let texts = |files: &[(String, String)]| files.iter().cloned().collect::<BTreeMap<String, String>>();
    let (old_texts, new_texts) = (texts(&old.sql), texts(&new.sql));
    entries(all, "sql ", &old_texts, &new_texts);
    if old.sql != new.sql && old_texts == new_texts {
        all.push("sql (its order)".into());
    }
}

fn broker(all: &mut Vec<String>, (before, old): InPlan<'_>, (after, new): InPlan<'_>) {
    let of = |plan: &'_ Plan, unit: &Unit| plan.broker.clone().filter(|b| b.name == unit.name);
    let (Some(old), Some(new)) = (of(before, old), of(after, new)) else { return };
    shown(all, "tls", &old.tls, &new.tls);
    let each = |map: &BTreeMap<String, _>| map.iter().map(|(k, v)| (k.clone(), json!(v))).collect::<BTreeMap<_, _>>();
    entries(all, "vhosts.", &each(&old.vhosts), &each(&new.vhosts));
    let each = |map: &BTreeMap<String, _>| map.iter().map(|(k, v)| (k.clone(), json!(v))).collect::<BTreeMap<_, _>>();
    entries(all, "users.", &each(&old.users), &each(&new.users));
    entries(all, "config.", &old.config, &new.config);
}

/// A field whose values may hold a secret, or are too long.
fn named<T: Serialize>(all: &mut Vec<String>, field: &str, old: &T, new: &T) {
    if json!(old) != json!(new) {
        all.push(field.to_owned());
    }
}

fn shown<T: PartialEq + std::fmt::Display>(all: &mut Vec<String>, field: &str, old: &T, new: &T) {
    if old != new {
        all.push(format!("{field} {old} → {new}"));
    }
}

/// The keys whose values differ, added and removed ones marked.
fn entries<T: PartialEq + Debug>(
    all: &mut Vec<String>,
    field: &str,
    old: &BTreeMap<String, T>,
    new: &BTreeMap<String, T>,
) {
    let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    all.extend(keys.into_iter().filter_map(|key| match (old.get(key), new.get(key)) {
        (None, Some(_)) => Some(format!("{field}{key} (new)")),
        (Some(_), None) => Some(format!("{field}{key} (gone)")),
        (a, b) => (a != b).then(|| format!("{field}{key}")),
    }));
}

/// The names that come and go.
fn names(all: &mut Vec<String>, field: &str, old: &BTreeSet<String>, new: &BTreeSet<String>) {
    let gone = old.difference(new).map(|name| format!("-{name}"));
    let come = new.difference(old).map(|name| format!("+{name}"));
    let both: Vec<String> = come.chain(gone).collect();
    if !both.is_empty() {
        all.push(format!("{field} {}", both.join(" ")));
    }
}

fn callees(plan: &Plan, unit: &Unit) -> BTreeSet<String> {
    plan.reachable_by(&unit.name).filter(|u| u.name != unit.name).map(|u| u.name.clone()).collect()
}

/// Its callers, with the ports of those that may not call all.
fn callers(unit: &Unit) -> BTreeSet<String> {
    unit.callers.iter().map(|caller| unit.caller_text(caller)).collect()
}

fn set(list: &[String]) -> BTreeSet<String> {
    list.iter().cloned().collect()
}

fn seconds(ms: u64) -> String {
    humantime::format_duration(std::time::Duration::from_millis(ms)).to_string()
}

fn mebibytes(bytes: u64) -> String {
    format!("{}Mi", bytes >> 20)
}

fn cores(millis: u64) -> String {
    if millis.is_multiple_of(1000) { (millis / 1000).to_string() } else { format!("{millis}m") }
}
