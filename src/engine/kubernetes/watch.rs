//! What happens to an environment, told from its feed: processes that end, and another owner.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::StreamExt;
use futures::stream::BoxStream;
use k8s_openapi::api::core::v1::Pod;
use tokio::sync::mpsc;

use super::feed::Feed;
use super::view::View;
use super::{KubernetesEngine, api, sight, units};
use crate::engine::{EngineError, EngineEvent};
use crate::render::labels::{ROLE, Role, UNIT};

/// Follows an environment until the stream is dropped. Units that do not run any more are told at once.
pub async fn watch(
    engine: &KubernetesEngine,
    environment: &str,
) -> Result<BoxStream<'static, EngineEvent>, EngineError> {
    let feed = engine.feed(environment);
    let (tell, heard) = mpsc::channel(64);
    tokio::spawn(async move {
        let quiet = tell.clone();
        tokio::select! {
            () = quiet.closed() => {}
            () = follow(feed, tell) => {}
        }
    });
    Ok(futures::stream::unfold(heard, |mut heard| async move { heard.recv().await.map(|h| (h, heard)) }).boxed())
}

async fn follow(feed: Arc<Feed>, tell: mpsc::Sender<EngineEvent>) {
    let mut view = feed.view();
    let mut teller = Teller::default();
    loop {
        let news = teller.news(&view.borrow_and_update());
        for happened in news {
            if tell.send(happened).await.is_err() {
                return;
            }
        }
        if view.changed().await.is_err() {
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
    owner: Option<Option<(uuid::Uuid, bool)>>,
}

impl Teller {
    fn news(&mut self, view: &View) -> Vec<EngineEvent> {
        let mut news = vec![];
        for pod in view.pods.iter().flat_map(|p| p.values()) {
            news.extend(self.end(pod));
        }
        self.begun |= view.pods.is_some();
        let owner = view.owner.as_ref().map(|o| o.as_ref().map(|o| (o.run, o.leaving)));
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
        let status = sight::container(pod, units::CONTAINER)?;
        // A process that never began is no end; whoever starts it is told why.
        let end = sight::last_end(status).filter(|e| !sight::never_began(e))?;
        let new =
            self.ends.insert(format!("{}/{:?}", pod.metadata.uid.as_deref().unwrap_or_default(), end.container_id));
        let runs = status.state.as_ref().is_some_and(|s| s.running.is_some());
        if !new || (!self.begun && (runs || sight::held(pod, units::CONTAINER))) {
            return None;
        }
        Some(EngineEvent::Exited {
            unit: api::label(pod, UNIT).to_owned(),
            code: end.exit_code.into(),
            oom_killed: sight::oom_killed(end),
        })
    }
}
