//! What `watch` saw when the environment last came up, and which suites a difference concerns. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use crate::plan::Plan;

/// What tells a changed file or image from an unchanged one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    File(Option<(SystemTime, u64)>),
    Image(Option<String>),
}

/// What was there when the environment last came up.
#[derive(Default)]
pub struct State {
    pub plan: Option<Plan>,
    pub marks: BTreeMap<String, Mark>,
}

impl State {
    /// The suites that the differences concern; all at first.
    pub fn concerned(&self, now: &Plan, marks: &BTreeMap<String, Mark>) -> BTreeSet<String> {
        let Some(before) = &self.plan else { return now.suites.keys().cloned().collect() };
        let is_new_image = |image: &str| self.marks.get(image) != marks.get(image);
        let units = now.units.iter().filter(|u| before.unit(&u.name) != Some(u) || is_new_image(&u.image));
        let units: BTreeSet<&str> = units.map(|u| u.name.as_str()).collect();
        let suites = now.suites.iter().filter(|(name, suite)| {
            before.suites.get(*name).map(|s| &s.digest) != Some(&suite.digest)
                || suite.needs.iter().any(|need| rests_on(now, need, &units))
        });
        suites.map(|(name, _)| name.clone()).collect()
    }
}

/// Returns true if a unit is one of these, or needs one of them.
fn rests_on(plan: &Plan, unit: &str, changed: &BTreeSet<&str>) -> bool {
    let (mut open, mut seen) = (vec![unit], BTreeSet::from([unit]));
    while let Some(name) = open.pop() {
        if changed.contains(name) {
            return true;
        }
        let needs = plan.unit(name).into_iter().flat_map(|u| &u.needs);
        open.extend(needs.map(String::as_str).filter(|need| seen.insert(need)));
    }
    false
}
