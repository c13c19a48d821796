//! The result of a scan. Pure: data only.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Rating;
use super::waiver_use::{AppliedWaiver, WaiverUse};
use crate::model::Verdict;
use crate::packages::{Ecosystem, Gap, Package, Place};

/// What is scanned.
#[derive(Debug, Clone, Default)]
pub struct Subject {
    /// Files or images that were read, as they are shown.
    pub sources: Vec<String>,
    /// Packages that were found.
    pub packages: Vec<Package>,
    /// What was found and cannot be looked up.
    pub gaps: Vec<Gap>,
}

/// The result of a scan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScanResult {
    /// Passed, failed or inconclusive.
    pub verdict: Verdict,
    /// Why it is not passed, one line each.
    pub reasons: Vec<String>,
    /// The advisories that were used; none if there were none.
    pub database: Option<Database>,
    /// Files or images that were read.
    pub sources: Vec<String>,
    /// What was looked at, by ecosystem.
    pub coverage: Vec<Coverage>,
    /// Findings, the most severe first.
    pub findings: Vec<Finding>,
    /// Advisories of which it could not be decided whether they concern a package.
    pub undecided: Vec<Undecided>,
    /// What could not be looked up.
    pub gaps: Vec<Gap>,
    /// Waivers, with their states.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waivers: Vec<WaiverUse>,
}

/// The advisories of a scan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Database {
    /// Digest of the bundle's statement.
    pub digest: String,
    /// Number of the bundle.
    pub sequence: u64,
    /// When the oldest source was taken.
    pub snapshot: Timestamp,
    /// Key that its signature was verified with; none if it was not verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_by: Option<String>,
}

/// What was looked at of an ecosystem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Coverage {
    /// Ecosystem.
    pub ecosystem: Ecosystem,
    /// Packages, each version once.
    pub packages: usize,
    /// Records that the database has of it.
    pub records: usize,
    /// When they were taken; none if there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<Timestamp>,
}

/// Something that is known about a package that is there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Id: pip-audit's choice among all ids.
    pub id: String,
    /// Other ids of the same thing.
    pub aliases: Vec<String>,
    /// Severity: the highest that a record has.
    pub severity: Rating,
    /// CVSS score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f32>,
    /// The package was made to harm.
    #[serde(default)]
    pub malicious: bool,
    /// It is a notice rather than a vulnerability.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
    /// It is known to be exploited (KEV).
    #[serde(default)]
    pub exploited: bool,
    /// Probability of exploitation within 30 days (EPSS).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epss: Option<f32>,
    /// One line; may be empty.
    pub summary: String,
    /// Time of publication: the earliest of all records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<Timestamp>,
    /// Ecosystem of the package.
    pub ecosystem: Ecosystem,
    /// Its name.
    pub package: String,
    /// Its version.
    pub version: String,
    /// The source package that the advisory names, where it is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Its package URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purl: Option<String>,
    /// Where it is.
    pub places: Vec<Place>,
    /// The package that carries it as a copy inside itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendored_in: Option<String>,
    /// The explicit requirements that bring it, where known.
    pub brought_by: Vec<String>,
    /// Versions above this one that fix it, lowest first.
    pub fixed_in: Vec<String>,
    /// The lowest version that no advisory affects, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixes_everything: Option<String>,
    /// It fails the scan by the policy.
    pub fails: bool,
    /// The waiver that accepts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiver: Option<AppliedWaiver>,
    /// A waiver that accepted it and ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_waiver: Option<AppliedWaiver>,
    /// It was published a short time ago, and fails from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leeway_until: Option<Timestamp>,
}

/// An advisory that may or may not concern a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Undecided {
    /// Id of the advisory.
    pub id: String,
    /// Package and version.
    pub package: String,
    /// Why it could not be decided.
    pub reason: String,
}
