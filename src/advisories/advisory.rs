//! An advisory as it concerns one package, and as it is shown. Pure.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::findings::Rating;
use crate::packages::Ecosystem;

/// What a record says about one package; the value of a package in a bundle.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Advisory {
    /// Id of the record: `PYSEC-2024-1`.
    pub id: String,
    /// Other ids of the same thing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// One line; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// Time of publication.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<Timestamp>,
    /// Severity.
    #[serde(default)]
    pub rating: Rating,
    /// CVSS score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f32>,
    /// It is a notice rather than a vulnerability: `unmaintained`, `unsound`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
    /// It is in the catalogue of known exploited vulnerabilities (KEV).
    #[serde(default, skip_serializing_if = "is_false")]
    pub exploited: bool,
    /// Probability of exploitation within 30 days (EPSS).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epss: Option<f32>,
    /// Affected versions, one by one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<String>,
    /// Affected ranges of versions; those of commits are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ranges: Vec<Vec<Event>>,
    /// The record has only ranges of commits, with which a version cannot be compared.
    #[serde(default, skip_serializing_if = "is_false")]
    pub only_commits: bool,
}

/// An end of an affected range.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The first affected version; `0` is before every version.
    Introduced(String),
    /// The first version that is not affected any more.
    Fixed(String),
    /// The last affected version.
    LastAffected(String),
    /// Versions from here on are not affected, whatever the other events say.
    Limit(String),
}

/// A record as `advisories show` prints it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Id.
    pub id: String,
    /// Other ids of the same thing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// One line; may be empty.
    pub summary: String,
    /// The beginning of its text.
    pub details: String,
    /// Severity: the highest of all its packages.
    pub rating: Rating,
    /// Time of publication.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<Timestamp>,
    /// Time of the last change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<Timestamp>,
    /// Time when it was withdrawn: it matches nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<Timestamp>,
    /// Links, the first of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<String>,
    /// Packages it is about, the first of them.
    pub packages: Vec<(Ecosystem, String)>,
}

impl Advisory {
    /// Returns true for a package that was made to harm.
    pub fn is_malicious(&self) -> bool {
        std::iter::once(&self.id).chain(&self.aliases).any(|id| id.starts_with("MAL-"))
    }
}

impl Event {
    /// The version.
    pub fn version(&self) -> &str {
        let (Self::Introduced(v) | Self::Fixed(v) | Self::LastAffected(v) | Self::Limit(v)) = self;
        v
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_false(value: &bool) -> bool {
    !value
}
