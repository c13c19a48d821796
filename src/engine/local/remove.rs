//! Removal by labels: containers at once and side by side, then networks and volumes, the anchor last, so that the
//! environment keeps its owner until everything else is gone. Errors are carried past and told at the end.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use bollard::query_parameters::RemoveVolumeOptionsBuilder;
use futures::StreamExt;
use uuid::Uuid;

use super::client::{LocalEngine, MAX_CONCURRENT};
use super::containers::Listed;
use super::explain;
use crate::engine::{EngineError, RemovalScope, Residual};
use crate::render::labels::{ENVIRONMENT, ROLE, RUN, Role};

/// How long removal is tried again while something still holds on.
const PATIENCE: Duration = Duration::from_secs(30);
/// Pause between attempts.
const AGAIN: Duration = Duration::from_millis(200);

/// Which objects are meant.
#[derive(Debug, Clone, Copy)]
enum Which {
    All,
    Of(Uuid),
    Before(Uuid),
    /// What this run and older ones left, and what belongs to no run.
    UpTo(Uuid),
}

impl Which {
    /// A run label that cannot be read belongs to no run in particular.
    fn takes(self, run: &str) -> bool {
        match (self, run.parse::<Uuid>()) {
            (Self::All, _) | (Self::UpTo(_), Err(_)) => true,
            (Self::UpTo(wanted), Ok(run)) => run <= wanted,
            (Self::Of(wanted), Ok(run)) => run == wanted,
            (Self::Before(wanted), Ok(run)) => run < wanted,
            (_, Err(_)) => false,
        }
    }
}

/// What is to be removed, in the order of removal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Object {
    Container { id: String, name: String },
    Network(String),
    Volume(String),
    Anchor { id: String, name: String },
}

impl std::fmt::Display for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Container { name, .. } | Self::Anchor { name, .. } => write!(f, "container {name}"),
            Self::Network(name) => write!(f, "network {name}"),
            Self::Volume(name) => write!(f, "volume {name}"),
        }
    }
}

/// Removes the objects in `scope`.
pub async fn remove(
    engine: &LocalEngine,
    environment: &str,
    scope: RemovalScope,
) -> Result<Vec<Residual>, EngineError> {
    match scope {
        RemovalScope::All => sweep(engine, environment, Which::All).await,
        RemovalScope::Run(run) => sweep(engine, environment, Which::Of(run)).await,
        RemovalScope::Remnants => remnants(engine, environment).await,
    }
}

/// Removes what is left where nobody has the environment. Whoever takes it meanwhile is newer than what was found, and
/// keeps what it makes.
async fn remnants(engine: &LocalEngine, environment: &str) -> Result<Vec<Residual>, EngineError> {
    let newest = newest(engine, environment).await?;
    if engine.container(environment).await?.is_some() {
        return Ok(vec![]);
    }
    sweep(engine, environment, Which::UpTo(newest)).await
}

/// The newest run of which something is there; the lowest id when no run is named.
async fn newest(engine: &LocalEngine, environment: &str) -> Result<Uuid, EngineError> {
    let wanted = [(ENVIRONMENT, environment)];
    let (containers, networks, volumes) =
        tokio::try_join!(engine.containers(&wanted), engine.networks(&wanted), engine.volumes(&wanted))?;
    let runs = containers.iter().map(|c| c.label(RUN).to_owned());
    let others = networks.iter().map(|n| &n.labels).chain(volumes.iter().map(|v| &v.labels)).map(run_of);
    Ok(runs.chain(others).filter_map(|r| r.parse().ok()).max().unwrap_or_default())
}

fn run_of(labels: &Option<HashMap<String, String>>) -> String {
    labels.as_ref().and_then(|l| l.get(RUN)).cloned().unwrap_or_default()
}

