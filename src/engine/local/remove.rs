//! Removal by labels: containers at once and side by side, then networks and volumes, the anchor last, so that the
//! environment keeps its owner until everything else is gone. Errors are carried past and told at the end.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use bollard::query_parameters::RemoveVolumeOptionsBuilder;
use futures::StreamExt;

use super::client::{LocalEngine, MAX_CONCURRENT};
use super::containers::Listed;
use super::explain;
use crate::engine::{EngineError, Residual};
use crate::model::RunId;
use crate::render::labels::{ENVIRONMENT, ROLE, RUN, Role};

/// How long removal is tried again while something still holds on.
const PATIENCE: Duration = Duration::from_secs(30);
/// Pause between attempts.
const AGAIN: Duration = Duration::from_millis(200);

/// Which objects are meant.
#[derive(Debug, Clone, Copy)]
enum Which {
    All,
    Of(RunId),
    Before(RunId),
    /// What this run and older ones left, and what belongs to no run.
    UpTo(RunId),
}

/// Whether an object is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Selection {
    Selected,
    OtherRun,
    /// Its run label cannot be read, so it belongs to no run: only a removal of the whole environment takes it, and
    /// every other one reports it.
    Foreign,
}

impl Which {
    fn select(self, run: &str) -> Selection {
        let selected = match (self, run.parse::<RunId>()) {
            (Self::All, _) | (Self::UpTo(_), Err(_)) => true,
            (_, Err(_)) => return Selection::Foreign,
            (Self::UpTo(wanted), Ok(run)) => run <= wanted,
            (Self::Of(wanted), Ok(run)) => run == wanted,
            (Self::Before(wanted), Ok(run)) => run < wanted,
        };
        if selected { Selection::Selected } else { Selection::OtherRun }
    }
}

/// The newest of these runs. Labels that cannot be read name no run; `Which` decides about their objects.
fn newest_of(labels: impl Iterator<Item = String>) -> Option<RunId> {
    labels.filter_map(|label| label.parse().ok()).max()
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

/// Removes an environment, or what belongs to one run of it.
pub async fn remove(engine: &LocalEngine, environment: &str, run: Option<RunId>) -> Result<Vec<Residual>, EngineError> {
    sweep(engine, environment, run.map_or(Which::All, Which::Of)).await
}

/// Removes what is left where nobody has the environment. Whoever takes it meanwhile is newer than what was found, and
/// keeps what it makes.
pub async fn remnants(engine: &LocalEngine, environment: &str) -> Result<Vec<Residual>, EngineError> {
    let newest = newest(engine, environment).await?;
    if engine.container(environment).await?.is_some() {
        return Ok(vec![]);
    }
    sweep(engine, environment, Which::UpTo(newest)).await
}

/// The newest run of which something is there; the lowest id when no run is named.
async fn newest(engine: &LocalEngine, environment: &str) -> Result<RunId, EngineError> {
    let wanted = [(ENVIRONMENT, environment)];
    let (containers, networks, volumes) =
        tokio::try_join!(engine.containers(&wanted), engine.networks(&wanted), engine.volumes(&wanted))?;
    let runs = containers.iter().map(|c| c.label(RUN).to_owned());
    let others = networks.iter().map(|n| &n.labels).chain(volumes.iter().map(|v| &v.labels)).map(run_of);
    Ok(newest_of(runs.chain(others)).unwrap_or(RunId::oldest()))
}

fn run_of(labels: &Option<HashMap<String, String>>) -> String {
    labels.as_ref().and_then(|l| l.get(RUN)).cloned().unwrap_or_default()
}

/// Removes what older runs left; returns the newest of them. What stays is told by the next removal.
pub async fn older(engine: &LocalEngine, environment: &str, run: RunId) -> Result<Option<RunId>, EngineError> {
    let wanted = [(ENVIRONMENT, environment)];
    let containers = engine.containers(&wanted).await?;
    let older = containers.iter().map(|c| c.label(RUN)).filter(|r| Which::Before(run).select(r) == Selection::Selected);
    let newest = newest_of(older.map(str::to_owned));
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
        let Found { selected: found, foreign } = find(engine, environment, which).await?;
        if found.is_empty() {
            for object in foreign {
                tracing::warn!("{object} of environment {environment} stays: its label {RUN} cannot be read");
            }
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

/// What a search found.
#[derive(Default)]
struct Found {
    selected: Vec<Object>,
    /// Objects that belong to no run, and stay.
    foreign: Vec<Object>,
}

async fn find(engine: &LocalEngine, environment: &str, which: Which) -> Result<Found, EngineError> {
    let wanted = [(ENVIRONMENT, environment)];
    let (containers, networks, volumes) =
        tokio::try_join!(engine.containers(&wanted), engine.networks(&wanted), engine.volumes(&wanted))?;
    let containers = containers.iter().map(|c| (c.label(RUN).to_owned(), container(c)));
    let networks = networks.into_iter().map(|n| (run_of(&n.labels), Object::Network(n.name)));
    let volumes = volumes.into_iter().map(|v| (run_of(&v.labels), Object::Volume(v.name)));
    let mut found = Found::default();
    for (run, object) in containers.chain(networks).chain(volumes) {
        match which.select(&run) {
            Selection::Selected => found.selected.push(object),
            Selection::Foreign => found.foreign.push(object),
            Selection::OtherRun => {}
        }
    }
    found.selected.sort();
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

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn run(number: u128) -> RunId {
        Uuid::from_u128(number).into()
    }

    #[test]
    fn selects_objects_by_run() {
        use Selection::{OtherRun, Selected};
        let select = |which: Which| [1, 2, 3].map(|n| which.select(&run(n).to_string()));
        assert_eq!(select(Which::All), [Selected; 3]);
        assert_eq!(select(Which::Of(run(2))), [OtherRun, Selected, OtherRun]);
        assert_eq!(select(Which::Before(run(2))), [Selected, OtherRun, OtherRun]);
        assert_eq!(select(Which::UpTo(run(2))), [Selected, Selected, OtherRun]);
    }

    #[test]
    fn objects_with_an_unreadable_run_go_only_with_the_whole_environment() {
        for label in ["", "7", "of-another-version"] {
            assert_eq!(Which::All.select(label), Selection::Selected);
            assert_eq!(Which::UpTo(run(2)).select(label), Selection::Selected);
            assert_eq!(Which::Of(run(2)).select(label), Selection::Foreign);
            assert_eq!(Which::Before(run(2)).select(label), Selection::Foreign);
        }
    }

    #[test]
    fn the_newest_run_is_that_of_the_labels_that_name_one() {
        let labels = |all: &[&str]| newest_of(all.iter().map(|l| (*l).to_owned()).collect::<Vec<_>>().into_iter());
        assert_eq!(labels(&["", &run(1).to_string(), "x", &run(3).to_string()]), Some(run(3)));
        assert_eq!(labels(&["", "x"]), None);
    }
}
