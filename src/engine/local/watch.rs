//! What happens to an environment, from the engine's own events. Whenever the stream of events breaks, everything
//! is looked at again, so that nothing is missed; nothing is polled while it holds.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use bollard::models::EventMessage;
use bollard::query_parameters::EventsOptionsBuilder;
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::sync::mpsc;

use super::claim;
use super::client::LocalEngine;
use crate::engine::{EngineError, EngineEvent};
use crate::render::labels::{self, ENVIRONMENT, ROLE, Role};

/// Pause before events are asked for again.
const AGAIN: Duration = Duration::from_millis(500);

/// Follows an environment until the stream is dropped. Units that have ended already are told at once.
pub async fn watch(engine: &LocalEngine, environment: &str) -> Result<BoxStream<'static, EngineEvent>, EngineError> {
    let owner = claim::owner(engine, environment).await?;
    let (tell, heard) = mpsc::channel(64);
    let watcher = Watcher {
        engine: engine.clone(),
        environment: environment.to_owned(),
        run: owner,
        known: BTreeSet::new(),
        tell,
    };
    tokio::spawn(watcher.run());
    Ok(futures::stream::unfold(heard, |mut heard| async move { heard.recv().await.map(|h| (h, heard)) }).boxed())
}

struct Watcher {
    engine: LocalEngine,
    environment: String,
    /// The owner that was told last.
    run: Option<crate::model::RunId>,
    /// Ends that were told: container and time.
    known: BTreeSet<(String, String)>,
    tell: mpsc::Sender<EngineEvent>,
}

/// Nobody listens any more.
struct Unheard;

impl Watcher {
    async fn run(mut self) {
        let tell = self.tell.clone();
        tokio::select! {
            () = tell.closed() => {}
            _ = self.follow() => {}
        }
    }

    async fn follow(&mut self) -> Result<(), Unheard> {
        loop {
            // From a moment before the look, so that there is no gap between both.
            let since = jiff::Timestamp::now().as_second() - 1;
            if let Err(e) = self.look_at_all().await? {
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
                    Ok(event) => self.hear(event).await?,
                    Err(e) => {
                        tracing::debug!(environment = self.environment, "events broke off: {e}");
                        break;
                    }
                }
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn hear(&mut self, event: EventMessage) -> Result<(), Unheard> {
        let actor = event.actor.unwrap_or_default();
        let attributes: BTreeMap<String, String> = actor.attributes.unwrap_or_default().into_iter().collect();
        let role = attributes.get(ROLE).map_or("", String::as_str);
        let action = event.action.unwrap_or_default();
        if role == Role::Anchor.as_str() && matches!(action.as_str(), "create" | "destroy" | "remove") {
            return self.look_at_owner().await;
        }
        if role == Role::Unit.as_str() && matches!(action.as_str(), "die" | "died") {
            let unit = attributes.get(labels::UNIT).cloned().unwrap_or_default();
            return self.look_at(&actor.id.unwrap_or_default(), &unit).await;
        }
        Ok(())
    }

    async fn look_at_all(&mut self) -> Result<Result<(), EngineError>, Unheard> {
        let units = match self.engine.containers(&[(ENVIRONMENT, &self.environment), (ROLE, Role::Unit.as_str())]).await
        {
            Ok(units) => units,
            Err(e) => return Ok(Err(e)),
        };
        for unit in units.iter().filter(|u| u.ended()) {
            self.look_at(&unit.id, unit.label(labels::UNIT)).await?;
        }
        self.look_at_owner().await.map(Ok)
    }

    /// Tells of an end that was not told before.
    async fn look_at(&mut self, container: &str, unit: &str) -> Result<(), Unheard> {
        let found = match self.engine.container(container).await {
            Ok(Some(found)) => found,
            // Removed by teardown, or by a newer run whose anchor is told of.
            Ok(None) => return Ok(()),
            Err(e) => {
                tracing::debug!(container, "failed to {e}");
                return Ok(());
            }
        };
        let ours = self.run.is_none_or(|run| {
            found.config.labels.as_ref().and_then(|l| l.get(labels::RUN)).is_some_and(|r| *r == run.to_string())
        });
        if !ours || !found.state.ended() || !self.known.insert((found.id, found.state.finished_at)) {
            return Ok(());
        }
        let happened = EngineEvent::Exited {
            unit: unit.to_owned(),
            code: found.state.exit_code,
            oom_killed: found.state.oom_killed,
        };
        self.tell.send(happened).await.map_err(|_| Unheard)
    }

    async fn look_at_owner(&mut self) -> Result<(), Unheard> {
        match claim::owner(&self.engine, &self.environment).await {
            Ok(owner) if owner != self.run => {
                self.run = owner;
                self.tell.send(EngineEvent::LeaseChanged).await.map_err(|_| Unheard)
            }
            Ok(_) => Ok(()),
            Err(e) => {
                tracing::debug!(environment = self.environment, "failed to {e}");
                Ok(())
            }
        }
    }
}