/// Removes what older runs left; returns the newest of them. What stays is told by the next removal.
pub async fn older(engine: &LocalEngine, environment: &str, run: Uuid) -> Result<Option<Uuid>, EngineError> {
    let wanted = [(ENVIRONMENT, environment)];
    let containers = engine.containers(&wanted).await?;
    let newest = containers.iter().filter_map(|c| c.label(RUN).parse::<Uuid>().ok()).filter(|r| *r < run).max();
    for residual in sweep(engine, environment, Which::Before(run)).await? {
        tracing::warn!("{} of an older run is still there: {}", residual.object, residual.reason);
    }
    Ok(newest)
}

async fn sweep(engine: &LocalEngine, environment: &str, which: Which) -> Result<Vec<Residual>, EngineError> {
    let until = Instant::now() + PATIENCE;
    let mut failed = BTreeMap::new();
    // Looked at again after every pass: something may have been made while it went on.
    loop {
        let found = find(engine, environment, which).await?;
        if found.is_empty() {
            return Ok(vec![]);
        }
        if Instant::now() > until {
            return Ok(found.into_iter().map(|object| residual(object, &failed)).collect());
        }
        if !failed.is_empty() {
            tokio::time::sleep(AGAIN).await;
        }
        failed = pass(engine, found).await;
    }
}

fn residual(object: Object, failed: &BTreeMap<Object, String>) -> Residual {
    let reason = failed
        .get(&object)
        .cloned()
        .unwrap_or_else(|| "the engine says that it is removed, and still lists it; or it waits for the others".into());
    Residual { object: object.to_string(), reason }
}

async fn find(engine: &LocalEngine, environment: &str, which: Which) -> Result<Vec<Object>, EngineError> {
    let wanted = [(ENVIRONMENT, environment)];
    let (containers, networks, volumes) =
        tokio::try_join!(engine.containers(&wanted), engine.networks(&wanted), engine.volumes(&wanted))?;
    let mut found: Vec<Object> = containers.iter().filter(|c| which.takes(c.label(RUN))).map(container).collect();
    found.extend(networks.into_iter().filter(|n| which.takes(&run_of(&n.labels))).map(|n| Object::Network(n.name)));
    found.extend(volumes.into_iter().filter(|v| which.takes(&run_of(&v.labels))).map(|v| Object::Volume(v.name)));
    found.sort();
    Ok(found)
}

fn container(listed: &Listed) -> Object {
    let (id, name) = (listed.id.clone(), listed.name());
    if listed.label(ROLE) == Role::Anchor.as_str() {
        Object::Anchor { id, name }
    } else {
        Object::Container { id, name }
    }
}

/// One attempt at everything, kind by kind; an anchor goes only when all else went.
async fn pass(engine: &LocalEngine, found: Vec<Object>) -> BTreeMap<Object, String> {
    let mut failed = BTreeMap::new();
    let (anchors, others): (Vec<_>, Vec<_>) = found.into_iter().partition(|o| matches!(o, Object::Anchor { .. }));
    let (containers, rest): (Vec<_>, Vec<_>) = others.into_iter().partition(|o| matches!(o, Object::Container { .. }));
    for group in [containers, rest] {
        failed.extend(each(engine, group).await);
    }
    if failed.is_empty() { each(engine, anchors).await } else { failed }
}

async fn each(engine: &LocalEngine, objects: Vec<Object>) -> BTreeMap<Object, String> {
    let one = |object: Object| async move { delete(engine, &object).await.err().map(|why| (object, why)) };
    futures::stream::iter(objects)
        .map(one)
        .buffer_unordered(MAX_CONCURRENT)
        .filter_map(std::future::ready)
        .collect()
        .await
}

async fn delete(engine: &LocalEngine, object: &Object) -> Result<(), String> {
    let done = match object {
        Object::Container { id, .. } | Object::Anchor { id, .. } => return engine.discard(id).await,
        Object::Network(name) => engine.docker.remove_network(name).await,
        Object::Volume(name) => {
            engine.docker.remove_volume(name, Some(RemoveVolumeOptionsBuilder::new().force(true).build())).await
        }
    };
    match done {
        Err(e) if explain::status(&e) != Some(404) => Err(explain::words(&e)),
        _ => Ok(()),
    }
}
