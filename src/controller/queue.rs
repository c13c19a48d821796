//! The queue of runs. Pure: (all objects, limits) → place of one object.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;

use super::decide::QueueState;
use crate::crd::TestEnvironmentSummary;

/// How many environments may exist at a time: those of active runs, and kept ones.
pub struct Limits<'a> {
    /// In total.
    pub total: usize,
    /// Of one namespace; none where only the total counts.
    pub namespace: &'a dyn Fn(&str) -> Option<usize>,
}

impl Limits<'_> {
    fn of(&self, namespace: &str) -> usize {
        (self.namespace)(namespace).unwrap_or(usize::MAX)
    }
}

/// The place of `me`. `started` holds the uids of objects whose run was started and is not in the cache yet.
///
/// Places go round the namespaces: next is the one with the fewest environments, and of those the one that has waited longest.
pub fn state<'a>(
    me: &'a TestEnvironmentSummary,
    all: impl Iterator<Item = &'a TestEnvironmentSummary>,
    started: &HashSet<String>,
    limits: &Limits<'_>,
) -> QueueState {
    let all: Vec<&TestEnvironmentSummary> = all.filter(|o| o.uid() != me.uid()).chain([me]).collect();
    let holders = holders(&all);
    let holder = |of: &TestEnvironmentSummary| holders.get(of.environment()?).copied().filter(|h| h.uid() != of.uid());
    if let Some(holder) = holder(me) {
        return QueueState::NameTaken(holder.key());
    }
    // A kept environment has its place until it is removed.
    let has_place = |o: &TestEnvironmentSummary| {
        o.is_running() || started.contains(o.uid()) || o.run().is_some_and(|r| r.removal_time.is_none())
    };
    let others = || all.iter().copied().filter(|o| o.uid() != me.uid());
    let mut active: BTreeMap<&str, usize> = BTreeMap::new();
    others().filter(|o| has_place(o)).for_each(|o| *active.entry(namespace(o)).or_default() += 1);
    let free = limits.total.saturating_sub(active.values().sum());
    let free_in_namespace = |active: usize| limits.of(namespace(me)).saturating_sub(active);
    let own = active.get(namespace(me)).copied().unwrap_or_default();
    // What has a place already needs no other one.
    if me.run().is_some_and(|r| r.removal_time.is_none()) {
        return if free > 0 && free_in_namespace(own) > 0 { QueueState::Admitted } else { QueueState::Waiting(1) };
    }
    let waits = |o: &&TestEnvironmentSummary| o.is_queued() && !has_place(o) && holder(o).is_none();
    let mut queues: BTreeMap<&str, Vec<&TestEnvironmentSummary>> = BTreeMap::new();
    for object in others().filter(waits).chain([me]) {
        queues.entry(namespace(object)).or_default().push(object);
    }
    queues.values_mut().for_each(|queue| queue.sort_by_key(|o| position(o)));
    let ahead_in_namespace = queues[namespace(me)].iter().take_while(|o| o.uid() != me.uid()).count();
    let beyond = (ahead_in_namespace + 1).saturating_sub(free_in_namespace(own));
    match (place(me, queues, active, limits), beyond) {
        (Some(ahead), 0) if ahead < free => QueueState::Admitted,
        (Some(ahead), _) => QueueState::Waiting(count((ahead + 1).saturating_sub(free).max(beyond))),
        (None, _) => QueueState::Waiting(count(beyond)),
    }
}

/// The number of objects that get a place before `me`; none if its namespace is full before its turn.
fn place<'a>(
    me: &TestEnvironmentSummary,
    mut queues: BTreeMap<&'a str, Vec<&'a TestEnvironmentSummary>>,
    mut active: BTreeMap<&'a str, usize>,
    limits: &Limits<'_>,
) -> Option<usize> {
    for ahead in 0.. {
        let has = |namespace: &str| active.get(namespace).copied().unwrap_or_default();
        let open =
            queues.iter().filter(|(namespace, queue)| !queue.is_empty() && has(namespace) < limits.of(namespace));
        let next = open.min_by_key(|(namespace, queue)| (has(namespace), position(queue[0]))).map(|(n, _)| *n)?;
        if queues.get_mut(next)?.remove(0).uid() == me.uid() {
            return Some(ahead);
        }
        *active.entry(next).or_default() += 1;
    }
    None
}

fn count(runs: usize) -> u32 {
    u32::try_from(runs.max(1)).unwrap_or(u32::MAX)
}

