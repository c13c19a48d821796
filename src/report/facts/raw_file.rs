//! Files that a run keeps by their content.

use serde::{Deserialize, Serialize};

/// A file kept by its content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RawFile {
    /// Its name in the suite.
    pub name: String,
    /// `application/xml`, `text/plain`…
    pub media_type: String,
    /// Lower-case hexadecimal SHA-256; stored as `raw/<digest>` in the evidence folder.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
    /// The unit or suite that it comes from; none if it concerns the environment as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Its path below the folder of the run; none in reports of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}
