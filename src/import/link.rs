//! Turns what services wait for and call into `needs` and `callers`, so that no units need each other. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::Draft;

pub(super) fn link(draft: &mut Draft) {
    let units: BTreeSet<String> = draft.units().map(str::to_owned).collect();
    let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut calls: Vec<(String, String)> = vec![];
    // The order of the input comes first; a call that would close a circle only becomes a permission.
    for is_first in [true, false] {
        for service in &mut draft.services {
            service.needs.retain(|need| units.contains(&need.unit));
            let wanted: Vec<String> =
                service.needs.iter().filter(|n| n.is_first == is_first).map(|n| n.unit.clone()).collect();
            for unit in wanted {
                if reaches(&edges, &unit, &service.name) {
                    service.needs.retain(|need| need.unit != unit);
                    calls.push((service.name.clone(), unit));
                } else {
                    edges.entry(service.name.clone()).or_default().insert(unit);
                }
            }
        }
    }
    for (caller, callee) in calls {
        if let Some(service) = draft.services.iter_mut().find(|s| s.name == callee) {
            service.callers.push(caller);
        } else if let Some(database) = draft.databases.iter_mut().find(|d| d.name == callee) {
            database.callers.push(caller);
        } else if let Some(broker) = draft.broker.as_mut().filter(|b| b.name == callee) {
            broker.callers.push(caller);
        }
    }
}

fn reaches(edges: &BTreeMap<String, BTreeSet<String>>, from: &str, to: &str) -> bool {
    let (mut open, mut seen) = (vec![from], BTreeSet::new());
    while let Some(unit) = open.pop() {
        if unit == to {
            return true;
        }
        if seen.insert(unit) {
            open.extend(edges.get(unit).into_iter().flatten().map(String::as_str));
        }
    }
    false
}
