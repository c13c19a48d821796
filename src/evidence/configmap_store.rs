//! Stores the evidence of a run in a cluster: one archive, in ConfigMaps beside the object that requested the run.
//!
//! The object owns the ConfigMaps. Readers verify signatures as with any folder: the cluster is trusted only to keep the data.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{ObjectMeta, Patch, PatchParams};
use kube::{Api, Client};

use super::{EvidenceError, store};
use crate::crd::StoredEvidence;
use crate::model::{Digest, RunId};

/// Bytes in one ConfigMap, whose limit is 1 MiB.
const PART_BYTES: usize = 900 << 10;
/// Maximum number of ConfigMaps for one run: an API server is the wrong place for more than 32 MiB.
const MAX_PARTS: usize = 36;
/// Maximum size of an unpacked archive.
const MAX_UNPACKED_BYTES: u64 = 512 << 20;
/// Key in each ConfigMap.
const KEY: &str = "part";
/// Label of the parts of a run.
pub const RUN: &str = "dayfly.dev/evidence-of";

/// A store of the evidence of one object's runs.
#[derive(Clone)]
pub struct ConfigMapStore {
    /// Client of the cluster.
    client: Client,
    /// Namespace of the ConfigMaps.
    namespace: String,
    /// Owner of the ConfigMaps.
    owner: OwnerReference,
    /// The evidence stored last.
    last: Arc<Mutex<Option<StoredEvidence>>>,
}

impl ConfigMapStore {
    /// A store in a namespace; `owner` must be an object in the same namespace.
    pub fn new(client: Client, namespace: &str, owner: OwnerReference) -> Self {
        Self { client, namespace: namespace.to_owned(), owner, last: Arc::default() }
    }

    /// The evidence stored last.
    pub fn last(&self) -> Option<StoredEvidence> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Stores the files. Those of an earlier call for the same run are replaced if that is one request, and else stay beside
    /// them until their owner goes: a runner that is killed meanwhile leaves one of both whole. Returns the location.
    pub async fn put(&self, run: RunId, files: &BTreeMap<String, Vec<u8>>) -> Result<String, EvidenceError> {
        let archive = pack(files)?;
        let is_whole = |earlier: StoredEvidence| earlier.config_maps.len() == 1 && archive.len() <= PART_BYTES;
        let [first, second] = prefixes(run);
        let prefix = if self.last().is_none_or(is_whole) { first } else { second };
        let stored = self.store(run, &prefix, &archive).await?;
        let place = format!("ConfigMap {}/{}", self.namespace, stored.config_maps.join(", "));
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(stored);
        Ok(place)
    }

    /// Stores the opening entry of a run, apart from the evidence that follows: a runner that is killed while it stores that
    /// must leave this.
    pub async fn put_opening_entry(
        &self,
        run: RunId,
        files: &BTreeMap<String, Vec<u8>>,
    ) -> Result<StoredEvidence, EvidenceError> {
        self.store(run, &format!("evidence-{run}-opened"), &pack(files)?).await
    }

    async fn store(&self, run: RunId, prefix: &str, archive: &[u8]) -> Result<StoredEvidence, EvidenceError> {
        let parts: Vec<&[u8]> = archive.chunks(PART_BYTES).collect();
        if parts.len() > MAX_PARTS {
            let (size, most) = (archive.len() >> 20, (MAX_PARTS * PART_BYTES) >> 20);
            return Err(EvidenceError::ConfigMapStore(format!(
                "the compressed evidence takes {size} MiB, and the cluster stores at most {most} MiB; make suites write smaller results"
            )));
        }
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), &self.namespace);
        let mut names = vec![];
        for (i, part) in parts.iter().enumerate() {
            let object = self.part(run, part_name(prefix, i), part);
            let name = object.metadata.name.clone().unwrap_or_default();
            let params = PatchParams::apply("dayfly").force();
            let put = api.patch(&name, &params, &Patch::Apply(&object)).await;
            put.map_err(|e| EvidenceError::ConfigMapStore(format!("ConfigMap {}/{name}: {e}", self.namespace)))?;
            names.push(name);
        }
        Ok(StoredEvidence { digest: Digest::compute(archive).hex(), size: archive.len() as u64, config_maps: names })
    }

    fn part(&self, run: RunId, name: String, bytes: &[u8]) -> ConfigMap {
        ConfigMap {
            metadata: ObjectMeta {
                name: Some(name),
                labels: Some([(RUN.to_owned(), run.to_string())].into()),
                owner_references: Some(vec![self.owner.clone()]),
                ..ObjectMeta::default()
            },
            binary_data: Some([(KEY.to_owned(), ByteString(bytes.to_vec()))].into()),
            ..ConfigMap::default()
        }
    }
}

/// Reads the files of a run.
pub async fn fetch(
    client: &Client,
    namespace: &str,
    stored: &StoredEvidence,
) -> Result<BTreeMap<String, Vec<u8>>, EvidenceError> {
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let mut archive = vec![];
    for name in &stored.config_maps {
        let part = api.get(name).await;
        let part = part.map_err(|e| EvidenceError::ConfigMapStore(format!("ConfigMap {namespace}/{name}: {e}")))?;
        let bytes = part.binary_data.and_then(|mut d| d.remove(KEY));
        let bytes = bytes
            .ok_or_else(|| EvidenceError::ConfigMapStore(format!("ConfigMap {namespace}/{name} holds no part")))?;
        archive.extend(bytes.0);
    }
    if Digest::compute(&archive).hex() != stored.digest {
        return Err(EvidenceError::ConfigMapStore("the content of the ConfigMaps does not match its digest".into()));
    }
    unpack(&archive, |_| Some(MAX_UNPACKED_BYTES))
}

