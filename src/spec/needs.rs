//! Needs and allowed callers of units, as a description states them. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::backing_services;
use super::model::Environment;

/// Needs of every unit by name: what it lists and, when it waits for consumers of a queue, the broker.
pub fn of_units(environment: &Environment) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut needs: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, service) in &environment.services {
        let mut of: BTreeSet<&str> = service.needs.iter().map(String::as_str).collect();
        if let (Some(broker), true) =
            (&environment.broker, service.ready.as_ref().is_some_and(|r| r.consumers.is_some()))
        {
            of.insert(&broker.name);
        }
        needs.insert(name, of);
    }
    needs.extend(environment.jobs.iter().map(|(n, j)| (n.as_str(), j.needs.iter().map(String::as_str).collect())));
    needs.extend(environment.databases.keys().map(|n| (n.as_str(), BTreeSet::new())));
    needs.extend(environment.broker.iter().map(|b| (b.name.as_str(), BTreeSet::new())));
    needs.extend(backing_services::all(environment).into_iter().map(|b| (b.name, BTreeSet::new())));
    needs
}

/// Callers of every unit: those that it lists, and every unit and suite that needs it. Nothing calls a job.
pub fn callers(environment: &Environment) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut callers: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let listed = environment.services.iter().map(|(n, s)| (n.as_str(), &s.callers));
    let listed = listed.chain(environment.databases.iter().map(|(n, d)| (n.as_str(), &d.callers)));
    let listed = listed.chain(environment.broker.iter().map(|b| (b.name.as_str(), &b.callers)));
    for (unit, of) in
        listed.chain(backing_services::all(environment).into_iter().map(|b| (b.name, &b.container.callers)))
    {
        callers.entry(unit).or_default().extend(of.iter().map(String::as_str));
    }
    let units = of_units(environment).into_iter().flat_map(|(who, of)| of.into_iter().map(move |unit| (unit, who)));
    let units = units.filter(|(unit, _)| !environment.jobs.contains_key(*unit));
    let suites =
        environment.suites.iter().flat_map(|(who, s)| s.needs.iter().map(move |unit| (unit.as_str(), who.as_str())));
    for (unit, who) in units.chain(suites) {
        callers.entry(unit).or_default().insert(who);
    }
    callers
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
