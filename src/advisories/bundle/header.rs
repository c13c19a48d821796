//! The header of a bundle: its contents, dates and counts, as the predicate of an in-toto statement. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::packages::Ecosystem;

/// Type of the predicate.
pub const PREDICATE: &str = "https://dayfly.dev/advisories/v1";
/// Type of the statement.
pub const STATEMENT: &str = "https://in-toto.io/Statement/v1";

/// What a bundle holds, and since when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Header {
    /// Grows with each bundle of one key.
    pub sequence: u64,
    /// When the oldest of its sources was taken; its age counts from here.
    pub snapshot: Timestamp,
    /// When it was written.
    pub created: Timestamp,
    /// The sources it was made from, as they were given to `advisories import`.
    pub sources: Vec<String>,
    /// By ecosystem.
    pub ecosystems: BTreeMap<Ecosystem, EcosystemFacts>,
    /// Records of all ecosystems.
    pub records: Counts,
    /// The catalogue of known exploited vulnerabilities, if it was imported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kev: Option<ListFacts>,
    /// The exploit prediction scores, if they were imported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epss: Option<ListFacts>,
    /// Popular names by ecosystem.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub popular: BTreeMap<Ecosystem, ListFacts>,
    /// Bytes of the index.
    pub index_length: u64,
    /// Bytes of the pages together.
    pub pages_length: u64,
}

/// Numbers of records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// All that are in force.
    pub total: usize,
    /// Those about packages that were made to harm, among them.
    pub malicious: usize,
    /// Withdrawn ones, which match nothing, beside them.
    pub withdrawn: usize,
}

/// What a bundle holds of an ecosystem.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EcosystemFacts {
    /// Records in force.
    pub records: usize,
    /// Packages with at least one.
    pub packages: usize,
    /// When its source was taken.
    pub snapshot: Timestamp,
    /// The last change of a record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<Timestamp>,
}

/// The facts of an ecosystem and of its streams. Red Hat publishes advisories by stream, such as
/// `Red Hat:enterprise_linux:9::baseos`, and a package does not say its stream.
pub fn streams<'a>(
    all: &'a BTreeMap<Ecosystem, EcosystemFacts>,
    ecosystem: &Ecosystem,
) -> Vec<(&'a Ecosystem, &'a EcosystemFacts)> {
    let is_one = |known: &Ecosystem| {
        let rest = known.as_str().strip_prefix(ecosystem.as_str());
        rest.is_some_and(|rest| rest.is_empty() || (ecosystem.base() == "Red Hat" && rest.starts_with("::")))
    };
    all.iter().filter(|(known, _)| is_one(known)).collect()
}

/// A list that was imported.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ListFacts {
    /// Entries.
    pub entries: usize,
    /// Its date, as it says itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
}

/// The signed statement.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    #[serde(rename = "_type")]
    pub kind: String,
    pub subject: [Subject; 1],
    pub predicate_type: String,
    pub predicate: Header,
}

/// The index.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Subject {
    pub name: String,
    pub digest: SubjectDigest,
}

/// Its digest.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SubjectDigest {
    pub sha256: String,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn streams_are_those_of_one_release() {
        let facts = EcosystemFacts { records: 1, packages: 1, snapshot: Timestamp::UNIX_EPOCH, newest: None };
        let named = |name: &str| name.parse::<Ecosystem>().unwrap();
        let all =
            ["Red Hat:enterprise_linux:9::baseos", "Red Hat:enterprise_linux:9::crb", "Red Hat:enterprise_linux:90::x"];
        let all = all.into_iter().chain(["Debian:1", "Debian:12", "Debian:12::x"]);
        let all: BTreeMap<_, _> = all.map(|name| (named(name), facts.clone())).collect();
        let of = |name: &str| streams(&all, &named(name)).len();
        assert_eq!((of("Red Hat:enterprise_linux:9"), of("Red Hat:enterprise_linux:8")), (2, 0));
        assert_eq!((of("Red Hat:enterprise_linux:9::crb"), of("Debian:12"), of("Debian:1")), (1, 1, 1));
    }
}