fn namespace(of: &TestEnvironmentSummary) -> &str {
    of.metadata.namespace.as_deref().unwrap_or_default()
}

/// The object that has each environment, or is next to have it. Whoever has it keeps it until it is removed; an object that
/// has nothing and waits for nothing holds no name.
fn holders<'a>(all: &[&'a TestEnvironmentSummary]) -> HashMap<&'a str, &'a TestEnvironmentSummary> {
    let mut holders: HashMap<&str, (bool, &TestEnvironmentSummary)> = HashMap::new();
    for object in all {
        let has = object.run().filter(|r| r.removal_time.is_none()).map(|r| (r.environment.as_str(), false));
        let asks = object.environment().filter(|_| object.is_queued()).map(|e| (e, true));
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

    fn total(total: usize) -> Limits<'static> {
        Limits { total, namespace: &|_| None }
    }

    fn of(namespace: &str, mut object: TestEnvironmentSummary) -> TestEnvironmentSummary {
        object.metadata.namespace = Some(namespace.into());
        object
    }

    fn states(all: &[TestEnvironmentSummary], limit: usize) -> Vec<QueueState> {
        all.iter().filter(|o| o.is_queued()).map(|me| state(me, all.iter(), &HashSet::new(), &total(limit))).collect()
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
        assert_eq!(state(&me, all.iter(), &HashSet::new(), &total(1)), QueueState::Waiting(1));
        assert_eq!(state(&me, all.iter(), &HashSet::new(), &total(2)), QueueState::Admitted);
        assert_eq!(state(&me, all.iter(), &["u2".to_owned()].into(), &total(2)), QueueState::Waiting(1));
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

    #[test]
    fn a_finished_object_holds_no_name() {
        let over = json!({"stage": "Ended", "removalTime": "2026-01-01T00:00:00Z"});
        let finished = of("evil", object("u0", 0, "same", run("same", over.clone())));
        assert_eq!(states(&[finished, object("u1", 1, "same", None)], 5), [QueueState::Admitted]);
        // Until it asks for another run.
        let mut again = object("u0", 0, "same", run("same", over));
        again.status.as_mut().unwrap().input_digest = Some("y".into());
        let taken = QueueState::NameTaken("team/u0".into());
        assert_eq!(states(&[again, object("u1", 1, "same", None)], 5), [QueueState::Admitted, taken]);
    }

    #[test]
    fn kept_environments_count() {
        let kept = json!({"stage": "Ended", "keepReason": "yes"});
        let mut mine = object("u0", 0, "e0", run("e0", kept));
        let next = object("u1", 1, "e1", None);
        assert_eq!(states(&[mine.clone(), next.clone()], 1), [QueueState::Waiting(1)]);
        assert_eq!(states(&[mine.clone(), next.clone()], 2), [QueueState::Admitted]);
        // Its own next run takes its place, also ahead of those who wait.
        mine.status.as_mut().unwrap().input_digest = Some("y".into());
        assert_eq!(states(&[next, mine], 1), [QueueState::Waiting(1), QueueState::Admitted]);
    }

    #[test]
    fn namespaces_take_turns() {
        let many: Vec<_> = (0..4u32).map(|i| of("evil", object(&format!("e{i}"), i, &format!("e{i}"), None))).collect();
        let one = of("team", object("t", 9, "t", None));
        let all = [&many[..], &[one]].concat();
        let behind = QueueState::Waiting;
        assert_eq!(states(&all, 1), [QueueState::Admitted, behind(2), behind(3), behind(4), behind(1)]);
        // Who has more already waits longer.
        let busy = of("evil", object("b", 0, "b", run("b", json!({"stage": "Testing"}))));
        let states = states(&[&[busy], &all[..]].concat(), 2);
        assert_eq!(states, [behind(1), behind(2), behind(3), behind(4), QueueState::Admitted]);
    }

    #[test]
    fn a_full_namespace_waits_and_holds_nobody_up() {
        let of_evil = |namespace: &str| (namespace == "evil").then_some(1);
        let limits = Limits { total: 9, namespace: &of_evil };
        let kept = of("evil", object("u0", 0, "e0", run("e0", json!({"stage": "Ended", "keepReason": "yes"}))));
        let all = [kept, of("evil", object("u1", 1, "e1", None)), object("u2", 2, "e2", None)];
        let place = |me: &TestEnvironmentSummary| state(me, all.iter(), &HashSet::new(), &limits);
        assert_eq!((place(&all[1]), place(&all[2])), (QueueState::Waiting(1), QueueState::Admitted));
    }
}
