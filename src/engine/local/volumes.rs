//! Volumes: created with labels, written and read through containers that never run.
//!
//! Secrets are never in a command line, an environment variable or a label.

use bollard::models::VolumeCreateRequest;
use bollard::query_parameters::{DownloadFromContainerOptionsBuilder, UploadToContainerOptionsBuilder};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use serde::Deserialize;

use super::client::{LocalEngine, MAX_CONCURRENT};
use super::users::Ids;
use super::{agent_image, anchor, explain};
use crate::engine::{EngineError, Leftover};
use crate::lease::Lease;
use crate::model::RunId;
use crate::render::archive::{self, Entry};
use crate::render::container::{VolumeMount, never_started};
use crate::render::labels::{self, Role};
use crate::secrets::Secrets;

/// The file in the volume with all secrets.
const SECRETS_FILE: &str = "secrets.json";

/// A volume in a listing.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Volume {
    pub name: String,
    #[serde(default)]
    pub labels: Option<std::collections::HashMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Volumes {
    #[serde(default)]
    volumes: Option<Vec<Volume>>,
}

impl LocalEngine {
    /// Returns all volumes with these labels.
    pub(super) async fn volumes(&self, wanted: &[(&str, &str)]) -> Result<Vec<Volume>, EngineError> {
        let path = self.path(&format!("/volumes?filters={}", super::containers::label_filter(wanted)));
        let found: Volumes =
            self.raw.get(&path).await.map_err(|f| explain::failed("list volumes", &f.words, Leftover::Unknown))?;
        Ok(found.volumes.unwrap_or_default())
    }
}

/// The content of a volume.
pub struct Content {
    pub volume: String,
    /// Files by path.
    pub files: Vec<(String, Vec<u8>)>,
    /// The owner of the volume's folder, if it is writable.
    pub owner: Option<Ids>,
}

/// Creates volumes.
pub async fn create_all(engine: &LocalEngine, lease: &Lease, names: Vec<String>) -> Result<(), EngineError> {
    let labels = labels::into_hash_map(labels::of_run(lease, Role::Volume));
    let make = |name: String| {
        let request = VolumeCreateRequest {
            name: Some(name.clone()),
            labels: Some(labels.clone()),
            ..VolumeCreateRequest::default()
        };
        async move {
            engine.docker.create_volume(request).await.map(drop).map_err(|e| {
                explain::failed(&format!("create volume {name}"), &explain::words(&e), Leftover::Removable)
            })
        }
    };
    futures::stream::iter(names).map(make).buffer_unordered(MAX_CONCURRENT).try_collect().await
}

/// Fills volumes through a container that mounts all of them and is always removed.
pub async fn fill(engine: &LocalEngine, lease: &Lease, contents: &[Content]) -> Result<(), EngineError> {
    let mounts: Vec<VolumeMount> = contents
        .iter()
        .enumerate()
        .map(|(n, c)| VolumeMount { volume: c.volume.clone(), path: format!("/v/{n}"), writable: true })
        .collect();
    with_volumes(engine, lease, &mounts, async |container: &str| {
        set_owners(engine, container, contents).await?;
        let puts = contents.iter().enumerate().filter(|(_, c)| !c.files.is_empty()).map(|(n, content)| async move {
            let entries: Vec<Entry<'_>> = content.files.iter().map(|(path, bytes)| Entry::File(path, bytes)).collect();
            put(engine, container, &format!("/v/{n}"), &entries).await
        });
        futures::stream::iter(puts.collect::<Vec<_>>())
            .buffer_unordered(MAX_CONCURRENT)
            .try_collect::<Vec<()>>()
            .await
            .map(drop)
    })
    .await
}

/// Sets the owners of writable volumes.
async fn set_owners(engine: &LocalEngine, container: &str, contents: &[Content]) -> Result<(), EngineError> {
    let names: Vec<(String, Ids)> =
        contents.iter().enumerate().filter_map(|(n, c)| c.owner.map(|o| (n.to_string(), o))).collect();
    let folders: Vec<Entry<'_>> =
        names.iter().map(|(name, ids)| Entry::Folder(name, ids.uid, ids.gid, 0o755)).collect();
    if folders.is_empty() { Ok(()) } else { put(engine, container, "/v", &folders).await }
}

