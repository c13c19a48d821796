//! Where the evidence of a run is stored in the cluster.

use serde::{Deserialize, Serialize};

/// Stored evidence: enough to find it and to check that it is whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StoredEvidence {
    /// SHA-256 of the archive (tar, gzip).
    pub digest: String,
    /// Its size in bytes.
    pub size: u64,
    /// The ConfigMaps of this namespace that hold it, in order.
    pub config_maps: Vec<String>,
}
