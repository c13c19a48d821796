//! Where a suite of a run comes from.

use serde::{Deserialize, Serialize};

/// Where a suite comes from, and how the change under test treats it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SuiteOrigin {
    /// The file that the suite was read from.
    pub source_ref: SourceRef,
    /// The change has another version of the suite than the base, or one of the two does not have it; none without a base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_in_pr: Option<bool>,
    /// Ids of the cases that the base has and the change does not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost_cases: Vec<String>,
}

impl SuiteOrigin {
    /// Returns true if the suite comes from the protected base.
    pub fn is_of_base(&self) -> bool {
        self.source_ref.from == SuiteSource::Base
    }
}

/// A description in the change or in the protected base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceRef {
    /// Base or change.
    pub from: SuiteSource,
    /// Commit of the base; none for the change, and for a base in a folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Path of the description.
    pub path: String,
    /// Lower-case hexadecimal SHA-256 of the description file.
    pub digest: String,
}

/// The side that a suite comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SuiteSource {
    /// The protected base.
    Base,
    /// The change under test.
    Change,
}
