//! Shows a plan as text: what is created in which order, needs, and access.
//!
//! Pure: returns text; nothing is printed, and no secret value is known here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::{Confinement, DependencyScan, Plan, ReadyPlan, SuiteExecutor, Unit, UnitKind};
use crate::spec::model::Restart;

mod drawing;

pub use drawing::{dot, mermaid};

/// Everything that will be created, in order, and the access between units and suites.
pub fn summary(plan: &Plan) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{} from {} ({})", plan.environment, plan.description, short(&plan.description_digest));
    let _ = writeln!(out, "\nnetworks: one for each caller of a unit, so that its callers do not meet");
    for unit in called(plan) {
        let callers: Vec<String> = unit.callers.iter().map(|caller| unit.caller_text(caller)).collect();
        let _ = writeln!(out, "  {}: {}", unit.name, callers.join(", "));
    }
    if plan.units.iter().any(|u| !u.caller_ports.is_empty()) {
        out.push_str(
            "  ports are restricted in a cluster; on a local engine, a caller of a unit reaches all its ports\n",
        );
    }
    volumes(&mut out, plan);
    let _ = writeln!(out, "\nstarts, each after what it needs");
    for (i, unit) in plan.units.iter().enumerate() {
        start(&mut out, i + 1, unit);
    }
    suites(&mut out, plan);
    let _ = writeln!(out, "\nwho can reach whom");
    out.push_str(&access(plan));
    let _ =
        writeln!(out, "\nremoved after {}", humantime::format_duration(std::time::Duration::from_secs(plan.ttl_secs)));
    out
}

/// Needs and permitted calls of each unit and suite.
pub fn graph(plan: &Plan) -> String {
    let mut out = String::new();
    for unit in &plan.units {
        let only_called: BTreeSet<String> =
            plan.reachable_by(&unit.name).filter(|u| !unit.needs.contains(&u.name)).map(|u| u.name.clone()).collect();
        let _ = writeln!(out, "{}", unit.name);
        branch(&mut out, "needs", &unit.needs);
        branch(&mut out, "calls", &only_called);
    }
    for suite in plan.suites.values() {
        let reached: BTreeSet<String> = plan.reachable_by(&suite.name).map(|u| u.name.clone()).collect();
        let _ = writeln!(out, "{} (suite)", suite.name);
        branch(&mut out, "calls", &reached);
    }
    out
}

fn branch(out: &mut String, word: &str, names: &BTreeSet<String>) {
    if !names.is_empty() {
        let _ = writeln!(out, "  {word} {}", listed(names));
    }
}

fn called(plan: &Plan) -> impl Iterator<Item = &Unit> {
    plan.units.iter().filter(|u| !u.callers.is_empty())
}

fn volumes(out: &mut String, plan: &Plan) {
    let _ = writeln!(out, "\nwritable, empty at the start and removed at the end (and /tmp everywhere)");
    for unit in plan.units.iter().filter(|u| !u.writable.is_empty()) {
        let _ = writeln!(out, "  {}: {}", unit.name, unit.writable.join(", "));
    }
    let steps = |executor: &SuiteExecutor| {
        if let SuiteExecutor::Container(c) = executor { Some(c.results.clone()) } else { None }
    };
    for (name, results) in plan.suites.iter().filter_map(|(n, s)| Some((n, steps(&s.executor)?))) {
        let _ = writeln!(out, "  {name}: {results}");
    }
}

fn start(out: &mut String, number: usize, unit: &Unit) {
    let late = match (unit.start_late, unit.kind) {
        (false, _) => "",
        (true, UnitKind::Job) => ", after the suites",
        (true, _) => ", started by a suite",
    };
    let copies = if unit.replicas > 1 { format!(" × {}", unit.replicas) } else { String::new() };
    let _ = writeln!(out, "  {number:>2}. {}{copies} ({}{late})", unit.name, unit.kind.noun());
    let _ = writeln!(out, "      image {}", unit.image);
    if !unit.needs.is_empty() {
        let _ = writeln!(out, "      after {}", listed(&unit.needs));
    }
    let within = humantime::format_duration(std::time::Duration::from_millis(unit.within_ms));
    let _ = writeln!(out, "      ready when {}, within {within}", ready(unit));
    if !unit.ports.is_empty() {
        let ports: Vec<String> = unit.open_ports().into_iter().map(|port| unit.port_text(port)).collect();
        let _ = writeln!(out, "      ports {}", ports.join(", "));
    }
    match unit.restart {
        Restart::Never => {}
        Restart::OnFailure => out.push_str("      restarts after an exit code other than 0\n"),
        Restart::Always => out.push_str("      restarts after any end\n"),
    }
    if !unit.secrets.is_empty() {
        let _ = writeln!(out, "      secrets {}", unit.secrets.join(", "));
    }
    secret_places(out, &unit.secret_env, unit.secret_files.keys());
    departure(out, &unit.confinement);
}

