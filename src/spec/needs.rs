//! Needs and allowed callers of units, as a description states them. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Environment, Service};
use super::{backing_services, ports};

/// Needs of every unit by name: what it lists and, when it waits for consumers of a queue, the broker.
pub fn of_units(environment: &Environment) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut needs: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, service) in &environment.services {
        let mut of: BTreeSet<&str> = service.needs.iter().map(|n| ports::name_of(n)).collect();
        if let (Some(broker), true) =
            (&environment.broker, service.ready.as_ref().is_some_and(|r| r.consumers.is_some()))
        {
            of.insert(&broker.name);
        }
        needs.insert(name, of);
    }
    needs.extend(
        environment.jobs.iter().map(|(n, j)| (n.as_str(), j.needs.iter().map(|n| ports::name_of(n)).collect())),
    );
    needs.extend(environment.databases.keys().map(|n| (n.as_str(), BTreeSet::new())));
    needs.extend(environment.broker.iter().map(|b| (b.name.as_str(), BTreeSet::new())));
    needs.extend(backing_services::all(environment).into_iter().map(|b| (b.name, BTreeSet::new())));
    needs
}

/// Callers of every unit, with the ports that they may call: those that it lists, and every unit and suite that needs it.
/// Without ports, a caller may call all of them. Nothing calls a job.
pub fn callers(environment: &Environment) -> BTreeMap<&str, BTreeMap<&str, Option<BTreeSet<u16>>>> {
    let mut callers: BTreeMap<&str, BTreeMap<&str, Option<BTreeSet<u16>>>> = BTreeMap::new();
    for (unit, caller, port) in calls(environment).into_iter().filter(|(u, ..)| !environment.jobs.contains_key(*u)) {
        let allowed = callers.entry(unit).or_default().entry(caller).or_insert_with(|| Some(BTreeSet::new()));
        match (port, &mut *allowed) {
            (None, _) => *allowed = None,
            (Some(port), Some(ports)) => ports.extend(ports::find(environment, unit, port)),
            (Some(_), None) => {}
        }
    }
    callers
}

/// Each permitted call: the unit, its caller, and the port if the entry names one.
fn calls(e: &Environment) -> Vec<(&str, &str, Option<&str>)> {
    let listed = e.services.iter().map(|(n, s)| (n.as_str(), &s.callers));
    let listed = listed.chain(e.databases.iter().map(|(n, d)| (n.as_str(), &d.callers)));
    let listed = listed.chain(e.broker.iter().map(|b| (b.name.as_str(), &b.callers)));
    let listed = listed.chain(backing_services::all(e).into_iter().map(|b| (b.name, &b.container.callers)));
    let mut all = vec![];
    for (unit, callers) in listed {
        all.extend(callers.iter().map(|entry| {
            let (caller, port) = ports::parts(entry);
            (unit, caller, port)
        }));
    }
    let services = e.services.iter().map(|(n, s)| (n.as_str(), &s.needs));
    let jobs = e.jobs.iter().map(|(n, j)| (n.as_str(), &j.needs));
    for (caller, needs) in services.chain(jobs).chain(e.suites.iter().map(|(n, s)| (n.as_str(), &s.needs))) {
        all.extend(needs.iter().map(|entry| {
            let (unit, port) = ports::parts(entry);
            (unit, caller, port)
        }));
    }
    // Who waits for consumers of a queue calls the broker.
    let waits = |s: &Service| s.ready.as_ref().is_some_and(|r| r.consumers.is_some());
    let waiting = e.services.iter().filter(|(_, s)| waits(s)).map(|(n, _)| n.as_str());
    all.extend(e.broker.iter().flat_map(|b| waiting.clone().map(|caller| (b.name.as_str(), caller, None))));
    all
}

/// An order in which every unit stands after all that it needs, alphabetical where there is a choice.
///
/// Units that need each other in a cycle are left out.
pub fn order<'a>(needs: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> Vec<&'a str> {
    let mut open: BTreeMap<&str, usize> = BTreeMap::new();
    let mut wanted_by: BTreeMap<&str, Vec<&'a str>> = BTreeMap::new();
    for (unit, of) in needs {
        let known = of.iter().filter(|n| needs.contains_key(*n));
        known.clone().for_each(|n| wanted_by.entry(n).or_default().push(unit));
        open.insert(unit, known.count());
    }
    let mut free: BTreeSet<&'a str> = needs.keys().filter(|u| open.get(*u) == Some(&0)).copied().collect();
    let mut order = Vec::new();
    while let Some(unit) = free.pop_first() {
        order.push(unit);
        for waiting in wanted_by.remove(unit).unwrap_or_default() {
            if let Some(count) = open.get_mut(waiting) {
                *count -= 1;
                if *count == 0 {
                    free.insert(waiting);
                }
            }
        }
    }
    order
}
