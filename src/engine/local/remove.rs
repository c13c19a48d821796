//! Removes objects by labels: first containers, then networks and volumes, and the anchor last, so that the environment
//! has an owner until everything else is gone. Continues after errors.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use bollard::query_parameters::RemoveVolumeOptionsBuilder;
use futures::StreamExt;

use super::client::{LocalEngine, MAX_CONCURRENT};
use super::containers::Listed;
use super::{anchor, explain};
use crate::engine::{EngineError, RemovalScope, Residual};
use crate::lease::Lease;
use crate::model::RunId;
use crate::render::labels::{self, ENVIRONMENT, ROLE, RUN, Role};
use crate::render::{container, links};

/// Time limit of the attempts while other objects still use one.
const PATIENCE: Duration = Duration::from_secs(30);
/// Pause between attempts.
const PAUSE: Duration = Duration::from_millis(200);

/// Selects objects by their run.
#[derive(Debug, Clone, Copy)]
enum Selection {
    All,
    Run(RunId),
    OlderThan(RunId),
    /// Objects of this run and older ones, and objects without a run.
    UpTo(RunId),
}

/// A selection's treatment of one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Membership {
    Selected,
    OtherRun,
    /// Its run label is invalid, so it belongs to no run: only a removal of the whole environment or of its remnants
    /// includes it, and every other one reports it.
    Foreign,
}

impl Selection {
    fn classify(self, run: &str) -> Membership {
        let selected = match (self, run.parse::<RunId>()) {
            (Self::All, _) | (Self::UpTo(_), Err(_)) => true,
            (_, Err(_)) => return Membership::Foreign,
            (Self::UpTo(wanted), Ok(run)) => run <= wanted,
            (Self::Run(wanted), Ok(run)) => run == wanted,
            (Self::OlderThan(wanted), Ok(run)) => run < wanted,
        };
        if selected { Membership::Selected } else { Membership::OtherRun }
    }
}

/// What happens to objects that a lease inherited, named as they are displayed.
enum Inheritance {
    /// They are treated like any other.
    Ignore,
    /// They stay.
    Spare(BTreeSet<String>),
    /// They go, too.
    Include(BTreeSet<String>),
}

impl Inheritance {
    fn classify(&self, object: &Object) -> Option<Membership> {
        match self {
            Self::Spare(names) if names.contains(&object.to_string()) => Some(Membership::OtherRun),
            Self::Include(names) if names.contains(&object.to_string()) => Some(Membership::Selected),
            _ => None,
        }
    }
}

/// Returns the newest of these runs. `Selection` decides about objects whose label is invalid.
fn newest_of(labels: impl Iterator<Item = String>) -> Option<RunId> {
    labels.filter_map(|label| label.parse().ok()).max()
}

/// An object to remove, ordered by removal.
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
        RemovalScope::All => remove_selected(engine, environment, Selection::All, &Inheritance::Ignore).await,
        RemovalScope::Run(run) => match anchor::lease(engine, environment).await {
            Ok(Some(lease)) if lease.run == run => {
                remove_selected(engine, environment, Selection::Run(run), &Inheritance::Include(inherited(&lease)))
                    .await
            }
            // What a newer run inherited is not this run's any more.
            Ok(Some(lease)) => {
                remove_selected(engine, environment, Selection::Run(run), &Inheritance::Spare(inherited(&lease))).await
            }
            Ok(None) => remove_selected(engine, environment, Selection::Run(run), &Inheritance::Ignore).await,
            // What a newer run inherited is not known.
            Err(unreadable) => match anchor::owner(engine, environment).await? {
                Some(owner) if owner.run != run => Err(unreadable),
                _ => remove_selected(engine, environment, Selection::Run(run), &Inheritance::Ignore).await,
            },
        },
        RemovalScope::Remnants => remnants(engine, environment).await,
    }
}

/// Removes the remnants of an environment without an owner. A run that claims it meanwhile is newer than the remnants, so
/// its objects stay.
async fn remnants(engine: &LocalEngine, environment: &str) -> Result<Vec<Residual>, EngineError> {
    let newest = newest(engine, environment).await?;
    if anchor::find(engine, environment).await?.is_some() {
        return Ok(vec![]);
    }
    remove_selected(engine, environment, Selection::UpTo(newest), &Inheritance::Ignore).await
}

/// Returns the newest run that has objects; the nil id if none has.
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

/// Removes the objects of older runs, except those that the lease inherited; returns the newest of these runs. The next
/// removal reports objects that remain.
pub async fn remove_older(engine: &LocalEngine, lease: &Lease) -> Result<Option<RunId>, EngineError> {
    let (environment, run) = (lease.environment.as_str(), lease.run);
    let wanted = [(ENVIRONMENT, environment)];
    let containers = engine.containers(&wanted).await?;
    let older = containers
        .iter()
        .map(|c| c.label(RUN))
        .filter(|r| Selection::OlderThan(run).classify(r) == Membership::Selected);
    let newest = newest_of(older.map(str::to_owned));
    for residual in
        remove_selected(engine, environment, Selection::OlderThan(run), &Inheritance::Spare(inherited(lease))).await?
    {
        tracing::warn!("could not remove {} of an older run: {}", residual.object, residual.reason);
    }
    Ok(newest)
}

