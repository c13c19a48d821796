//! Checks needs: cycles, and units that start with the environment but need late ones.

use std::collections::{BTreeMap, BTreeSet};

use super::context::Checker;
use super::jobs;
use crate::spec::span::FieldPath;
use crate::spec::{backing_services, needs, ports};

pub(super) fn check(check: &mut Checker<'_>) {
    let needs = needs::of_units(check.environment);
    late(check, &needs);
    let placed: BTreeSet<&str> = needs::order(&needs).into_iter().collect();
    let mut open: BTreeSet<&str> = needs.keys().copied().filter(|u| !placed.contains(u)).collect();
    while let Some(cycle) = cycle(&open, &needs) {
        let at = place_of_need(check, cycle[0], cycle[1 % cycle.len()]);
        let message = format!("these units need each other: {} -> {}", cycle.join(" -> "), cycle[0]);
        check.diagnostics.add(
            &at,
            message,
            "remove one of the needs; to allow only a call, use `callers` of the called unit",
        );
        cycle.iter().for_each(|unit| {
            open.remove(unit);
        });
    }
}

/// Follows needs within `open` until a unit comes again; from it the cycle is cut, smallest name first.
fn cycle<'a>(open: &BTreeSet<&'a str>, needs: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> Option<Vec<&'a str>> {
    for start in open {
        let (mut path, mut seen, mut unit) = (Vec::new(), BTreeMap::new(), *start);
        while !seen.contains_key(unit) {
            seen.insert(unit, path.len());
            path.push(unit);
            match needs.get(unit).and_then(|of| of.iter().find(|n| open.contains(*n))) {
                Some(next) => unit = next,
                None => break,
            }
        }
        let Some(cut) =
            seen.get(unit).filter(|i| **i + 1 < path.len() || needs.get(unit).is_some_and(|n| n.contains(unit)))
        else {
            continue;
        };
        let mut cycle = path.split_off(*cut);
        let smallest = cycle.iter().enumerate().min_by_key(|(_, name)| **name).map_or(0, |(i, _)| i);
        cycle.rotate_left(smallest);
        return Some(cycle);
    }
    None
}

fn late(check: &mut Checker<'_>, needs: &BTreeMap<&str, BTreeSet<&str>>) {
    let e = check.environment;
    let services = e.services.iter().filter(|(_, s)| s.start_late).map(|(n, _)| n.as_str());
    let databases = e.databases.iter().filter(|(_, d)| d.start_late).map(|(n, _)| n.as_str());
    let broker = e.broker.iter().filter(|b| b.start_late).map(|b| b.name.as_str());
    let backing = backing_services::all(e).into_iter().filter(|b| b.container.start_late).map(|b| b.name);
    let late: BTreeSet<&str> = services.chain(databases).chain(broker).chain(backing).collect();
    let afterwards: BTreeSet<&str> = jobs::after_suites(check).collect();
    for (unit, of) in needs {
        for need in of.iter().filter(|n| afterwards.contains(*n) && !afterwards.contains(unit)) {
            let at = place_of_need(check, unit, need);
            let message = format!("`{unit}` needs the job `{need}`, which runs after the suites");
            check.diagnostics.add(&at, message, "remove the need, or `after: suites` of the job");
        }
        let waits = |unit: &&str| late.contains(*unit) || afterwards.contains(*unit);
        for need in of.iter().filter(|n| late.contains(*n) && !waits(unit)) {
            let at = place_of_need(check, unit, need);
            let message = format!("`{unit}` starts with the environment but needs `{need}`, which starts late");
            check.diagnostics.add(
                &at,
                message,
                format!("set `startLate: true` for `{unit}` too, or list it under `callers` of `{need}`"),
            );
        }
    }
}

fn place_of_need(check: &Checker<'_>, unit: &str, need: &str) -> FieldPath {
    let job = check.environment.jobs.get(unit);
    let at = FieldPath::root().key(if job.is_some() { "jobs" } else { "services" }).key(unit);
    if check.diagnostics.is_full() {
        return at;
    }
    let needs = check.environment.services.get(unit).map(|s| &s.needs).or(job.map(|j| &j.needs));
    let listed = needs.and_then(|needs| needs.iter().position(|n| ports::name_of(n) == need));
    listed.map_or_else(|| at.key("ready"), |i| at.key("needs").index(i))
}
