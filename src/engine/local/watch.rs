//! Watches an environment through the engine's events. When the stream of events breaks, everything is inspected again, so
//! that nothing is missed. Nothing is polled otherwise.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use bollard::models::EventMessage;
use bollard::query_parameters::EventsOptionsBuilder;
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::sync::mpsc;

use super::anchor;
use super::client::LocalEngine;
use crate::engine::{EngineError, EngineEvent};
use crate::render::labels::{self, ENVIRONMENT, ROLE, Role};

/// Pause before the events are requested again.
const PAUSE: Duration = Duration::from_millis(500);

/// Watches an environment until the stream is dropped. Reports units that have already ended at once.
pub async fn watch(engine: &LocalEngine, environment: &str) -> Result<BoxStream<'static, EngineEvent>, EngineError> {
    let owner = anchor::owner(engine, environment).await?;
    let (sender, receiver) = mpsc::channel(64);
    let watcher = Watcher {
        engine: engine.clone(),
        environment: environment.to_owned(),
        run: owner,
        reported: BTreeSet::new(),
        sender,
    };
    tokio::spawn(watcher.run());
    Ok(futures::stream::unfold(
        receiver,
        |mut receiver| async move { receiver.recv().await.map(|event| (event, receiver)) },
    )
    .boxed())
}

struct Watcher {
    engine: LocalEngine,
    environment: String,
    /// The owner that was reported last.
    run: Option<crate::model::RunId>,
    /// The reported ends: container and time.
    reported: BTreeSet<(String, String)>,
    sender: mpsc::Sender<EngineEvent>,
}

/// The receiver is gone.
struct ReceiverGone;

impl Watcher {
    async fn run(mut self) {
        let sender = self.sender.clone();
        tokio::select! {
            () = sender.closed() => {}
            _ = self.follow() => {}
        }
    }

    async fn follow(&mut self) -> Result<(), ReceiverGone> {
        loop {
            // From a moment before the inspection, so that there is no gap.
            let since = jiff::Timestamp::now().as_second() - 1;
            if let Err(e) = self.inspect_all().await? {
                tracing::debug!(environment = self.environment, "failed to {e}");
            }
            let filters = HashMap::from([
                ("type", vec!["container".to_owned()]),
                ("label", vec![format!("{ENVIRONMENT}={}", self.environment)]),
            ]);
            let engine = self.engine.clone();
            let mut events = std::pin::pin!(
                engine
                    .docker
                    .events(Some(EventsOptionsBuilder::new().since(&since.to_string()).filters(&filters).build()))
            );
            while let Some(event) = events.next().await {
                match event {
                    Ok(event) => self.handle(event).await?,
                    Err(e) => {
                        tracing::debug!(environment = self.environment, "lost the event stream: {e}");
                        break;
                    }
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn handle(&mut self, event: EventMessage) -> Result<(), ReceiverGone> {
        let actor = event.actor.unwrap_or_default();
        let attributes: BTreeMap<String, String> = actor.attributes.unwrap_or_default().into_iter().collect();
        let role = attributes.get(ROLE).map_or("", String::as_str);
        let action = event.action.unwrap_or_default();
        if role == Role::Anchor.as_str() && matches!(action.as_str(), "create" | "destroy" | "remove") {
            return self.check_owner().await;
        }
        if role == Role::Unit.as_str() && matches!(action.as_str(), "die" | "died") {
            let unit = attributes.get(labels::UNIT).cloned().unwrap_or_default();
            return self.inspect(&actor.id.unwrap_or_default(), &unit).await;
        }
        Ok(())
    }

    async fn inspect_all(&mut self) -> Result<Result<(), EngineError>, ReceiverGone> {
        let units = match self.engine.containers(&[(ENVIRONMENT, &self.environment), (ROLE, Role::Unit.as_str())]).await
        {
            Ok(units) => units,
            Err(e) => return Ok(Err(e)),
        };
        for unit in units.iter().filter(|u| u.ended()) {
            self.inspect(&unit.id, unit.label(labels::UNIT)).await?;
        }
        self.check_owner().await.map(Ok)
    }

    /// Reports an end once.
    async fn inspect(&mut self, container: &str, unit: &str) -> Result<(), ReceiverGone> {
        let found = match self.engine.container(container).await {
            Ok(Some(found)) => found,
            // Removed by teardown, or by a newer run, whose anchor is reported.
            Ok(None) => return Ok(()),
            Err(e) => {
                tracing::debug!(container, "failed to {e}");
                return Ok(());
            }
        };
        let ours = self.run.is_none_or(|run| {
            found.config.labels.as_ref().and_then(|l| l.get(labels::RUN)).is_some_and(|r| *r == run.to_string())
        });
        if !ours || !found.state.ended() || !self.reported.insert((found.id, found.state.finished_at)) {
            return Ok(());
        }
        let event = EngineEvent::Exited {
            unit: unit.to_owned(),
            code: found.state.exit_code,
            oom_killed: found.state.oom_killed,
        };
        self.sender.send(event).await.map_err(|_| ReceiverGone)
    }

    async fn check_owner(&mut self) -> Result<(), ReceiverGone> {
        match anchor::owner(&self.engine, &self.environment).await {
            Ok(owner) if owner != self.run => {
                self.run = owner;
                self.sender.send(EngineEvent::LeaseChanged).await.map_err(|_| ReceiverGone)
            }
            Ok(_) => Ok(()),
            Err(e) => {
                tracing::debug!(environment = self.environment, "failed to {e}");
                Ok(())
            }
        }
    }
}
