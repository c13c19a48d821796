//! Finds environments by labels, with their owners and the states of their units.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt};
use serde_json::Value;

use super::client::{LocalEngine, MAX_CONCURRENT};
use super::containers::{Inspected, Listed};
use super::{anchor, explain, images, retention};
use crate::engine::{EngineError, Leftover, ObservedEnvironment, RunningContainer, UNKNOWN_CODE, UnitState};
use crate::render::labels::{self, ENVIRONMENT, Role};

/// Returns one environment.
pub async fn one(engine: &LocalEngine, environment: &str) -> Result<Option<ObservedEnvironment>, EngineError> {
    Ok(gather(engine, environment, true).await?.pop())
}

/// Returns all environments. Units run if the engine believes so.
pub async fn all(engine: &LocalEngine) -> Result<Vec<ObservedEnvironment>, EngineError> {
    gather(engine, "", false).await
}

/// Returns the environments of this name; all of them for an empty name. `ask` for processes takes a request for each container.
async fn gather(engine: &LocalEngine, environment: &str, ask: bool) -> Result<Vec<ObservedEnvironment>, EngineError> {
    let wanted = [(ENVIRONMENT, environment)];
    let (containers, networks, volumes) =
        tokio::try_join!(engine.containers(&wanted), engine.networks(&wanted), engine.volumes(&wanted))?;
    let mut objects: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for container in &containers {
        objects
            .entry(container.label(ENVIRONMENT).to_owned())
            .or_default()
            .push(format!("container {}", container.name()));
    }
    let others = networks
        .iter()
        .map(|n| (&n.labels, format!("network {}", n.name)))
        .chain(volumes.iter().map(|v| (&v.labels, format!("volume {}", v.name))));
    for (labels, object) in others {
        let environment = labels.as_ref().and_then(|l| l.get(ENVIRONMENT)).cloned().unwrap_or_default();
        objects.entry(environment).or_default().push(object);
    }
    let mut found = vec![];
    for (environment, mut objects) in objects {
        objects.sort_unstable();
        let own: Vec<&Listed> = containers.iter().filter(|c| c.label(ENVIRONMENT) == environment).collect();
        let anchors = own.iter().copied().filter(|c| c.label(labels::ROLE) == Role::Anchor.as_str());
        let anchor = anchor::newest(anchors, &environment);
        let lease = anchor.and_then(|a| anchor::parse(a.label(labels::LEASE)));
        found.push(ObservedEnvironment {
            units: units(engine, &own, lease.as_ref().map(anchor::Owner::of), ask).await?,
            environment,
            retention: lease.as_ref().map(|l| retention::effective(l, own.iter().copied())),
            unreadable_lease: lease.is_none() && anchor.is_some(),
            lease,
            objects,
            terminating: false,
        });
    }
    Ok(found)
}

/// Returns the worst state among the copies of each unit. If there is an owner, only its containers count.
async fn units(
    engine: &LocalEngine,
    containers: &[&Listed],
    owner: Option<anchor::Owner>,
    ask: bool,
) -> Result<BTreeMap<String, UnitState>, EngineError> {
    let is_own = |c: &&&Listed| {
        c.label(labels::ROLE) == Role::Unit.as_str() && owner.as_ref().is_none_or(|o| o.has_container(c))
    };
    let own: Vec<Listed> = containers.iter().filter(is_own).map(|c| (*c).clone()).collect();
    let found = futures::stream::iter(own).map(|c| async move {
        let state = state(engine, &c, ask).await?;
        Ok::<_, EngineError>((c, state))
    });
    let found: Vec<(Listed, Option<UnitState>)> = found.buffered(MAX_CONCURRENT).try_collect().await?;
    let mut states: BTreeMap<String, UnitState> = BTreeMap::new();
    for (container, state) in found {
        // Removed in the meantime.
        let Some(state) = state else { continue };
        let known = states.remove(container.label(labels::UNIT));
        let worst = known.map_or(state.clone(), |known| known.worse(state));
        states.insert(container.label(labels::UNIT).to_owned(), worst);
    }
    Ok(states)
}