fn secret_places<'a>(
    out: &mut String,
    env: &BTreeMap<String, String>,
    files: impl ExactSizeIterator<Item = &'a String>,
) {
    let list = |names: Vec<&str>| names.join(", ");
    if !env.is_empty() {
        let _ = writeln!(out, "      secrets in variables {}", list(env.keys().map(String::as_str).collect()));
    }
    if files.len() > 0 {
        let _ = writeln!(out, "      secrets in files {}", list(files.map(String::as_str).collect()));
    }
}

fn suites(out: &mut String, plan: &Plan) {
    if plan.suites.is_empty() {
        return;
    }
    let _ = writeln!(out, "\nsuites");
    for suite in plan.suites.values() {
        let by = match &suite.executor {
            SuiteExecutor::Container(c) => format!("image {}", c.image),
            SuiteExecutor::Steps { cases } => {
                format!("{} case{}", cases.len(), if cases.len() == 1 { "" } else { "s" })
            }
            SuiteExecutor::Dependencies(scan) => scanned(scan),
        };
        let kind = format!("{:?}", suite.kind).to_lowercase();
        let _ = writeln!(out, "  {} ({kind}): {by} ({})", suite.name, short(&suite.digest));
        if !suite.may_end.is_empty() {
            let _ = writeln!(out, "      may end while it runs: {}", listed(&suite.may_end));
        }
        if let SuiteExecutor::Container(c) = &suite.executor {
            secret_places(out, &c.secret_env, [].iter());
            departure(out, &c.confinement);
        }
    }
}

/// What a scan looks at: `scans 2 images and requirements.txt`.
fn scanned(scan: &DependencyScan) -> String {
    let images = match scan.images.len() {
        0 => None,
        1 => Some("1 image".to_owned()),
        n => Some(format!("{n} images")),
    };
    let parts: Vec<String> = images.into_iter().chain(scan.lock_files.iter().cloned()).collect();
    match parts.as_slice() {
        [] => "scans nothing, because nothing runs".to_owned(),
        [first @ .., last] if !first.is_empty() => format!("scans {} and {last}", first.join(", ")),
        [only, ..] => format!("scans {only}"),
    }
}

fn departure(out: &mut String, confinement: &Confinement) {
    let departures = confinement.departures();
    if !departures.is_empty() {
        let reason = confinement.reason.as_deref().unwrap_or("no reason given");
        let _ = writeln!(out, "      departs from the secure defaults: {} ({reason})", departures.join(", "));
    }
}

fn ready(unit: &Unit) -> String {
    match &unit.ready {
        ReadyPlan::StayUp { ms: 0 } => "it runs".into(),
        ReadyPlan::StayUp { ms } => {
            format!("it has run for {}", humantime::format_duration(std::time::Duration::from_millis(*ms)))
        }
        ReadyPlan::Completes { retries: 0 } => "it exits with code 0".into(),
        ReadyPlan::Completes { retries } => format!("it exits with code 0, after at most {} attempts", retries + 1),
        ReadyPlan::Http { port, path, tls } => {
            format!("{}://{}:{port}{path} answers", if *tls { "https" } else { "http" }, unit.name)
        }
        ReadyPlan::Exec { command } => format!("`{}` exits with code 0 in it", command.join(" ")),
        ReadyPlan::Tcp { port } => format!("port {port} accepts a connection"),
        ReadyPlan::Consumers { vhost, queue, user } => {
            format!("queue {queue} of {vhost} has a consumer (asked as {user})")
        }
        ReadyPlan::Broker => "every user logs in and the topology is there".into(),
        ReadyPlan::Database => "every role answers a query".into(),
        ReadyPlan::Backing => match unit.kind {
            UnitKind::Backing(kind) => kind.about().ready.into(),
            _ => "it is ready".into(),
        },
    }
}

/// A table: a row for each unit and suite, a column for each unit that is called; a bare `x` is the right to connect.
fn access(plan: &Plan) -> String {
    let columns: Vec<&str> = called(plan).map(|u| u.name.as_str()).collect();
    let rows: Vec<&str> =
        plan.units.iter().map(|u| u.name.as_str()).chain(plan.suites.keys().map(String::as_str)).collect();
    if columns.is_empty() {
        return "  nobody reaches anybody\n".into();
    }
    let first = rows.iter().map(|r| r.len()).max().unwrap_or(0);
    let mut out = format!("  {:first$}", "");
    columns.iter().for_each(|c| out.push_str(&format!("  {c}")));
    out.push('\n');
    for row in rows {
        let mut line = format!("  {row:first$}");
        for column in &columns {
            let may = plan.unit(column).is_some_and(|u| u.callers.contains(row));
            line.push_str(&format!("  {:^width$}", if may { "x" } else { "." }, width = column.len()));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

fn listed(names: &BTreeSet<String>) -> String {
    names.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}
