//! The queue of runs. Pure: (all objects, run limit) → place of one object.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use super::decide::QueueState;
use crate::crd::TestEnvironmentSummary;

/// The place of `me`. `started` holds the uids of objects whose run was started and is not in the cache yet.
pub fn state<'a>(
    me: &'a TestEnvironmentSummary,
    all: impl Iterator<Item = &'a TestEnvironmentSummary>,
    started: &HashSet<String>,
    limit: usize,
) -> QueueState {
    let all: Vec<&TestEnvironmentSummary> = all.filter(|o| o.uid() != me.uid()).chain([me]).collect();
    let holders = holders(&all);
    let holder = |of: &TestEnvironmentSummary| holders.get(of.environment()?).copied().filter(|h| h.uid() != of.uid());
    if let Some(holder) = holder(me) {
        return QueueState::NameTaken(holder.key());
    }
    let runs = |o: &TestEnvironmentSummary| o.is_running() || started.contains(o.uid());
    let others = || all.iter().filter(|o| o.uid() != me.uid());
    let active = others().filter(|o| runs(o)).count();
    let ahead =
        others().filter(|o| o.is_queued() && !runs(o) && position(o) < position(me) && holder(o).is_none()).count();
    let free = limit.saturating_sub(active);
    if ahead < free {
        QueueState::Admitted
    } else {
        QueueState::Waiting(u32::try_from(ahead - free + 1).unwrap_or(u32::MAX))
    }
}

/// The object that has each environment, or is next to have it. Whoever has it keeps it until it is removed.
fn holders<'a>(all: &[&'a TestEnvironmentSummary]) -> HashMap<&'a str, &'a TestEnvironmentSummary> {
    let mut holders: HashMap<&str, (bool, &TestEnvironmentSummary)> = HashMap::new();
    for object in all {
        let has = object.run().filter(|r| r.removal_time.is_none()).map(|r| (r.environment.as_str(), false));
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

fn position(of: &TestEnvironmentSummary) -> (Timestamp, &str) {
    (of.status.as_ref().and_then(|s| s.queued_time).unwrap_or_else(|| of.created()), of.uid())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::{Value, json};

    /// An object created in second `created` that asks for an environment of that name.
    fn object(uid: &str, second: u32, environment: &str, run: Option<Value>) -> TestEnvironmentSummary {
        let (created, status) = (
            format!("2026-01-01T00:00:{second:02}Z"),
            json!({"inputDigest": "x", "environment": environment, "run": run}),
        );
        serde_json::from_value(json!({
            "metadata": {"name": uid, "namespace": "team", "uid": uid, "creationTimestamp": created},
            "spec": {"pullRequest": 1, "commit": "abcdef0"},
            "status": status,
        }))
        .unwrap()
    }

    fn run(environment: &str, more: Value) -> Option<Value> {
        let mut run = json!({"id": "1", "environment": environment, "inputDigest": "x", "commit": "", "generation": 1});
        run.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Some(run)
    }

    fn states(all: &[TestEnvironmentSummary], limit: usize) -> Vec<QueueState> {
        all.iter().filter(|o| o.is_queued()).map(|me| state(me, all.iter(), &HashSet::new(), limit)).collect()
    }

    #[test]
    fn admits_in_order_of_creation_and_numbers_the_rest() {
        let all: Vec<TestEnvironmentSummary> =
            (0..5u32).rev().map(|i| object(&format!("u{i}"), i, &format!("e{i}"), None)).collect();
        let behind = QueueState::Waiting;
        assert_eq!(states(&all, 2), [behind(3), behind(2), behind(1), QueueState::Admitted, QueueState::Admitted]);
        assert_eq!(states(&all, 0).last(), Some(&behind(1)));
    }

    #[test]
    fn counts_running_and_just_started_runs() {
        let busy = object("u0", 0, "e0", run("e0", json!({"stage": "Testing"})));
        let me = object("u1", 1, "e1", None);
        let all = [busy, me.clone(), object("u2", 2, "e2", None)];
        assert_eq!(state(&me, all.iter(), &HashSet::new(), 1), QueueState::Waiting(1));
        assert_eq!(state(&me, all.iter(), &HashSet::new(), 2), QueueState::Admitted);
        assert_eq!(state(&me, all.iter(), &["u2".to_owned()].into(), 2), QueueState::Waiting(1));
    }

    #[test]
    fn refuses_a_second_object_with_the_same_environment() {
        let first = object("u0", 0, "same", None);
        let second = object("u1", 1, "same", None);
        let third = object("u2", 2, "other", None);
        let all = [first, second, third];
        assert_eq!(
            states(&all, 5),
            [QueueState::Admitted, QueueState::NameTaken("team/u0".into()), QueueState::Admitted]
        );
        // An object whose name is taken holds nobody up.
        assert_eq!(states(&all, 2)[2], QueueState::Admitted);
    }

    #[test]
    fn an_older_object_cannot_take_an_environment_from_its_holder() {
        let older = object("u0", 0, "same", None);
        let has = object("u1", 1, "same", run("same", json!({"stage": "Ended", "keepReason": "yes"})));
        assert_eq!(states(&[older.clone(), has], 5), [QueueState::NameTaken("team/u1".into())]);
        let had =
            object("u1", 1, "same", run("same", json!({"stage": "Ended", "removalTime": "2026-01-01T00:00:00Z"})));
        assert_eq!(states(&[older, had], 5), [QueueState::Admitted]);
    }
}
