//! Caches the contents of an environment's namespace: one watch each of pods, events and the namespace, shared by all waiters.
//!
//! Watches restart after disconnects, expired versions and restarts of the API server. Waiters see nothing before the first
//! list is complete, so that they do not mistake "not listed yet" for "does not exist".

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event as ClusterEvent, Namespace, Pod};
use kube::core::PartialObjectMeta;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::Event;
use kube::{Api, Client, Resource, ResourceExt};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::snapshot::{Owner, PodEvent, Snapshot};
use super::watcher::{ShortPauses, Watched, everything, watch_with_relist};
use crate::engine::kubernetes::outages::Outages;
use crate::render::kubernetes::lease;

/// Interval at which conditions are checked without a change, because some depend on the time.
const TICK: Duration = Duration::from_millis(500);
/// Time without the API server after which waiting is useless; single requests are retried as long.
const OUTAGE_LIMIT: Duration = Duration::from_secs(60);

/// Reason of the events with which the cluster marks the pods of a node that is not ready.
const NODE_NOT_READY: &str = "NodeNotReady";

/// The watches of one environment; they end when the last holder drops it.
pub struct EnvironmentCache {
    environment: String,
    snapshot: watch::Receiver<Snapshot>,
    outages: Outages,
    _watches: [AbortOnDropHandle<()>; 3],
}

impl EnvironmentCache {
    /// Starts the watches; nodes that are not ready are recorded as outages.
    pub fn start(client: &Client, environment: &str, outages: &Outages) -> Self {
        let (snapshot, seen) = watch::channel(Snapshot::default());
        let snapshot = Arc::new(snapshot);
        let everything = everything();
        let itself = everything.clone().fields(&format!("metadata.name={environment}"));
        let pods: Api<Pod> = Api::namespaced(client.clone(), environment);
        let events: Api<ClusterEvent> = Api::namespaced(client.clone(), environment);
        let namespaces: Api<PartialObjectMeta<Namespace>> = Api::all(client.clone());
        let watches = [
            spawn(follow_pods(watch_with_relist(pods, everything.clone()), snapshot.clone())),
            spawn(follow_events(watch_with_relist(events, everything), snapshot.clone(), outages.clone())),
            spawn(follow_owner(watch_with_relist(namespaces, itself), snapshot)),
        ];
        let (environment, outages) = (environment.to_owned(), outages.clone());
        Self { environment, snapshot: seen, outages, _watches: watches }
    }

    /// The environment's name.
    pub fn environment(&self) -> &str {
        &self.environment
    }

    /// A receiver of each new snapshot.
    pub fn subscribe(&self) -> watch::Receiver<Snapshot> {
        self.snapshot.clone()
    }

    /// Waits until `condition` returns a value; none after `limit`, or when the API server has been away for
    /// [`OUTAGE_LIMIT`]. The condition is checked at each change and every [`TICK`]. kube's `await_condition` would open a watch of its own for each waiter, and sees one object without events.
    pub async fn wait_for<T>(
        &self,
        limit: Duration,
        mut condition: impl FnMut(&Snapshot, Timestamp) -> Option<T>,
    ) -> Option<T> {
        let mut snapshot = self.subscribe();
        let waiting = async {
            loop {
                if let Some(found) = condition(&snapshot.borrow_and_update(), Timestamp::now()) {
                    return Some(found);
                }
                if self.is_blind() {
                    return None;
                }
                // The channel cannot close: `self` holds the watches.
                let _ = tokio::time::timeout(TICK, snapshot.changed()).await;
            }
        };
        tokio::time::timeout(limit, waiting).await.ok().flatten()
    }

    /// The API server has been away for so long that nothing is seen any more.
    fn is_blind(&self) -> bool {
        self.outages.api_server_is_away_for().is_some_and(|away| away >= OUTAGE_LIMIT)
    }

    /// Why a wait with this limit ended without a result.
    pub fn why_late(&self, limit: Duration) -> String {
        if self.is_blind() {
            return format!("the API server has not answered for {} s", OUTAGE_LIMIT.as_secs());
        }
        format!("{} s have passed", limit.as_secs())
    }
}

fn spawn(work: impl Future<Output = ()> + Send + 'static) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(work))
}