async fn state(engine: &LocalEngine, container: &Listed, ask: bool) -> Result<Option<UnitState>, EngineError> {
    match container.state.as_str() {
        "created" | "configured" | "initialized" => Ok(Some(UnitState::Created)),
        "exited" | "stopped" | "dead" => ended(engine, container).await,
        "removing" => Ok(None),
        "running" if ask && engine.is_gone(container).await? => ended(engine, container).await,
        _ => Ok(Some(UnitState::Running)),
    }
}

/// The state of a container whose process is gone; none if it was removed in the meantime.
async fn ended(engine: &LocalEngine, container: &Listed) -> Result<Option<UnitState>, EngineError> {
    let found = engine.container(&container.id).await?;
    Ok(found.map(|c| {
        let code = if c.state.ended() { c.state.exit_code } else { UNKNOWN_CODE };
        UnitState::Exited { code, oom_killed: c.state.oom_killed }
    }))
}

/// Returns the containers of all units.
pub async fn running(engine: &LocalEngine, environment: &str) -> Result<Vec<RunningContainer>, EngineError> {
    let Some(owner) = anchor::owner(engine, environment).await? else {
        return Err(EngineError::Missing(format!("environment {environment}")));
    };
    let units = engine.containers(&[(ENVIRONMENT, environment), (labels::ROLE, Role::Unit.as_str())]).await?;
    let own = units.into_iter().filter(|c| owner.has_container(c));
    let each = futures::stream::iter(own).map(|c| async move { inspected(engine, c).await });
    let mut found: Vec<InspectedUnit> =
        each.buffered(MAX_CONCURRENT).try_filter_map(|r| async { Ok(r) }).try_collect().await?;
    found.sort_by_cached_key(|l| l.listed.copy_name());
    // Each image is inspected once, although many units may use it.
    let ids: BTreeSet<String> = found.iter().map(|l| l.image.clone()).collect();
    let each = futures::stream::iter(ids).map(|id| async move {
        let image = images::inspect(engine, &id)
            .await
            .map_err(|w| explain::failed(&format!("inspect image {id}"), &w, Leftover::Unknown))?;
        Ok((id, image))
    });
    let images: BTreeMap<String, Option<images::Inspected>> = each.buffered(MAX_CONCURRENT).try_collect().await?;
    Ok(found.into_iter().map(|l| l.running(&images)).collect())
}

/// An inspected container.
struct InspectedUnit {
    listed: Listed,
    /// Image id.
    image: String,
    text: String,
}

impl InspectedUnit {
    fn running(self, images: &BTreeMap<String, Option<images::Inspected>>) -> RunningContainer {
        let image = images.get(&self.image).and_then(Option::as_ref);
        let image_digest = image.map_or_else(|| self.image.clone(), |i| i.digest(self.listed.label(labels::IMAGE)));
        let inspected: Value = serde_json::from_str(&self.text).unwrap_or_default();
        let process = inspected["State"]["StartedAt"].as_str().map(|at| format!("{} {at}", self.listed.id));
        RunningContainer {
            unit: self.listed.copy_name(),
            image_digest,
            process: process.unwrap_or_default(),
            inspect: self.text,
        }
    }
}

/// Inspects a container; returns `None` if it is gone.
async fn inspected(engine: &LocalEngine, listed: Listed) -> Result<Option<InspectedUnit>, EngineError> {
    let failed =
        |words: &str| explain::failed(&format!("inspect container {}", listed.name()), words, Leftover::Unknown);
    let text = match engine.raw.get_text(&engine.path(&format!("/containers/{}/json", listed.id))).await {
        Ok(text) => text,
        Err(f) if f.is_gone() => return Ok(None),
        Err(f) => return Err(failed(&f.words)),
    };
    let found: Inspected = serde_json::from_str(&text).map_err(|e| failed(&e.to_string()))?;
    Ok(Some(InspectedUnit { listed, image: found.image, text }))
}
