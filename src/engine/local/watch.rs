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
use super::containers::{Listed, State};
use super::ends::{APART, Ends};
use crate::engine::{EngineError, EngineEvent};
use crate::render::labels::{self, ENVIRONMENT, ROLE, Role};

/// Pause before the events are requested again.
const PAUSE: Duration = Duration::from_millis(500);
/// Nanoseconds in a second.
const NANOS: i64 = 1_000_000_000;

/// Watches an environment until the stream is dropped. Reports units that have already ended at once.
pub async fn watch(engine: &LocalEngine, environment: &str) -> Result<BoxStream<'static, EngineEvent>, EngineError> {
    let owner = anchor::owner(engine, environment).await?;
    let (sender, receiver) = mpsc::channel(64);
    let watcher = Watcher {
        engine: engine.clone(),
        environment: environment.to_owned(),
        owner,
        known: BTreeMap::new(),
        ends: Ends::default(),
        gone: BTreeSet::new(),
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
    owner: Option<anchor::Owner>,
    /// The containers that were seen, by id.
    known: BTreeMap<String, UnitCopy>,
    /// The ends that were reported.
    ends: Ends,
    /// The containers whose removal was reported.
    gone: BTreeSet<String>,
    sender: mpsc::Sender<EngineEvent>,
}

/// The receiver is gone.
struct ReceiverGone;

/// A copy of a unit.
#[derive(Debug, Clone)]
struct UnitCopy {
    unit: String,
    copy: String,
}

impl UnitCopy {
    /// Reads the labels of a container.
    fn of(label: impl Fn(&str) -> Option<String>) -> Self {
        let unit = label(labels::UNIT).unwrap_or_default();
        let copy = label(labels::COPY).and_then(|copy| copy.parse().ok()).unwrap_or(1);
        Self { copy: labels::copy_name(&unit, copy), unit }
    }
}

impl Watcher {
    async fn run(mut self) {
        let sender = self.sender.clone();
        tokio::select! {
            () = sender.closed() => {}
            _ = self.follow() => {}
        }
    }

    async fn follow(&mut self) -> Result<(), ReceiverGone> {
        // From a moment before the inspection, so that there is no gap. Earlier events belong to no watch of this one.
        let begin = jiff::Timestamp::now().as_second() - 1;
        loop {
            let since = begin.max(jiff::Timestamp::now().as_second() - APART / NANOS);
            if let Err(e) = self.inspect_all(since).await? {
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
        let at = event.time_nano.unwrap_or_default();
        let actor = event.actor.unwrap_or_default();
        let attributes: BTreeMap<String, String> = actor.attributes.unwrap_or_default().into_iter().collect();
        let role = attributes.get(ROLE).map_or("", String::as_str);
        let action = event.action.unwrap_or_default();
        if role == Role::Anchor.as_str() && matches!(action.as_str(), "create" | "rename" | "destroy" | "remove") {
            return self.check_owner().await;
        }
        let container = actor.id.unwrap_or_default();
        // Podman tells of a removal without the labels.
        if matches!(action.as_str(), "destroy" | "remove") {
            return match self.known.get(&container).cloned() {
                Some(unit) => self.gone(container, unit).await,
                None => Ok(()),
            };
        }
        let unit = attributes.get(labels::UNIT).map_or("", String::as_str);
        let ours = |owner: &anchor::Owner| attributes.get(labels::RUN).is_none_or(|run| owner.has(unit, run));
        if role != Role::Unit.as_str() || !self.owner.as_ref().is_none_or(ours) {
            return Ok(());
        }
        self.known.insert(container.clone(), UnitCopy::of(|key| attributes.get(key).cloned()));
        match action.as_str() {
            "die" | "died" => self.died(&container, &attributes, at).await,
            _ => Ok(()),
        }
    }

    /// Inspects all containers. The events from `since` on, in seconds since 1970, follow.
    async fn inspect_all(&mut self, since: i64) -> Result<Result<(), EngineError>, ReceiverGone> {
        let units = match self.engine.containers(&[(ENVIRONMENT, &self.environment), (ROLE, Role::Unit.as_str())]).await
        {
            Ok(units) => units,
            Err(e) => return Ok(Err(e)),
        };
        let ours = |u: &&Listed| self.owner.as_ref().is_none_or(|owner| owner.has_container(u));
        let units: Vec<&Listed> = units.iter().filter(ours).collect();
        let present: BTreeSet<&str> = units.iter().map(|u| u.id.as_str()).collect();
        let missing: Vec<_> = self
            .known
            .iter()
            .filter(|(id, _)| !present.contains(id.as_str()))
            .map(|(i, u)| (i.clone(), u.clone()))
            .collect();
        for (id, unit) in missing {
            self.gone(id, unit).await?;
        }
        for listed in units {
            let unit = UnitCopy::of(|key| Some(listed.label(key).to_owned()));
            self.known.insert(listed.id.clone(), unit.clone());
            if listed.ended()
                && let Some(state) = self.state(&listed.id).await
                && state.ended()
                && self.ends.state(&listed.id, state.finished().unwrap_or_default(), since.saturating_mul(NANOS))
            {
                self.exited(unit, state.exit_code, state.oom_killed).await?;
            }
        }
        self.check_owner().await.map(Ok)
    }

    /// The state of a container; none if it is gone, or if the engine does not say.
    async fn state(&self, container: &str) -> Option<State> {
        match self.engine.container(container).await {
            Ok(found) => found.map(|found| found.state),
            Err(e) => {
                tracing::debug!(container, "failed to {e}");
                None
            }
        }
    }

    /// Reports the end that an event tells of. Only the event knows it if the container runs again, or is gone.
    async fn died(
        &mut self,
        container: &str,
        attributes: &BTreeMap<String, String>,
        at: i64,
    ) -> Result<(), ReceiverGone> {
        let unit = UnitCopy::of(|key| attributes.get(key).cloned());
        let state = self.state(container).await;
        let ended = state.as_ref().filter(|state| state.ended());
        if !self.ends.event(container, at, ended.and_then(State::finished)) {
            return Ok(());
        }
        let told = ["exitCode", "containerExitCode"].iter().find_map(|key| attributes.get(*key)?.parse().ok());
        let code = ended.map(|state| state.exit_code).or(told).unwrap_or(-1);
        self.exited(unit, code, state.is_some_and(|state| state.oom_killed)).await
    }

    async fn exited(&self, unit: UnitCopy, code: i64, oom_killed: bool) -> Result<(), ReceiverGone> {
        let UnitCopy { unit, copy } = unit;
        let event = EngineEvent::Exited { unit, copy, code, oom_killed };
        self.sender.send(event).await.map_err(|_| ReceiverGone)
    }

    /// Reports a removal once.
    async fn gone(&mut self, container: String, unit: UnitCopy) -> Result<(), ReceiverGone> {
        self.known.remove(&container);
        if !self.gone.insert(container) {
            return Ok(());
        }
        let UnitCopy { unit, copy } = unit;
        let event = EngineEvent::Gone { unit, copy, why: "its container was removed from outside".into() };
        self.sender.send(event).await.map_err(|_| ReceiverGone)
    }

    async fn check_owner(&mut self) -> Result<(), ReceiverGone> {
        match anchor::owner(&self.engine, &self.environment).await {
            Ok(owner) if owner != self.owner => {
                self.owner = owner;
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
