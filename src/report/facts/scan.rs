//! What a suite of kind `dependencies` looked at and found.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::findings::ScanResult;

/// The scan of one image or lock file: one case of its suite.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScanFact {
    /// Id of its case.
    pub case: String,
    /// What was scanned.
    pub subject: ScannedSubject,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
    /// The result, with the most severe findings.
    pub result: ScanResult,
    /// Number of findings that are left out here; the raw file of the scan has more of them, up to its limit.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub omitted: usize,
    /// SHA-256 of the raw file with the SBOM: the packages that were looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sbom: Option<String>,
}

/// An image or a lock file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScannedSubject {
    /// Its kind.
    pub kind: SubjectKind,
    /// Reference of the image, or path of the file as the description names it.
    pub name: String,
    /// `sha256:…` of the image as for its unit, or of the file; none if it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Units and container suites that run the image.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub used_by: Vec<String>,
}

/// What was scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SubjectKind {
    /// An image, by the digest that runs.
    Image,
    /// A lock file.
    LockFile,
}

fn is_zero(n: &usize) -> bool {
    *n == 0
}
