//! Whose turn it is. Pure: (all objects, how many runs at once) → turn.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use super::decide::Turn;
use crate::crd::TestEnvironmentSummary;

/// Whether `me` may begin. `begun` are the uids of objects whose run was begun but is not seen yet.
pub fn turn<'a>(
    me: &'a TestEnvironmentSummary,
    all: impl Iterator<Item = &'a TestEnvironmentSummary>,
    begun: &HashSet<String>,
    limit: usize,
) -> Turn {
    let all: Vec<&TestEnvironmentSummary> = all.filter(|o| o.uid() != me.uid()).chain([me]).collect();
    let holders = holders(&all);
    let holder = |of: &TestEnvironmentSummary| holders.get(of.environment()?).copied().filter(|h| h.uid() != of.uid());
    if let Some(holder) = holder(me) {
        return Turn::Taken(holder.key());
    }
    let runs = |o: &TestEnvironmentSummary| o.is_running() || begun.contains(o.uid());
    let others = || all.iter().filter(|o| o.uid() != me.uid());
    let active = others().filter(|o| runs(o)).count();
    let ahead = others().filter(|o| o.waits() && !runs(o) && place(o) < place(me) && holder(o).is_none()).count();
    let free = limit.saturating_sub(active);
    if ahead < free { Turn::Now } else { Turn::Behind(u32::try_from(ahead - free + 1).unwrap_or(u32::MAX)) }
}

/// Who has each environment, or is the next to have it: who was there first keeps it until it is gone.
fn holders<'a>(all: &[&'a TestEnvironmentSummary]) -> HashMap<&'a str, &'a TestEnvironmentSummary> {
    let mut holders: HashMap<&str, (bool, &TestEnvironmentSummary)> = HashMap::new();
    for object in all {
        let has = object.run().filter(|r| r.released.is_none()).map(|r| (r.environment.as_str(), false));
        let asks = object.environment().filter(|_| object.deleted().is_none()).map(|e| (e, true));
        for (environment, only_asks) in has.into_iter().chain(asks) {
            let rank = (only_asks, age(object));
            match holders.get(environment) {
                Some((asked, known)) if (*asked, age(known)) <= rank => {}
                _ => drop(holders.insert(environment, (only_asks, object))),
            }
        }
    }
    holders.into_iter().map(|(environment, (_, object))| (environment, object)).collect()
}

fn age(of: &TestEnvironmentSummary) -> (Timestamp, &str) {
    (of.created(), of.uid())
}

fn place(of: &TestEnvironmentSummary) -> (Timestamp, &str) {
    (of.status.as_ref().and_then(|s| s.queued).unwrap_or_else(|| of.created()), of.uid())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::{Value, json};

    /// An object that was made in second `made` and asks for an environment of that name.
    fn lean(uid: &str, made: u32, environment: &str, run: Option<Value>) -> TestEnvironmentSummary {
        let (created, status) =
            (format!("2026-01-01T00:00:{made:02}Z"), json!({"input": "x", "environment": environment, "run": run}));
        serde_json::from_value(json!({
            "metadata": {"name": uid, "namespace": "team", "uid": uid, "creationTimestamp": created},
            "spec": {"pullRequest": 1, "commit": "abcdef0"},
            "status": status,
        }))
        .unwrap()
    }

    fn run(environment: &str, more: Value) -> Option<Value> {
        let mut run = json!({"id": "1", "environment": environment, "input": "x", "commit": "", "generation": 1});
        run.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Some(run)
    }

    fn turns(all: &[TestEnvironmentSummary], limit: usize) -> Vec<Turn> {
        all.iter().filter(|o| o.waits()).map(|me| turn(me, all.iter(), &HashSet::new(), limit)).collect()
    }

    #[test]
    fn those_who_came_first_begin_first_and_the_others_know_their_place() {
        let all: Vec<TestEnvironmentSummary> =
            (0..5u32).rev().map(|i| lean(&format!("u{i}"), i, &format!("e{i}"), None)).collect();
        let behind = |n| Turn::Behind(n);
        assert_eq!(turns(&all, 2), [behind(3), behind(2), behind(1), Turn::Now, Turn::Now]);
        assert_eq!(turns(&all, 0).last(), Some(&behind(1)));
    }

    #[test]
    fn runs_that_are_under_way_or_were_just_begun_count() {
        let busy = lean("u0", 0, "e0", run("e0", json!({"stage": "Testing"})));
        let me = lean("u1", 1, "e1", None);
        let all = [busy, me.clone(), lean("u2", 2, "e2", None)];
        assert_eq!(turn(&me, all.iter(), &HashSet::new(), 1), Turn::Behind(1));
        assert_eq!(turn(&me, all.iter(), &HashSet::new(), 2), Turn::Now);
        assert_eq!(turn(&me, all.iter(), &["u2".to_owned()].into(), 2), Turn::Behind(1));
    }

    #[test]
    fn one_environment_is_never_had_by_two() {
        let first = lean("u0", 0, "same", None);
        let second = lean("u1", 1, "same", None);
        let third = lean("u2", 2, "other", None);
        let all = [first, second, third];
        assert_eq!(turns(&all, 5), [Turn::Now, Turn::Taken("team/u0".into()), Turn::Now]);
        // Nor does one that cannot begin hold up another.
        assert_eq!(turns(&all, 2)[2], Turn::Now);
    }

    #[test]
    fn who_has_an_environment_keeps_it_from_an_older_object_that_comes_to_want_it() {
        let older = lean("u0", 0, "same", None);
        let has = lean("u1", 1, "same", run("same", json!({"stage": "Ended", "kept": "yes"})));
        assert_eq!(turns(&[older.clone(), has], 5), [Turn::Taken("team/u1".into())]);
        let had = lean("u1", 1, "same", run("same", json!({"stage": "Ended", "released": "2026-01-01T00:00:00Z"})));
        assert_eq!(turns(&[older, had], 5), [Turn::Now]);
    }
}
