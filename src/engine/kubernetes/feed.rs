//! What is in an environment's namespace now: one watch each of its pods, its events and itself, shared by all who wait.
//!
//! Watches begin anew by themselves after disconnects, expired versions and restarts of the API server. Nobody is told
//! anything before the first list is whole, so that "nothing there yet" is never taken for "all is there".

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event as ClusterEvent, Namespace, Pod};
use kube::core::PartialObjectMeta;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Config, Event};
use kube::{Api, Error, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::view::{Note, Owner, View};
use super::{KubernetesEngine, lock};
use crate::render::kubernetes::lease;

/// How often time itself may change what is seen.
const TICK: Duration = Duration::from_millis(500);

/// The watches of one environment; they end with the last who holds it.
pub struct Feed {
    view: watch::Receiver<View>,
    _watches: [AbortOnDropHandle<()>; 3],
}

impl KubernetesEngine {
    /// The environment's feed, begun with the first who asks.
    pub(super) fn feed(&self, environment: &str) -> Arc<Feed> {
        let mut feeds = lock(&self.0.feeds);
        if let Some(feed) = feeds.get(environment).and_then(Weak::upgrade) {
            return feed;
        }
        let feed = Arc::new(Feed::begin(self, environment));
        feeds.insert(environment.to_owned(), Arc::downgrade(&feed));
        feed
    }
}

impl Feed {
    fn begin(engine: &KubernetesEngine, environment: &str) -> Self {
        let (view, seen) = watch::channel(View::default());
        let view = Arc::new(view);
        let everything = Config::default();
        let itself = everything.clone().fields(&format!("metadata.name={environment}"));
        let events: Api<ClusterEvent> = Api::namespaced(engine.client(), environment);
        let namespaces: Api<PartialObjectMeta<Namespace>> = Api::all(engine.client());
        let watches = [
            spawn(follow_pods(watched(engine.pods(environment), everything.clone()), view.clone())),
            spawn(follow_events(watched(events, everything), view.clone())),
            spawn(follow_owner(watched(namespaces, itself), view)),
        ];
        Self { view: seen, _watches: watches }
    }

    /// A view of one's own, which follows.
    pub fn view(&self) -> watch::Receiver<View> {
        self.view.clone()
    }

    /// Waits until `look` finds something in what is seen, or until the time is over (then none). It looks at every
    /// change, and from time to time, because waiting long is itself something to see.
    pub async fn until<T>(&self, limit: Duration, mut look: impl FnMut(&View, Timestamp) -> Option<T>) -> Option<T> {
        let mut view = self.view();
        let looking = async {
            loop {
                if let Some(found) = look(&view.borrow_and_update(), Timestamp::now()) {
                    return found;
                }
                // Either wakes; a closed channel cannot be, for `self` holds the watches.
                let _ = tokio::time::timeout(TICK, view.changed()).await;
            }
        };
        tokio::time::timeout(limit, looking).await.ok()
    }
}

fn spawn(work: impl Future<Output = ()> + Send + 'static) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(work))
}

type Watched<K> = Result<Event<K>, watcher::Error>;

/// A watch that lists again whenever the version that it has is too old: the library does so when a watch that has begun
/// is told, but not when one cannot begin.
pub fn watched<K>(api: Api<K>, config: Config) -> impl Stream<Item = Watched<K>> + Send
where
    K: Resource + Clone + DeserializeOwned + std::fmt::Debug + Send + 'static,
{
    let begin = move || -> BoxStream<'static, Watched<K>> { watcher::watcher(api.clone(), config.clone()).boxed() };
    futures::stream::unfold((begin(), begin), |(mut events, begin)| async move {
        let event = events.next().await?;
        if let Err(watcher::Error::WatchStartFailed(Error::Api(status))) = &event
            && status.code == 410
        {
            events = begin();
        }
        Some((event, (events, begin)))
    })
}

async fn follow_pods(pods: impl Stream<Item = Watched<Pod>> + Send, view: Arc<watch::Sender<View>>) {
    let mut pods = std::pin::pin!(pods.default_backoff());
    let mut listing = BTreeMap::new();
    while let Some(event) = pods.next().await {
        match event {
            Ok(Event::Init) => listing = BTreeMap::new(),
            Ok(Event::InitApply(pod)) => drop(listing.insert(pod.name_any(), lean(pod))),
            Ok(Event::InitDone) => {
                let all = std::mem::take(&mut listing);
                view.send_modify(|v| v.pods = Some(all));
            }
            Ok(Event::Apply(pod)) => view.send_modify(|v| {
                v.pods.get_or_insert_default().insert(pod.name_any(), lean(pod));
            }),
            Ok(Event::Delete(pod)) => view.send_modify(|v| {
                v.pods.get_or_insert_default().remove(&pod.name_any());
            }),
            Err(e) => tracing::debug!("watching pods again: {e}"),
        }
    }
}

/// Without the record of who set which field, which is as large as the pod.
fn lean(mut pod: Pod) -> Arc<Pod> {
    pod.metadata.managed_fields = None;
    Arc::new(pod)
}

async fn follow_events(events: impl Stream<Item = Watched<ClusterEvent>> + Send, view: Arc<watch::Sender<View>>) {
    let mut events = std::pin::pin!(events.default_backoff());
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Init) => view.send_modify(|v| v.events.clear()),
            Ok(Event::InitApply(event) | Event::Apply(event)) => view.send_modify(|v| take(v, event)),
            Ok(Event::InitDone | Event::Delete(_)) => {}
            Err(e) => tracing::debug!("watching events again: {e}"),
        }
    }
}

fn take(view: &mut View, event: ClusterEvent) {
    let about = event.involved_object;
    let note = Note {
        reason: event.reason.unwrap_or_default(),
        message: event.message.unwrap_or_default(),
        warning: event.type_.as_deref() == Some("Warning"),
        since: event
            .first_timestamp
            .map(|t| t.0)
            .or(event.event_time.map(|t| t.0))
            .or_else(|| event.metadata.creation_timestamp.map(|t| t.0)),
        uid: about.uid.unwrap_or_default(),
        part: about.field_path.unwrap_or_default(),
    };
    let notes = view.events.entry(about.name.unwrap_or_default()).or_default();
    // A repeated event is the same with a higher count.
    notes.retain(|n| *n != note);
    notes.push(note);
}

async fn follow_owner(
    namespaces: impl Stream<Item = Watched<PartialObjectMeta<Namespace>>> + Send,
    view: Arc<watch::Sender<View>>,
) {
    let mut namespaces = std::pin::pin!(namespaces.default_backoff());
    let mut found = None;
    while let Some(event) = namespaces.next().await {
        match event {
            Ok(Event::Init) => found = None,
            Ok(Event::InitApply(namespace)) => found = owner(&namespace),
            Ok(Event::InitDone) => view.send_modify(|v| v.owner = Some(found.take())),
            Ok(Event::Apply(namespace)) => {
                let owner = owner(&namespace);
                view.send_modify(|v| v.owner = Some(owner));
            }
            Ok(Event::Delete(_)) => view.send_modify(|v| v.owner = Some(None)),
            Err(e) => tracing::debug!("watching the namespace again: {e}"),
        }
    }
}

fn owner(namespace: &PartialObjectMeta<Namespace>) -> Option<Owner> {
    let (run, commit) = lease::owner(namespace.meta().annotations.as_ref()?)?;
    Some(Owner { run, commit, leaving: namespace.meta().deletion_timestamp.is_some() })
}
