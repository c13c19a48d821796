//! Units: all containers are created before any starts, so that a start is a single fast request.

use std::collections::BTreeMap;

use bollard::query_parameters::{StartContainerOptions, StopContainerOptionsBuilder};
use futures::{StreamExt, TryStreamExt};

use super::client::{LocalEngine, LocalImage, MAX_CONCURRENT};
use super::volumes::Content;
use super::{anchor, explain, images, networks, update, users, volumes};
use crate::engine::{EngineError, Leftover};
use crate::lease::Lease;
use crate::plan::{Confinement, Unit};
use crate::render::container::{self, FILES_DIR, UnitCopy, VolumeMount};
use crate::render::labels;
use crate::render::links::Subnets;
use crate::secrets::Secrets;

/// Creates the networks, volumes, secrets and containers of an environment, except those that it inherited.
pub async fn prepare(engine: &LocalEngine, lease: &Lease, secrets: &Secrets) -> Result<(), EngineError> {
    let held = images_of(engine, lease).await?;
    for unit in &lease.plan.units {
        check_files(unit)?;
    }
    let updates = !lease.inherited.is_empty();
    let all_secrets = volumes::all_secrets(lease, secrets)?;
    if updates {
        // First of all, because what stays needs them, also if the update is interrupted.
        volumes::create_all(engine, lease, vec![all_secrets.volume.clone()]).await?;
        volumes::fill(engine, lease, std::slice::from_ref(&all_secrets)).await?;
        update::make_room(engine, lease).await?;
    }
    let mut names = volume_names(lease);
    let mut contents: Vec<Content> = vec![];
    for unit in new_units(lease) {
        contents.extend(self::contents(lease, unit, secrets)?);
    }
    if !updates {
        names.push(all_secrets.volume.clone());
        contents.push(all_secrets);
    }
    let (subnets, ()) =
        tokio::try_join!(networks::create_all(engine, lease), volumes::create_all(engine, lease, names))?;
    if updates {
        update::join_networks(engine, lease, &subnets).await?;
    }
    let (owners, ()) =
        tokio::try_join!(create_all(engine, lease, &held, &subnets, secrets), volumes::fill(engine, lease, &contents))?;
    // Docker gives a volume to root at its first mount, so owners are set after the containers are created.
    if !owners.is_empty() {
        volumes::fill(engine, lease, &owners).await?;
    }
    // A newer run may have removed older objects before the last one was created.
    match anchor::owner(engine, &lease.environment).await? {
        Some(owner) if owner.run == lease.run => Ok(()),
        _ => Err(EngineError::Missing(format!(
            "environment {}: a newer run claimed it meanwhile, or it was removed",
            lease.environment
        ))),
    }
}

/// Returns the images of all units. Fails for an image that runs as root without permission.
async fn images_of(engine: &LocalEngine, lease: &Lease) -> Result<BTreeMap<String, LocalImage>, EngineError> {
    let mut all = BTreeMap::new();
    for reference in lease.plan.units.iter().map(|u| &u.image) {
        all.insert(reference.clone(), images::resolved(engine, reference).await?);
    }
    let facts = all.iter().map(|(k, h)| (k.clone(), h.fact.clone())).collect();
    // Suites are checked when they run.
    let units_only = crate::plan::Plan { suites: BTreeMap::new(), ..lease.plan.clone() };
    match crate::plan::image_user::check(&units_only, &facts) {
        faults if faults.is_empty() => Ok(all),
        faults => Err(explain::failed("accept the images", &faults.join("; "), Leftover::Removable)),
    }
}

fn check_files(unit: &Unit) -> Result<(), EngineError> {
    match unit.files.keys().chain(unit.secret_files.keys()).find(|path| below(path).is_none()) {
        Some(path) => Err(explain::failed(
            &format!("place the files of {}", unit.name),
            &format!("{path} is not under {FILES_DIR}/"),
            Leftover::Removable,
        )),
        None => Ok(()),
    }
}

/// Returns the path of a file within its volume.
fn below(path: &str) -> Option<&str> {
    path.strip_prefix(FILES_DIR)?.strip_prefix('/').filter(|p| !p.is_empty())
}

fn copies(unit: &Unit) -> impl Iterator<Item = u8> + use<> {
    1..=unit.replicas.max(1)
}

/// The units that were not inherited.
fn new_units(lease: &Lease) -> impl Iterator<Item = &Unit> {
    lease.plan.units.iter().filter(|u| !lease.inherited.units.contains_key(&u.name))
}