/// Looks for the evidence of a run whose runner told nobody where it is. Whoever may write ConfigMaps in the namespace may
/// have put it there: only the named files of the archive are read, none larger than its limit in bytes. The later evidence
/// comes first, unless it is broken. The outer error is the API server's, the inner ones are the archives'.
pub async fn find(
    client: &Client,
    namespace: &str,
    run: RunId,
    limits: &'static [(&'static str, u64)],
) -> Result<Vec<Result<FoundEvidence, EvidenceError>>, kube::Error> {
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let mut found = vec![];
    for prefix in prefixes(run).iter().rev() {
        found.extend(find_archive(&api, prefix, limits).await?);
    }
    Ok(found)
}

async fn find_archive(
    api: &Api<ConfigMap>,
    prefix: &str,
    limits: &'static [(&'static str, u64)],
) -> Result<Option<Result<FoundEvidence, EvidenceError>>, kube::Error> {
    let (mut archive, mut config_maps) = (vec![], vec![]);
    while config_maps.len() < MAX_PARTS {
        let name = part_name(prefix, config_maps.len());
        let part = api.get_opt(&name).await?;
        let Some(bytes) = part.and_then(|p| p.binary_data?.remove(KEY)) else { break };
        archive.reserve_exact(bytes.0.len());
        archive.extend(bytes.0);
        config_maps.push(name);
    }
    if config_maps.is_empty() {
        return Ok(None);
    }
    // Unpacking takes a while, in which other objects are reconciled.
    let unpacked = tokio::task::spawn_blocking(move || {
        let limit = |name: &str| limits.iter().find(|(wanted, _)| *wanted == name).map(|(_, most)| *most);
        let digest = Digest::compute(&archive).hex();
        let stored = StoredEvidence { digest, size: archive.len() as u64, config_maps };
        unpack(&archive, limit).map(|files| FoundEvidence { files, stored })
    });
    let panicked = |e| Err(EvidenceError::ConfigMapStore(format!("the archive was not unpacked: {e}")));
    Ok(Some(unpacked.await.unwrap_or_else(panicked)))
}

/// Evidence that was found by the id of its run; nothing of it is verified.
pub struct FoundEvidence {
    /// The files asked for, as far as the archive has them.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Where it is.
    pub stored: StoredEvidence,
}

/// Common parts of the names of the ConfigMaps that hold a run's evidence: before the removal, and after it.
fn prefixes(run: RunId) -> [String; 2] {
    [format!("evidence-{run}"), format!("evidence-{run}-removed")]
}

fn part_name(prefix: &str, number: usize) -> String {
    format!("{prefix}-{number}")
}

fn pack(files: &BTreeMap<String, Vec<u8>>) -> Result<Vec<u8>, EvidenceError> {
    let broken = |e: std::io::Error| EvidenceError::Encode(e.to_string());
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::best()));
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, bytes.as_slice()).map_err(broken)?;
    }
    let mut gzip = tar.into_inner().map_err(broken)?;
    gzip.flush().map_err(broken)?;
    gzip.finish().map_err(broken)
}

/// Unpacks the files that have a limit, none of which may be larger than it.
fn unpack(archive: &[u8], limit: impl Fn(&str) -> Option<u64>) -> Result<BTreeMap<String, Vec<u8>>, EvidenceError> {
    let broken = |e: std::io::Error| EvidenceError::ConfigMapStore(format!("the archive is invalid: {e}"));
    let mut tar = tar::Archive::new(GzDecoder::new(archive).take(MAX_UNPACKED_BYTES));
    let mut files = BTreeMap::new();
    // Raw: entries that extend others, such as long names, would be read whole whatever their size. dayfly writes none.
    for entry in tar.entries().map_err(broken)?.raw(true) {
        let mut entry = entry.map_err(broken)?;
        let name = entry.path().map_err(broken)?.to_string_lossy().into_owned();
        for part in name.strip_prefix("raw/").unwrap_or(&name).split('/') {
            store::check_name("archive entry", part)?;
        }
        let Some(most) = limit(&name).filter(|_| entry.header().entry_type().is_file()) else { continue };
        if entry.size() > most {
            return Err(EvidenceError::ConfigMapStore(format!(
                "{name} in the archive is larger than {} MiB",
                most >> 20
            )));
        }
        let mut bytes = vec![];
        entry.read_to_end(&mut bytes).map_err(broken)?;
        files.insert(name, bytes);
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn packing_and_unpacking_preserves_files() {
        let files = [("report.json".to_owned(), vec![1, 2]), (format!("raw/{}", "a".repeat(64)), vec![0; 5000])].into();
        let archive = pack(&files).unwrap();
        assert_eq!(unpack(&archive, |_| Some(MAX_UNPACKED_BYTES)).unwrap(), files);
        let report = unpack(&archive, |name| (name == "report.json").then_some(2)).unwrap();
        assert_eq!(report.into_keys().collect::<Vec<_>>(), ["report.json"]);
        assert!(unpack(&archive, |_| Some(4999)).unwrap_err().to_string().contains("larger than"));
    }

    #[test]
    fn refuses_names_outside_the_folder() {
        for name in ["raw/x/../../../y", "raw/.hidden", ".hidden"] {
            let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
            let mut header = tar::Header::new_gnu();
            header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(1);
            header.set_cksum();
            tar.append(&header, &b"x"[..]).unwrap();
            let archive = tar.into_inner().unwrap().finish().unwrap();
            assert!(
                unpack(&archive, |_| Some(MAX_UNPACKED_BYTES))
                    .unwrap_err()
                    .to_string()
                    .contains("cannot be a file name"),
                "{name}"
            );
        }
    }
}
