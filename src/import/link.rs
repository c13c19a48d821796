//! Turns what services wait for and call into `needs` and `callers`, so that no units need each other. Pure.

use std::collections::BTreeMap;

use super::draft::Draft;

pub(super) fn link(draft: &mut Draft) {
    let names: Vec<String> = draft.units().map(str::to_owned).collect();
    let numbers: BTreeMap<&str, usize> =
        names.iter().enumerate().map(|(number, name)| (name.as_str(), number)).collect();
    let mut reached = Reached::new(names.len());
    let mut calls: Vec<(String, String)> = vec![];
    // The order of the input comes first; a call that would close a circle only becomes a permission.
    for is_first in [true, false] {
        for service in &mut draft.services {
            let Some(own) = numbers.get(service.name.as_str()).copied() else { continue };
            let caller = service.name.clone();
            service.needs.retain(|need| match numbers.get(need.unit.as_str()).copied() {
                None => false,
                Some(_) if need.is_first != is_first => true,
                Some(unit) if reached.from(unit, own) => {
                    calls.push((caller.clone(), need.unit.clone()));
                    false
                }
                Some(unit) => {
                    reached.add(own, unit);
                    true
                }
            });
        }
    }
    for (caller, callee) in calls {
        if let Some(service) = draft.services.iter_mut().find(|s| s.name == callee) {
            service.callers.push(caller);
        } else if let Some(database) = draft.databases.iter_mut().find(|d| d.name == callee) {
            database.callers.push(caller);
        } else if let Some(backing) = draft.backing.iter_mut().find(|b| b.name == callee) {
            backing.callers.push(caller);
        } else if let Some(broker) = draft.broker.as_mut().filter(|b| b.name == callee) {
            broker.callers.push(caller);
        }
    }
}

/// Which units each unit reaches over needs, itself too; kept up to date, so that no question takes a search.
struct Reached(Vec<Vec<bool>>);

impl Reached {
    fn new(count: usize) -> Self {
        Self((0..count).map(|own| (0..count).map(|other| own == other).collect()).collect())
    }

    fn from(&self, unit: usize, other: usize) -> bool {
        self.0[unit][other]
    }

    fn add(&mut self, caller: usize, callee: usize) {
        if self.from(caller, callee) {
            return;
        }
        let new = self.0[callee].clone();
        for reaches in self.0.iter_mut().filter(|reaches| reaches[caller]) {
            reaches.iter_mut().zip(&new).for_each(|(known, new)| *known |= new);
        }
    }
}