async fn put(engine: &LocalEngine, container: &str, path: &str, entries: &[Entry<'_>]) -> Result<(), EngineError> {
    let failed = |words: String| explain::failed("fill a volume", &words, Leftover::Removable);
    let packed = archive::pack(entries).map_err(|e| failed(e.to_string()))?;
    let options = UploadToContainerOptionsBuilder::new().path(path).build();
    // As a stream, because the client library logs whole bodies at trace level.
    let body = bollard::body_stream(futures::stream::iter([Bytes::from(packed)]));
    engine.docker.upload_to_container(container, Some(options), body).await.map_err(|e| failed(explain::words(&e)))
}

/// Reads the secrets of an environment: those of the owner, or of the newest earlier run if an update was interrupted before it
/// stored its own.
pub async fn read_secrets(engine: &LocalEngine, environment: &str) -> Result<Secrets, EngineError> {
    let lease = anchor::lease(engine, environment)
        .await?
        .ok_or_else(|| EngineError::Missing(format!("environment {environment}")))?;
    let known = engine.volumes(&[(labels::ENVIRONMENT, environment)]).await?;
    let mut last = EngineError::Missing(format!("the secrets of {environment}: it was never prepared completely"));
    for volume in secrets_volumes(&known, &lease) {
        match read_volume(engine, &lease, volume).await {
            Ok(secrets) => return Ok(secrets),
            Err(e @ EngineError::Missing(_)) => last = e,
            Err(e) => return Err(e),
        }
    }
    Err(last)
}

/// Returns the volumes with all secrets, of the newest run first.
fn secrets_volumes(known: &[Volume], lease: &Lease) -> Vec<String> {
    let run = |volume: &Volume| volume.labels.as_ref()?.get(labels::RUN)?.parse::<RunId>().ok();
    let runs = known.iter().filter_map(|v| Some((run(v)?, &v.name)));
    let mut found: Vec<(RunId, &String)> = runs
        .filter(|(run, name)| **name == labels::all_secrets_volume(&Lease { run: *run, ..lease.clone() }))
        .collect();
    found.sort_unstable_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, name)| name.clone()).collect()
}

async fn read_volume(engine: &LocalEngine, lease: &Lease, volume: String) -> Result<Secrets, EngineError> {
    let mounts = [VolumeMount { volume, path: "/v".into(), writable: false }];
    with_volumes(engine, lease, &mounts, async |container: &str| {
        let failed =
            |words: String| explain::failed("read the secrets of the environment", &words, Leftover::Removable);
        let options = DownloadFromContainerOptionsBuilder::new().path("/v/.").build();
        let chunks: Vec<Bytes> = engine
            .docker
            .download_from_container(container, Some(options))
            .try_collect()
            .await
            .map_err(|e| failed(explain::words(&e)))?;
        let (files, _) = archive::unpack(&chunks.concat(), u64::MAX);
        let missing = |why: &str| EngineError::Missing(format!("the secrets of {}: {why}", lease.environment));
        let text = files.get(SECRETS_FILE).ok_or_else(|| missing("their volume is empty"))?;
        serde_json::from_slice(text)
            .map_err(|_| missing("they are not complete, or another version of dayfly wrote them"))
    })
    .await
}

/// Returns the content of the volume with all secrets.
pub fn all_secrets(lease: &Lease, secrets: &Secrets) -> Result<Content, EngineError> {
    let text = serde_json::to_vec(secrets)
        .map_err(|_| explain::failed("store the secrets", "they cannot be encoded as JSON", Leftover::Removable))?;
    Ok(Content { volume: labels::all_secrets_volume(lease), files: vec![(SECRETS_FILE.into(), text)], owner: None })
}

/// Gives access to volumes through a container that never runs and is always removed.
async fn with_volumes<T>(
    engine: &LocalEngine,
    lease: &Lease,
    mounts: &[VolumeMount],
    work: impl AsyncFnOnce(&str) -> Result<T, EngineError>,
) -> Result<T, EngineError> {
    let image = agent_image::ensure(engine).await?;
    let name = labels::object_name(lease, &format!("filler-{}", super::name::unique_suffix()));
    let request = never_started(name.clone(), labels::of_run(lease, Role::Filler), mounts, &image);
    engine
        .create(&request)
        .await
        .map_err(|e| explain::failed("fill volumes", &explain::words(&e), Leftover::Removable))?;
    let done = work(&name).await;
    if let Err(e) = engine.discard(&name).await {
        tracing::debug!(container = name, "left for teardown: {e}");
    }
    done
}
