//! Where the evidence of a run is stored in the cluster.

use serde::{Deserialize, Serialize};

/// Location and digest of stored evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StoredEvidence {
    /// SHA-256 of the archive (tar, gzip).
    pub digest: String,
    /// Size of the archive in bytes.
    pub size: u64,
    /// ConfigMaps in this namespace that hold its parts, in order.
    pub config_maps: Vec<String>,
}
