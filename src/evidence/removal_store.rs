//! Stores removal records in a cluster, one ConfigMap each: a pod's own folder disappears with it.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{ListParams, ObjectMeta, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};

use super::EvidenceError;
use super::removal::Record;
use super::store::{REMOVAL_BEGUN, REMOVAL_ENDED};

/// Label of a record: the environment that was removed.
pub const REMOVAL_OF: &str = "dayfly.dev/removal-of";

/// A store of removal records.
#[derive(Clone)]
pub struct RemovalStore {
    /// Client of the cluster.
    pub client: Client,
    /// Namespace of the ConfigMaps.
    pub namespace: String,
    /// Additional label of each record, by which `unended` finds it.
    pub label: Option<(&'static str, String)>,
}

impl RemovalStore {
    /// Stores a record, finished or not.
    pub async fn put(&self, record: &Record) -> Result<(), EvidenceError> {
        let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
        let name = format!("removal-{}", record.id());
        let label = self.label.clone().map(|(label, value)| (label.to_owned(), value));
        let labels = label.into_iter().chain([(REMOVAL_OF.to_owned(), record.environment().id.clone())]);
        let map = ConfigMap {
            metadata: ObjectMeta { name: Some(name.clone()), labels: Some(labels.collect()), ..ObjectMeta::default() },
            data: Some(record.files().iter().map(|(name, bytes)| (name.clone(), text(bytes))).collect()),
            ..ConfigMap::default()
        };
        let put = self.maps().patch(&name, &PatchParams::apply("dayfly").force(), &Patch::Apply(&map)).await;
        put.map(drop).map_err(|e| EvidenceError::ConfigMapStore(format!("ConfigMap {}/{name}: {e}", self.namespace)))
    }

    /// The first statements of unfinished records with this label, by name of the ConfigMap.
    pub async fn unended(&self) -> Result<BTreeMap<String, Vec<u8>>, EvidenceError> {
        let selector = self.label.iter().map(|(label, value)| format!("{label}={value}")).collect::<String>();
        let found = self.maps().list(&ListParams::default().labels(&selector)).await;
        let found =
            found.map_err(|e| EvidenceError::ConfigMapStore(format!("ConfigMaps of {}: {e}", self.namespace)))?;
        let begun = |map: ConfigMap| {
            let mut data = map.data.clone().unwrap_or_default();
            let begun = data.remove(REMOVAL_BEGUN).filter(|_| !data.contains_key(REMOVAL_ENDED))?;
            Some((map.name_any(), begun.into_bytes()))
        };
        Ok(found.into_iter().filter_map(begun).collect())
    }

    fn maps(&self) -> Api<ConfigMap> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }
}
