//! Derives the events of an environment from its cache: processes that end, and changes of the owner.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::StreamExt;
use futures::stream::BoxStream;
use k8s_openapi::api::core::v1::Pod;
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
    /// A complete list was seen.
    begun: bool,
    owner: Option<Option<(crate::model::RunId, bool)>>,
}

impl Reported {
    fn news(&mut self, snapshot: &Snapshot) -> Vec<EngineEvent> {
        let mut news = vec![];
        for pod in snapshot.pods.iter().flat_map(|p| p.values()) {
            news.extend(self.end(pod));
        }
        self.begun |= snapshot.pods.is_some();
        let owner = snapshot.owner.as_ref().map(|o| o.as_ref().map(|o| (o.run, o.leaving)));
        if let (Some(known), Some(now)) = (self.owner, owner)
            && known != now
        {
            news.push(EngineEvent::LeaseChanged);
        }
        self.owner = owner.or(self.owner);
        news
    }

    /// An end that was not reported, unless it precedes the watch and the unit runs again.
    fn end(&mut self, pod: &Pod) -> Option<EngineEvent> {
        if api::label(pod, ROLE) != Role::Unit.as_str() {
            return None;
        }
        let status = container_status::container(pod, UNIT_CONTAINER)?;
        // A process that never started has not ended; `start` reports the reason.
        let end = container_status::last_termination(status).filter(|e| !container_status::never_started(e))?;
        let new =
            self.ends.insert(format!("{}/{:?}", pod.metadata.uid.as_deref().unwrap_or_default(), end.container_id));
        let runs = status.state.as_ref().is_some_and(|s| s.running.is_some());
        if !new || (!self.begun && (runs || container_status::is_stopped(pod, UNIT_CONTAINER))) {
            return None;
        }
        Some(EngineEvent::Exited {
            unit: api::label(pod, UNIT).to_owned(),
            code: end.exit_code.into(),
            oom_killed: container_status::oom_killed(end),
        })
    }
}
