//! Updates in place: the containers of units that stay keep running, with their volumes and addresses, and join and leave
//! networks meanwhile. A container is compared by the hash of what it was created from.

use std::collections::BTreeSet;

use bollard::models::NetworkDisconnectRequest;
use futures::{StreamExt, TryStreamExt};

use super::client::{LocalEngine, MAX_CONCURRENT};
use super::containers::Listed;
use super::{explain, images, networks, remove};
use crate::engine::{Comparison, EngineError, Leftover};
use crate::lease::{Inherited, Lease};
use crate::plan::changes::{Fate, Fates, starts_anew};
use crate::plan::{Unit, UnitKind};
use crate::render::container::{self, UnitCopy};
use crate::render::labels::{self, ENVIRONMENT, ROLE, RUN, Role, UNIT};
use crate::render::links::{self, Subnets};
use crate::secrets::Secrets;

/// Compares the environment of `before` with what the new lease and its secrets ask for.
pub async fn compare(
    engine: &LocalEngine,
    before: &Lease,
    lease: &Lease,
    secrets: &Secrets,
) -> Result<Comparison, EngineError> {
    let (containers, subnets) = tokio::try_join!(containers(engine, lease), networks::subnets(engine, before))?;
    let mut inherited = Inherited::default();
    for link in links::all(&lease.plan) {
        let end = link.end_of_name();
        if subnets.contains_key(&link.name(before)) {
            let run = before.inherited.networks.get(&end).copied().unwrap_or(before.run);
            inherited.networks.insert(end, run);
        }
    }
    let lease = Lease { inherited: inherited.clone(), ..lease.clone() };
    let mut fates = Fates::new();
    for unit in &lease.plan.units {
        let own: Vec<&Listed> = of_unit(&containers, before, &unit.name).collect();
        let fate = match fate(engine, &lease, &subnets, unit, &own, secrets).await? {
            // Its work went with what it needs.
            Fate::Stays if is_early_job(unit) && unit.needs.iter().any(|n| starts_anew(&lease.plan, &fates, n)) => {
                Fate::Differs
            }
            fate => fate,
        };
        if fate == Fate::Stays {
            inherited.units.insert(unit.name.clone(), before.run_of(&unit.name));
        }
        fates.insert(unit.name.clone(), fate);
    }
    for container in &containers {
        let name = container.label(UNIT);
        if lease.plan.unit(name).is_none() && of_unit(&containers, before, name).next().is_some() {
            fates.insert(name.to_owned(), Fate::Differs);
        }
    }
    Ok(Comparison { fates, inherited })
}

/// The containers of all units.
async fn containers(engine: &LocalEngine, lease: &Lease) -> Result<Vec<Listed>, EngineError> {
    engine.containers(&[(ENVIRONMENT, &lease.environment), (ROLE, Role::Unit.as_str())]).await
}

/// The containers of a unit that belong to the owner.
fn of_unit<'a>(containers: &'a [Listed], owner: &Lease, unit: &str) -> impl Iterator<Item = &'a Listed> {
    let (unit, run) = (unit.to_owned(), owner.run_of(unit).to_string());
    containers.iter().filter(move |c| c.label(UNIT) == unit && c.label(RUN) == run)
}

async fn fate(
    engine: &LocalEngine,
    lease: &Lease,
    subnets: &Subnets,
    unit: &Unit,
    own: &[&Listed],
    secrets: &Secrets,
) -> Result<Fate, EngineError> {
    // An earlier update may have been killed before it filled the volumes of a container that it had created.
    if own.is_empty() || own.iter().any(|c| c.state == "created") {
        return Ok(Fate::Missing);
    }
    if !is_usable(engine, unit, own).await? {
        return Ok(Fate::Ended);
    }
    let image = images::resolved(engine, &unit.image).await?.id;
    if own.iter().all(|c| c.label(labels::IMAGE) == unit.image) && !own.iter().all(|c| c.is_of_image(&image)) {
        return Ok(Fate::OtherImage);
    }
    let secret_env = secrets.env_of_unit(unit);
    let secret_env = &secret_env.map_err(|e| explain::not_started(&unit.name, &format!("failed to {e}")))?;
    let equal = (1..=unit.replicas.max(1)).all(|copy| {
        // Without the network of a callee, there is no hash.
        let of = UnitCopy { unit, copy, image: &image, secret_env };
        let hash = container::unit_hash(lease, subnets, &of, engine.profile, secrets).unwrap_or_default();
        let container = own.iter().find(|c| c.label(labels::COPY) == copy.to_string());
        container.is_some_and(|c| !hash.is_empty() && c.label(labels::HASH) == hash)
    });
    Ok(if equal { Fate::Stays } else { Fate::Differs })
}

