//! What happens to an environment, told from its cache: processes that end, and another owner.

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

/// Follows an environment until the stream is dropped. Units that do not run any more are told at once.
pub async fn watch(
    engine: &KubernetesEngine,
    environment: &str,
) -> Result<BoxStream<'static, EngineEvent>, EngineError> {
    let cache = engine.cache(environment);
    let (tell, heard) = mpsc::channel(64);
    tokio::spawn(async move {
        let quiet = tell.clone();
        tokio::select! {
            () = quiet.closed() => {}
            () = follow(cache, tell) => {}
        }
    });
    Ok(futures::stream::unfold(heard, |mut heard| async move { heard.recv().await.map(|h| (h, heard)) }).boxed())
}

async fn follow(cache: Arc<EnvironmentCache>, tell: mpsc::Sender<EngineEvent>) {
    let mut snapshot = cache.subscribe();
    let mut teller = Teller::default();
    loop {
        let news = teller.news(&snapshot.borrow_and_update());
        for happened in news {
            if tell.send(happened).await.is_err() {
                return;
            }
        }
        if snapshot.changed().await.is_err() {
            return;
        }
    }
}

/// What was told.
#[derive(Default)]
struct Teller {
    /// Ends by container id.
    ends: BTreeSet<String>,
    /// A whole list was seen before.
    begun: bool,
    owner: Option<Option<(crate::model::RunId, bool)>>,
}

impl Teller {
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

    /// An end that was not told. What ended before the watch began and runs again is no news.
    fn end(&mut self, pod: &Pod) -> Option<EngineEvent> {
        if api::label(pod, ROLE) != Role::Unit.as_str() {
            return None;
        }
        let status = container_status::container(pod, UNIT_CONTAINER)?;
        // A process that never began is no end; whoever starts it is told why.
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