/// The objects that a lease inherited, as they are displayed.
fn inherited(lease: &Lease) -> BTreeSet<String> {
    let units = lease.plan.units.iter().filter(|u| lease.inherited.units.contains_key(&u.name));
    let copies = units.flat_map(|unit| (1..=unit.replicas.max(1)).map(move |copy| (unit, copy)));
    let objects = copies.flat_map(|(unit, copy)| {
        let volumes = container::unit_mounts(lease, unit, copy).into_iter().map(|mount| Object::Volume(mount.volume));
        let name = labels::container_name(lease, &unit.name, copy);
        volumes.chain([Object::Container { id: String::new(), name }])
    });
    let links = links::all(&lease.plan).into_iter();
    let links = links.filter(|link| lease.inherited.networks.contains_key(&link.end_of_name()));
    objects.chain(links.map(|link| Object::Network(link.name(lease)))).map(|object| object.to_string()).collect()
}

/// Removes the selected objects.
async fn remove_selected(
    engine: &LocalEngine,
    environment: &str,
    selection: Selection,
    inheritance: &Inheritance,
) -> Result<Vec<Residual>, EngineError> {
    let until = Instant::now() + PATIENCE;
    let mut failed = BTreeMap::new();
    // Listed again after every pass, because objects may be created meanwhile.
    loop {
        let Found { selected: found, foreign } = find(engine, environment, selection, inheritance).await?;
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
            tokio::time::sleep(PAUSE).await;
        }
        failed = remove_once(engine, found).await;
    }
}

fn residual(object: Object, failed: &BTreeMap<Object, String>) -> Residual {
    let reason = failed
        .get(&object)
        .cloned()
        .unwrap_or_else(|| "it waits for other objects, or the engine still lists it after its removal".into());
    Residual { object: object.to_string(), reason }
}

/// The objects of an environment, by what a selection does with them.
#[derive(Default)]
struct Found {
    selected: Vec<Object>,
    /// Objects that belong to no run, and stay.
    foreign: Vec<Object>,
}

async fn find(
    engine: &LocalEngine,
    environment: &str,
    selection: Selection,
    inheritance: &Inheritance,
) -> Result<Found, EngineError> {
    let wanted = [(ENVIRONMENT, environment)];
    let (containers, networks, volumes) =
        tokio::try_join!(engine.containers(&wanted), engine.networks(&wanted), engine.volumes(&wanted))?;
    let containers = containers.iter().map(|c| (c.label(RUN).to_owned(), container_object(c)));
    let networks = networks.into_iter().map(|n| (run_of(&n.labels), Object::Network(n.name)));
    let volumes = volumes.into_iter().map(|v| (run_of(&v.labels), Object::Volume(v.name)));
    let mut found = Found::default();
    for (run, object) in containers.chain(networks).chain(volumes) {
        match inheritance.classify(&object).unwrap_or_else(|| selection.classify(&run)) {
            Membership::Selected => found.selected.push(object),
            Membership::Foreign => found.foreign.push(object),
            Membership::OtherRun => {}
        }
    }
    found.selected.sort();
    Ok(found)
}

fn container_object(listed: &Listed) -> Object {
    let (id, name) = (listed.id.clone(), listed.name());
    if listed.label(ROLE) == Role::Anchor.as_str() {
        Object::Anchor { id, name }
    } else {
        Object::Container { id, name }
    }
}

/// Tries to remove each object once, kind by kind; anchors only if everything else is removed.
async fn remove_once(engine: &LocalEngine, found: Vec<Object>) -> BTreeMap<Object, String> {
    let mut failed = BTreeMap::new();
    let (anchors, others): (Vec<_>, Vec<_>) = found.into_iter().partition(|o| matches!(o, Object::Anchor { .. }));
    let (containers, rest): (Vec<_>, Vec<_>) = others.into_iter().partition(|o| matches!(o, Object::Container { .. }));
    for group in [containers, rest] {
        failed.extend(delete_all(engine, group).await);
    }
    if failed.is_empty() { delete_all(engine, anchors).await } else { failed }
}

async fn delete_all(engine: &LocalEngine, objects: Vec<Object>) -> BTreeMap<Object, String> {
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
        use Membership::{OtherRun, Selected};
        let select = |selection: Selection| [1, 2, 3].map(|n| selection.classify(&run(n).to_string()));
        assert_eq!(select(Selection::All), [Selected; 3]);
        assert_eq!(select(Selection::Run(run(2))), [OtherRun, Selected, OtherRun]);
        assert_eq!(select(Selection::OlderThan(run(2))), [Selected, OtherRun, OtherRun]);
        assert_eq!(select(Selection::UpTo(run(2))), [Selected, Selected, OtherRun]);
    }

    #[test]
    fn objects_with_an_unreadable_run_go_only_with_the_whole_environment() {
        for label in ["", "7", "of-another-version"] {
            assert_eq!(Selection::All.classify(label), Membership::Selected);
            assert_eq!(Selection::UpTo(run(2)).classify(label), Membership::Selected);
            assert_eq!(Selection::Run(run(2)).classify(label), Membership::Foreign);
            assert_eq!(Selection::OlderThan(run(2)).classify(label), Membership::Foreign);
        }
    }

    #[test]
    fn the_newest_run_is_that_of_the_labels_that_name_one() {
        let labels = |all: &[&str]| newest_of(all.iter().map(|l| (*l).to_owned()).collect::<Vec<_>>().into_iter());
        assert_eq!(labels(&["", &run(1).to_string(), "x", &run(3).to_string()]), Some(run(3)));
        assert_eq!(labels(&["", "x"]), None);
    }
}