async fn follow_pods(pods: impl Stream<Item = Watched<Pod>> + Send, snapshot: Arc<watch::Sender<Snapshot>>) {
    let mut pods = std::pin::pin!(pods.backoff(ShortPauses::default()));
    let mut listing = BTreeMap::new();
    while let Some(event) = pods.next().await {
        match event {
            Ok(Event::Init) => listing = BTreeMap::new(),
            Ok(Event::InitApply(pod)) => drop(listing.insert(pod.name_any(), lean(pod))),
            Ok(Event::InitDone) => {
                let all = std::mem::take(&mut listing);
                snapshot.send_modify(|v| v.pods = Some(all));
            }
            Ok(Event::Apply(pod)) => snapshot.send_modify(|v| {
                v.pods.get_or_insert_default().insert(pod.name_any(), lean(pod));
            }),
            Ok(Event::Delete(pod)) => snapshot.send_modify(|v| {
                v.pods.get_or_insert_default().remove(&pod.name_any());
            }),
            Err(e) => tracing::debug!("watching pods again: {e}"),
        }
    }
}

/// Drops the managed fields, which are as large as the rest of the pod.
fn lean(mut pod: Pod) -> Arc<Pod> {
    pod.metadata.managed_fields = None;
    Arc::new(pod)
}

async fn follow_events(
    events: impl Stream<Item = Watched<ClusterEvent>> + Send,
    snapshot: Arc<watch::Sender<Snapshot>>,
    outages: Outages,
) {
    let mut events = std::pin::pin!(events.backoff(ShortPauses::default()));
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Init) => snapshot.send_modify(|v| v.events.clear()),
            Ok(Event::InitApply(event) | Event::Apply(event)) => {
                if event.reason.as_deref() == Some(NODE_NOT_READY) {
                    let age = last_time(&event).map(|at| Timestamp::now().duration_since(at));
                    let age = age.and_then(|age| Duration::try_from(age).ok()).unwrap_or_default();
                    outages.node_was_not_ready(age, event.message.as_deref().unwrap_or_default());
                }
                snapshot.send_modify(|v| record(v, event));
            }
            Ok(Event::InitDone | Event::Delete(_)) => {}
            Err(e) => tracing::debug!("watching events again: {e}"),
        }
    }
}

/// The time of an event's last occurrence.
fn last_time(event: &ClusterEvent) -> Option<Timestamp> {
    let times = [event.last_timestamp.as_ref().map(|t| t.0), event.event_time.as_ref().map(|t| t.0)];
    times.into_iter().flatten().max().or_else(|| event.metadata.creation_timestamp.as_ref().map(|t| t.0))
}

fn record(snapshot: &mut Snapshot, event: ClusterEvent) {
    let about = event.involved_object;
    let note = PodEvent {
        reason: event.reason.unwrap_or_default(),
        message: event.message.unwrap_or_default(),
        warning: event.type_.as_deref() == Some("Warning"),
        since: event
            .first_timestamp
            .map(|t| t.0)
            .or(event.event_time.map(|t| t.0))
            .or_else(|| event.metadata.creation_timestamp.map(|t| t.0)),
        uid: about.uid.unwrap_or_default(),
        field_path: about.field_path.unwrap_or_default(),
    };
    let notes = snapshot.events.entry(about.name.unwrap_or_default()).or_default();
    // A repeated event is the same with a higher count.
    notes.retain(|n| *n != note);
    notes.push(note);
}

async fn follow_owner(
    namespaces: impl Stream<Item = Watched<PartialObjectMeta<Namespace>>> + Send,
    snapshot: Arc<watch::Sender<Snapshot>>,
) {
    let mut namespaces = std::pin::pin!(namespaces.backoff(ShortPauses::default()));
    let mut found = None;
    while let Some(event) = namespaces.next().await {
        match event {
            Ok(Event::Init) => found = None,
            Ok(Event::InitApply(namespace)) => found = owner(&namespace),
            Ok(Event::InitDone) => snapshot.send_modify(|v| v.owner = Some(found.take())),
            Ok(Event::Apply(namespace)) => {
                let owner = owner(&namespace);
                snapshot.send_modify(|v| v.owner = Some(owner));
            }
            Ok(Event::Delete(_)) => snapshot.send_modify(|v| v.owner = Some(None)),
            Err(e) => tracing::debug!("watching the namespace again: {e}"),
        }
    }
}

fn owner(namespace: &PartialObjectMeta<Namespace>) -> Option<Owner> {
    let (run, _) = lease::owner(namespace.meta().annotations.as_ref()?)?;
    Some(Owner { run, leaving: namespace.meta().deletion_timestamp.is_some() })
}
