//! The predicate of a scan of dependencies, in-toto's `vulns/v0.2`. Data only.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Context, DigestSet};
use crate::findings::{AppliedWaiver, Coverage};
use crate::model::Verdict;
use crate::report::facts::SubjectKind;

/// Predicate of the statement about one image or lock file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VulnsPredicate {
    /// Who scanned, with which database, and what was found.
    pub scanner: Scanner,
    /// When.
    pub metadata: ScanTimes,
    /// Of the run.
    #[serde(flatten)]
    pub context: Context,
    /// The suite and its case.
    pub scan: ScanSummary,
}

/// A scanner and its result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scanner {
    /// `https://dayfly.dev`.
    pub uri: String,
    /// Version of dayfly.
    pub version: String,
    /// The advisories.
    pub db: ScannerDatabase,
    /// What was found, the most severe first.
    pub result: Vec<Vulnerability>,
}

/// The advisories of a scan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScannerDatabase {
    /// `sha256:…` of the statement that covers the bundle.
    pub uri: String,
    /// Number of the bundle.
    pub version: String,
    /// When the oldest source was taken.
    pub last_update: Timestamp,
    /// Key that its signature was verified with; absent if it was not verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_by: Option<String>,
}

/// Begin and end of a scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScanTimes {
    /// When it began.
    pub scan_started_on: Timestamp,
    /// When it ended.
    pub scan_finished_on: Timestamp,
}

/// A finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Vulnerability {
    /// Id.
    pub id: String,
    /// Its severity: the word, and the CVSS score where there is one.
    pub severity: Vec<Severity>,
    /// What else is known.
    pub annotations: Annotations,
}

/// A severity by one method.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Severity {
    /// `rating` or `cvss`.
    pub method: String,
    /// `high`, `7.5`.
    pub score: String,
}

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Annotations {
    /// Other ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// Package URL, or `ecosystem/name@version` where there is none.
    pub package: String,
    /// Versions that fix it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fixed_in: Vec<String>,
    /// The lowest version that no advisory affects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixes_everything: Option<String>,
    /// The explicit requirements that bring the package.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub brought_by: Vec<String>,
    /// The package was made to harm.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub malicious: bool,
    /// The policy refuses it, and no waiver accepts it.
    pub refused: bool,
    /// The waiver that accepts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiver: Option<AppliedWaiver>,
}

/// What was scanned, and the verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScanSummary {
    /// Name of the suite.
    pub suite: String,
    /// Id of its case.
    pub case: String,
    /// Image or lock file.
    pub kind: SubjectKind,
    /// Units and container suites that run the image.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub used_by: Vec<String>,
    /// Passed or failed, by the policy.
    pub verdict: Verdict,
    /// Why it is not passed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// What was looked up, by ecosystem.
    pub coverage: Vec<Coverage>,
    /// Number of findings that the list leaves out; the raw file of the scan has more of them, up to its limit.
    pub omitted: usize,
    /// The SBOM of what was scanned: a raw file of the suite, in CycloneDX. Statements of earlier versions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sbom: Option<DigestSet>,
}

/// A scan, as the statement of its run names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunScan {
    /// Id of its case.
    pub case: String,
    /// What was scanned, with its digest: the subject of the statement.
    pub name: String,
    /// The digest.
    pub digest: DigestSet,
    /// SHA-256 of the payload of `vulns-<suite>-<number>.sigstore.json`.
    pub statement_digest: DigestSet,
    /// Number in the file's name: the place of the case, from 1.
    pub number: usize,
}
