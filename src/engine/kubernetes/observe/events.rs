//! Derives the events of an environment from its cache: processes that end, and changes of the owner.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::StreamExt;
use futures::stream::BoxStream;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use tokio::sync::mpsc;

use crate::engine::kubernetes::cache::{EnvironmentCache, Snapshot};
use crate::engine::kubernetes::client::{KubernetesEngine, api};
use crate::engine::kubernetes::pods::container_status::{self, UNIT_CONTAINER};
use crate::engine::{EngineError, EngineEvent};
use crate::render::labels::{ROLE, Role, UNIT};

/// Follows an environment until the stream is dropped. Units that have ended already are reported at once.
pub async fn watch(
    engine: &KubernetesEngine,
    environment: &str,
) -> Result<BoxStream<'static, EngineEvent>, EngineError> {
    let cache = engine.cache(environment);
    let (sender, events) = mpsc::channel(64);
    tokio::spawn(async move {
        let closed = sender.clone();
        tokio::select! {
            () = closed.closed() => {}
            () = follow(cache, sender) => {}
        }
    });
    Ok(futures::stream::unfold(events, |mut events| async move { events.recv().await.map(|e| (e, events)) }).boxed())
}

async fn follow(cache: Arc<EnvironmentCache>, sender: mpsc::Sender<EngineEvent>) {
    let mut snapshot = cache.subscribe();
    let mut reported = Reported::default();
    loop {
        let news = reported.news(&snapshot.borrow_and_update());
        for event in news {
            if sender.send(event).await.is_err() {
                return;
            }
        }
        if snapshot.changed().await.is_err() {
            return;
        }
    }
}

/// The events that were reported.
#[derive(Default)]
struct Reported {
    /// Reported ends, by container id.
    ends: BTreeSet<String>,
    /// Pods that were reported to be gone, by uid.
    gone: BTreeSet<String>,
    /// The pods of units, by uid.
    known: BTreeMap<String, UnitCopy>,
    /// What was said last about units without a node.
    waiting: BTreeMap<String, String>,
    /// A complete list was seen.
    begun: bool,
    owner: Option<Option<(crate::model::RunId, bool)>>,
}

/// A copy of a unit.
#[derive(Clone)]
struct UnitCopy {
    unit: String,
    copy: String,
}

impl Reported {
    fn news(&mut self, snapshot: &Snapshot) -> Vec<EngineEvent> {
        let mut news = vec![];
        if let Some(pods) = &snapshot.pods {
            let units: Vec<&Pod> =
                pods.values().map(AsRef::as_ref).filter(|p| api::label(*p, ROLE) == Role::Unit.as_str()).collect();
            for pod in &units {
                news.extend(self.end(pod));
                news.extend(self.termination(pod));
                news.extend(self.waits(pod));
            }
            news.extend(self.missing(&units));
            self.begun = true;
        }
        let owner = snapshot.owner.as_ref().map(|o| o.as_ref().map(|o| (o.run, o.leaving)));
        if let (Some(known), Some(now)) = (self.owner, owner)
            && known != now
        {
            news.push(EngineEvent::LeaseChanged);
        }
        self.owner = owner.or(self.owner);
        news
    }

    /// A wait for a node that was not reported in these words.
    fn waits(&mut self, pod: &Pod) -> Option<EngineEvent> {
        let why = format!("no node has room for it yet: {}", container_status::unschedulable(pod)?);
        let unit = api::label(pod, UNIT).to_owned();
        let before = self.waiting.insert(unit.clone(), why.clone());
        (before.as_ref() != Some(&why)).then_some(EngineEvent::WaitsForRoom { unit, why })
    }

    /// An end that was not reported, unless it precedes the watch and the unit runs again.
    fn end(&mut self, pod: &Pod) -> Option<EngineEvent> {
        let status = container_status::container(pod, UNIT_CONTAINER)?;
        // A process that never started has not ended; `start` reports the reason.
        let end = container_status::last_termination(status).filter(|e| !container_status::never_started(e))?;
        let new = self.ends.insert(format!("{}/{:?}", uid(pod), end.container_id));
        let runs = status.state.as_ref().is_some_and(|s| s.running.is_some());
        if !new || (!self.begun && (runs || container_status::is_stopped(pod, UNIT_CONTAINER))) {
            return None;
        }
        let UnitCopy { unit, copy } = copy(pod);
        Some(EngineEvent::Exited {
            unit,
            copy,
            code: end.exit_code.into(),
            oom_killed: container_status::oom_killed(end),
        })
    }

    /// The eviction, preemption or deletion of a pod, once.
    fn termination(&mut self, pod: &Pod) -> Option<EngineEvent> {
        let why = container_status::termination_reason(pod)?;
        let UnitCopy { unit, copy } = copy(pod);
        self.gone.insert(uid(pod)).then_some(EngineEvent::Gone { unit, copy, why })
    }

    /// The pods that are missing from the list.
    fn missing(&mut self, units: &[&Pod]) -> Vec<EngineEvent> {
        let present: BTreeMap<String, UnitCopy> = units.iter().map(|pod| (uid(pod), copy(pod))).collect();
        let known = std::mem::replace(&mut self.known, present);
        let missing = known.into_iter().filter(|(uid, _)| !self.known.contains_key(uid));
        let new = missing.filter(|(uid, _)| self.gone.insert(uid.clone())).collect::<Vec<_>>();
        let gone = |UnitCopy { unit, copy }| EngineEvent::Gone { unit, copy, why: "its pod was deleted".into() };
        new.into_iter().map(|(_, copy)| gone(copy)).collect()
    }
}

fn uid(pod: &Pod) -> String {
    pod.metadata.uid.clone().unwrap_or_default()
}

fn copy(pod: &Pod) -> UnitCopy {
    UnitCopy { unit: api::label(pod, UNIT).to_owned(), copy: pod.name_any() }
}