fn is_early_job(unit: &Unit) -> bool {
    unit.kind == UnitKind::Job && !unit.start_late
}

/// Reports whether the containers of a unit can stay: they run, or are those of a job that ended with exit code 0 and need not run
/// again.
async fn is_usable(engine: &LocalEngine, unit: &Unit, own: &[&Listed]) -> Result<bool, EngineError> {
    if is_early_job(unit) {
        for container in own {
            let state = engine.container(&container.id).await?.map(|c| c.state);
            if !state.is_some_and(|s| s.ended() && s.exit_code == 0) {
                return Ok(false);
            }
        }
        return Ok(true);
    }
    if unit.start_late || own.iter().any(|c| c.state != "running") {
        return Ok(false);
    }
    let own: Vec<Listed> = own.iter().map(|c| (*c).clone()).collect();
    let gone = futures::stream::iter(own).map(|c| async move { engine.is_gone(&c).await });
    gone.buffered(MAX_CONCURRENT).try_all(|gone| async move { !gone }).await
}

/// Removes the objects of earlier runs that the lease did not inherit, once no inherited container uses them.
pub async fn make_room(engine: &LocalEngine, lease: &Lease) -> Result<(), EngineError> {
    let wanted: BTreeSet<String> = links::all(&lease.plan).iter().map(|link| link.name(lease)).collect();
    let containers = inherited(engine, lease).await?;
    let leaves = containers.iter().flat_map(|c| c.networks().filter(|n| !wanted.contains(*n)).map(move |n| (c, n)));
    let leaving = leaves.map(|(container, network)| async move {
        let request = NetworkDisconnectRequest { container: container.id.clone(), force: None };
        match engine.docker.disconnect_network(network, request).await {
            Err(e) if explain::status(&e) != Some(404) => Err(failed(container, "leave", network, &explain::words(&e))),
            _ => Ok(()),
        }
    });
    run_all(leaving.collect()).await?;
    remove::remove_older(engine, lease).await.map(drop)
}

/// Lets the inherited containers join networks that are new.
pub async fn join_networks(engine: &LocalEngine, lease: &Lease, subnets: &Subnets) -> Result<(), EngineError> {
    let mut joins = vec![];
    for container in inherited(engine, lease).await? {
        let copy = container.label(labels::COPY).parse().unwrap_or(1);
        let Some(unit) = lease.plan.unit(container.label(UNIT)) else { continue };
        let all = container::unit_connects(lease, subnets, unit, copy)
            .map_err(|words| failed(&container, "join", "its networks", &words))?;
        let joined: BTreeSet<String> = container.networks().cloned().collect();
        joins.extend(all.into_iter().filter(|(n, _)| !joined.contains(n)).map(|(n, c)| (container.clone(), n, c)));
    }
    let joining = joins.into_iter().map(|(container, network, connect)| async move {
        let joined = engine.docker.connect_network(&network, connect).await;
        joined.map_err(|e| failed(&container, "join", &network, &explain::words(&e)))
    });
    run_all(joining.collect()).await
}

/// The containers that the lease inherited.
async fn inherited(engine: &LocalEngine, lease: &Lease) -> Result<Vec<Listed>, EngineError> {
    let all = containers(engine, lease).await?;
    let units: Vec<&String> = lease.inherited.units.keys().collect();
    let found: Vec<Listed> = units.iter().flat_map(|unit| of_unit(&all, lease, unit).cloned()).collect();
    let missing = units.into_iter().find(|unit| of_unit(&all, lease, unit).next().is_none());
    match missing {
        None => Ok(found),
        Some(unit) => Err(EngineError::Missing(format!(
            "the container of {unit} in environment {}: it was removed during the update; run `dayfly up` again",
            lease.environment
        ))),
    }
}

async fn run_all(work: Vec<impl Future<Output = Result<(), EngineError>>>) -> Result<(), EngineError> {
    futures::stream::iter(work).buffer_unordered(MAX_CONCURRENT).try_collect().await
}

fn failed(container: &Listed, verb: &str, network: &str, words: &str) -> EngineError {
    let what = format!("let {} {verb} {network}", container.copy_name());
    explain::failed(&what, words, Leftover::Removable)
}
