//! Follows TestEnvironments: requests a reconcile of each that changes, and of those in the queue when one of them gives up a
//! place or a name.

use std::collections::{BTreeSet, HashMap, HashSet};

use futures::{Stream, StreamExt};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher::{self, Event};

use super::triggers::{Trigger, Triggers};
use crate::crd::TestEnvironmentSummary;

/// What an object has or asks for, so that others wait.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Claim {
    has_place: bool,
    /// Names of environments.
    names: BTreeSet<String>,
}

impl Claim {
    fn of(object: &TestEnvironmentSummary) -> Self {
        let has = object.run().filter(|r| r.removal_time.is_none());
        let asks = object.environment().filter(|_| object.is_queued());
        let names = has.map(|r| r.environment.as_str()).into_iter().chain(asks).map(str::to_owned).collect();
        Self { has_place: has.is_some() || object.is_running(), names }
    }

    /// Returns true if something of it became free.
    fn is_freed_by(&self, later: &Self) -> bool {
        (self.has_place && !later.has_place) || !self.names.is_subset(&later.names)
    }
}

/// The last seen versions and claims, by uid.
#[derive(Default)]
struct Known(HashMap<String, (Option<String>, Claim)>);

impl Known {
    /// Remembers an object; returns whether it changed, and whether it freed something.
    fn update(&mut self, object: &TestEnvironmentSummary) -> (bool, bool) {
        let (version, claim) = (object.metadata.resource_version.clone(), Claim::of(object));
        match self.0.insert(object.uid().to_owned(), (version.clone(), claim.clone())) {
            Some((before, _)) if before == version => (false, false),
            Some((_, before)) => (true, before.is_freed_by(&claim)),
            None => (true, false),
        }
    }

    /// Forgets an object; returns whether that frees something.
    fn remove(&mut self, uid: &str) -> bool {
        self.0.remove(uid).is_some_and(|(_, claim)| claim.is_freed_by(&Claim::default()))
    }

    /// Forgets all objects but these; returns whether that frees something.
    fn retain(&mut self, there: &HashSet<String>) -> bool {
        let gone: Vec<String> = self.0.keys().filter(|uid| !there.contains(*uid)).cloned().collect();
        let freed: Vec<bool> = gone.iter().map(|uid| self.remove(uid)).collect();
        freed.contains(&true)
    }
}

/// Requests reconciles for each event; ends with the events. They have updated the store before they arrive, but for those of a
/// list: the store has them when the list is complete.
pub async fn follow(
    events: impl Stream<Item = watcher::Result<Event<TestEnvironmentSummary>>>,
    store: &Store<TestEnvironmentSummary>,
    triggers: &Triggers,
) {
    let mut events = std::pin::pin!(events);
    let (mut known, mut listed) = (Known::default(), HashSet::new());
    let (mut waiting, mut freed_by_list) = (vec![], false);
    while let Some(event) = events.next().await {
        let freed = match event {
            Ok(Event::Init) => {
                listed.clear();
                false
            }
            Ok(Event::InitApply(object)) => {
                listed.insert(object.uid().to_owned());
                let (is_new, freed) = known.update(&object);
                if is_new {
                    waiting.push(ObjectRef::from_obj(&object));
                }
                freed_by_list |= freed;
                false
            }
            Ok(Event::InitDone) => {
                waiting.drain(..).for_each(|object| triggers.request(object, Trigger::Object));
                known.retain(&listed) | std::mem::take(&mut freed_by_list)
            }
            Ok(Event::Apply(object)) => changed(&mut known, &object, triggers),
            Ok(Event::Delete(object)) => {
                triggers.forget(|object| store.get(object).is_none());
                known.remove(object.uid())
            }
            Err(e) => {
                tracing::debug!("restarting the watch of TestEnvironments: {e}");
                false
            }
        };
        if freed {
            wake_queue(store.state().iter().map(AsRef::as_ref), triggers);
        }
    }
}

fn changed(known: &mut Known, object: &TestEnvironmentSummary, triggers: &Triggers) -> bool {
    let (is_new, freed) = known.update(object);
    if is_new {
        triggers.request(ObjectRef::from_obj(object), Trigger::Object);
    }
    freed
}

/// Requests a reconcile of each object that waits in the queue.
pub fn wake_queue<'a>(all: impl Iterator<Item = &'a TestEnvironmentSummary>, triggers: &Triggers) {
    for object in all.filter(|o| o.is_queued()) {
        triggers.request(ObjectRef::from_obj(object), Trigger::Queue);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use futures::stream;
    use kube::runtime::reflector;
    use serde_json::{Value, json};

    fn object(name: &str, version: u32, run: Value) -> TestEnvironmentSummary {
        serde_json::from_value(json!({
            "metadata": {"name": name, "namespace": "team", "uid": name, "resourceVersion": version.to_string()},
            "spec": {"pullRequest": 1, "commit": "abcdef0"},
            "status": {"inputDigest": "x", "environment": name, "run": run},
        }))
        .unwrap()
    }

    fn run(name: &str, more: Value) -> Value {
        let mut run = json!({"id": "1", "environment": name, "inputDigest": "x", "commit": "", "generation": 1});
        run.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        run
    }

    /// The objects whose reconciles these events request, in order.
    async fn requests(events: Vec<Event<TestEnvironmentSummary>>) -> Vec<String> {
        let (store, writer) = reflector::store();
        let (triggers, mut received) = Triggers::new();
        let events = reflector::reflector(writer, stream::iter(events.into_iter().map(Ok)));
        follow(events, &store, &triggers).await;
        let mut requests = vec![];
        while let Ok(object) = received.try_recv() {
            requests.push(object.name);
        }
        requests
    }

    #[tokio::test]
    async fn a_new_list_of_unchanged_objects_requests_nothing() {
        let list = || [Event::Init, Event::InitApply(object("a", 1, Value::Null)), Event::InitDone];
        assert_eq!(requests([list(), list()].concat()).await, ["a"]);
        let changed = [Event::Init, Event::InitApply(object("a", 2, Value::Null)), Event::InitDone];
        assert_eq!(requests([list(), changed].concat()).await.len(), 2);
    }

    #[tokio::test]
    async fn wakes_the_queue_only_when_a_place_or_a_name_becomes_free() {
        let begun = || {
            let busy = Event::InitApply(object("a", 1, run("a", json!({"stage": "Testing"}))));
            vec![Event::Init, busy, Event::InitApply(object("b", 1, Value::Null)), Event::InitDone]
        };
        let after = |event| async { requests([begun(), vec![event]].concat()).await.split_off(2) };
        let of_a = |more| Event::Apply(object("a", 2, run("a", more)));
        assert_eq!(after(of_a(json!({"stage": "Removing"}))).await, ["a"]);
        assert_eq!(after(of_a(json!({"stage": "Ended", "keepReason": "yes"}))).await, ["a"]);
        let over = json!({"stage": "Ended", "removalTime": "2026-01-01T00:00:00Z"});
        assert_eq!(after(of_a(over)).await, ["a", "b"]);
        assert_eq!(after(Event::Delete(object("a", 2, Value::Null))).await, ["b"]);
        // Who gets a place takes it from nobody.
        let starts = Event::Apply(object("b", 2, run("b", json!({"stage": "Waiting"}))));
        assert_eq!(after(starts).await, ["b"]);
        let relisted = [Event::Init, Event::InitApply(object("b", 1, Value::Null)), Event::InitDone];
        assert_eq!(requests([begun(), relisted.to_vec()].concat()).await.split_off(2), ["b"]);
    }
}