/// Returns the names of the units' volumes.
fn volume_names(lease: &Lease) -> Vec<String> {
    let mounted = new_units(lease).flat_map(|u| copies(u).flat_map(move |c| container::unit_mounts(lease, u, c)));
    let mut names: Vec<String> = mounted.map(|m| m.volume).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Returns the secrets and files of a unit.
fn contents(lease: &Lease, unit: &Unit, secrets: &Secrets) -> Result<Vec<Content>, EngineError> {
    let own = secrets.files.get(&unit.name).into_iter().flatten().map(|(name, bytes)| (name.clone(), bytes.clone()));
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::from([("ca.crt".to_owned(), secrets.ca.clone().into_bytes())]);
    files.extend(own);
    let mut all = vec![Content {
        volume: labels::secrets_volume(lease, &unit.name),
        files: files.into_iter().collect(),
        owner: None,
    }];
    let secret_files =
        secrets.files_of(unit).map_err(|e| explain::not_started(&unit.name, &format!("failed to {e}")))?;
    let placed = unit.files.clone().into_iter().chain(secret_files);
    let files: Vec<_> = placed.filter_map(|(path, bytes)| Some((below(&path)?.to_owned(), bytes))).collect();
    if !files.is_empty() {
        all.push(Content { volume: labels::files_volume(lease, &unit.name), files, owner: None });
    }
    Ok(all)
}

/// Creates every container; returns the owners of writable volumes.
async fn create_all(
    engine: &LocalEngine,
    lease: &Lease,
    held: &BTreeMap<String, LocalImage>,
    subnets: &Subnets,
    secrets: &Secrets,
) -> Result<Vec<Content>, EngineError> {
    let each = new_units(lease).flat_map(|u| copies(u).map(move |c| (u, c)));
    let making = each.map(|(unit, copy)| async move {
        let image = held.get(&unit.image).ok_or_else(|| EngineError::Missing(format!("image {}", unit.image)))?;
        let secret_env = secrets.env_of_unit(unit);
        let secret_env = &secret_env.map_err(|e| explain::not_started(&unit.name, &format!("failed to {e}")))?;
        let of = UnitCopy { unit, copy, image: &image.id, secret_env };
        create(engine, lease, (subnets, secrets), &of, image).await
    });
    let owners: Vec<Vec<Content>> =
        futures::stream::iter(making.collect::<Vec<_>>()).buffer_unordered(MAX_CONCURRENT).try_collect().await?;
    Ok(owners.into_iter().flatten().collect())
}

async fn create(
    engine: &LocalEngine,
    lease: &Lease,
    (subnets, secrets): (&Subnets, &Secrets),
    of: &UnitCopy<'_>,
    image: &LocalImage,
) -> Result<Vec<Content>, EngineError> {
    let UnitCopy { unit, copy, .. } = *of;
    let failed = |words: String| explain::not_started(&unit.name, &words);
    let mut request = container::unit(lease, subnets, of, engine.profile).map_err(failed)?;
    let hash = container::unit_hash(lease, subnets, of, engine.profile, secrets).map_err(failed)?;
    request.body.labels.get_or_insert_default().insert(labels::HASH.into(), hash);
    engine.create(&request).await.map_err(|e| explain::not_started(&unit.name, &explain::words(&e)))?;
    let writable: Vec<VolumeMount> =
        container::unit_mounts(lease, unit, copy).into_iter().filter(|m| m.writable).collect();
    if writable.is_empty() {
        return Ok(vec![]);
    }
    let owner = users::numeric(engine, &request.name, user_of(&unit.confinement, image)).await?;
    Ok(writable.into_iter().map(|m| Content { volume: m.volume, files: vec![], owner: Some(owner) }).collect())
}

/// Returns the user of a container.
pub fn user_of<'a>(confinement: &'a Confinement, image: &'a LocalImage) -> &'a str {
    confinement.user.as_deref().or(image.fact.user.as_deref()).unwrap_or("")
}

/// Returns the names of a unit's containers.
fn container_names(lease: &Lease, unit: &str) -> Result<Vec<String>, EngineError> {
    let planned = lease
        .plan
        .unit(unit)
        .ok_or_else(|| EngineError::Missing(format!("{unit} in environment {}", lease.environment)))?;
    Ok(copies(planned).map(|c| labels::container_name(lease, unit, c)).collect())
}

/// Starts every copy; returns when their processes run.
pub async fn start(engine: &LocalEngine, lease: &Lease, unit: &str) -> Result<(), EngineError> {
    let each = container_names(lease, unit)?.into_iter().map(|name| async move {
        match engine.docker.start_container(&name, None::<StartContainerOptions>).await {
            Ok(()) => Ok(()),
            // It runs already.
            Err(e) if explain::status(&e) == Some(304) => Ok(()),
            Err(e)
                if explain::status(&e) == Some(404)
                    && explain::words(&e).to_lowercase().contains("no such container") =>
            {
                Err(missing_container(lease, unit))
            }
            Err(e) => Err(explain::not_started(unit, &explain::words(&e))),
        }
    });
    futures::future::try_join_all(each).await.map(drop)
}

/// Stops every copy; returns when their processes ended.
pub async fn stop(engine: &LocalEngine, lease: &Lease, unit: &str) -> Result<(), EngineError> {
    let grace = lease.plan.unit(unit).map_or(0, |u| u.stop_grace_secs);
    let grace = i32::try_from(grace).unwrap_or(i32::MAX);
    let each = container_names(lease, unit)?.into_iter().map(|name| async move {
        let options = StopContainerOptionsBuilder::new().t(grace).build();
        match engine.docker.stop_container(&name, Some(options)).await {
            Ok(()) => Ok(()),
            Err(e) if explain::status(&e) == Some(404) => Err(missing_container(lease, unit)),
            // Already stopped.
            Err(e) if explain::status(&e) == Some(304) => Ok(()),
            Err(e) => Err(explain::failed(&format!("stop {unit}"), &explain::words(&e), Leftover::Removable)),
        }
    });
    futures::future::try_join_all(each).await.map(drop)
}

fn missing_container(lease: &Lease, unit: &str) -> EngineError {
    EngineError::Missing(format!(
        "the container of {unit} in environment {}: it was never created, or was removed meanwhile",
        lease.environment
    ))
}
