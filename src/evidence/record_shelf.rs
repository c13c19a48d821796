//! Records of removals laid down in a cluster, a ConfigMap each: for a janitor whose own folder goes with its pod.

use std::collections::BTreeMap;
use std::path::Path;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{ObjectMeta, Patch, PatchParams};
use kube::{Api, Client};

use super::removal::{BEGUN, ENDED};
use super::{EvidenceError, store};

/// Label of a record: the environment that was removed.
pub const REMOVAL_OF: &str = "dayfly.dev/removal-of";

/// Where records are laid down.
#[derive(Clone)]
pub struct RecordShelf {
    /// How the cluster is reached.
    pub client: Client,
    /// In which namespace.
    pub namespace: String,
}

impl RecordShelf {
    /// Lays down the record of this folder, `<environment>/<removal id>`, as far as it is written.
    pub async fn put(&self, folder: &Path) -> Result<(), EvidenceError> {
        let part = |path: Option<&Path>| {
            path.and_then(Path::file_name).map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
        };
        let (id, environment) = (part(Some(folder)), part(folder.parent()));
        let mut data = BTreeMap::new();
        for name in [BEGUN, ENDED] {
            if let Some(bytes) = store::read(&folder.join(name))? {
                data.insert(name.to_owned(), String::from_utf8_lossy(&bytes).into_owned());
            }
        }
        let name = format!("removal-{id}");
        let map = ConfigMap {
            metadata: ObjectMeta {
                name: Some(name.clone()),
                labels: Some([(REMOVAL_OF.to_owned(), environment)].into()),
                ..ObjectMeta::default()
            },
            data: Some(data),
            ..ConfigMap::default()
        };
        let maps: Api<ConfigMap> = Api::namespaced(self.client.clone(), &self.namespace);
        let put = maps.patch(&name, &PatchParams::apply("dayfly").force(), &Patch::Apply(&map)).await;
        put.map(drop).map_err(|e| EvidenceError::Shelf(format!("ConfigMap {}/{name}: {e}", self.namespace)))
    }
}
