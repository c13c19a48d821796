//! Records of the OSV schema: parsed leniently where it adds fields, strictly where matching depends on them. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use super::advisory::{Advisory, Event, Summary};
use super::matching::Candidate;
use crate::model::sanitize;
use crate::packages::{Ecosystem, MAX_NAME};

mod severity;

pub use severity::{Specific, Vector};
use severity::{best, word};

/// Longest record in bytes.
pub const MAX_RECORD: usize = 16 << 20;
/// Longest id.
const MAX_ID: usize = 100;
/// Most aliases.
const MAX_ALIASES: usize = 200;
/// Longest summary, in characters.
const MAX_SUMMARY: usize = 200;
/// Longest text, in characters.
const MAX_DETAILS: usize = 4000;
/// Most links and packages of a summary.
const MAX_LISTED: usize = 20;

/// A record, as its file holds it.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Record {
    /// Id.
    pub id: String,
    /// Version of the schema; none stands for 1.0.0.
    #[serde(default)]
    pub schema_version: Option<String>,
    /// Time of the last change.
    #[serde(default)]
    pub modified: Option<Timestamp>,
    /// Time of publication.
    #[serde(default)]
    pub published: Option<Timestamp>,
    /// Time when it was withdrawn.
    #[serde(default)]
    pub withdrawn: Option<Timestamp>,
    /// Other ids of the same thing.
    #[serde(default, deserialize_with = "or_default")]
    pub aliases: Vec<String>,
    /// Ids of what it was made from: a distribution's record names the CVEs that it fixes.
    #[serde(default, deserialize_with = "or_default")]
    pub upstream: Vec<String>,
    /// One line.
    #[serde(default)]
    pub summary: Option<String>,
    /// Text.
    #[serde(default)]
    pub details: Option<String>,
    /// CVSS vectors.
    #[serde(default, deserialize_with = "or_default")]
    pub severity: Vec<Vector>,
    /// What it is about.
    #[serde(default, deserialize_with = "or_default")]
    pub affected: Vec<Affected>,
    /// Links.
    #[serde(default, deserialize_with = "or_default")]
    pub references: Vec<Reference>,
    /// What its database adds.
    #[serde(default)]
    pub database_specific: Option<Specific>,
}

/// A package, and which versions of it are affected.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Affected {
    /// The package; none if only a repository is named.
    #[serde(default)]
    pub package: Option<NamedPackage>,
    /// CVSS vectors of this package.
    #[serde(default, deserialize_with = "or_default")]
    pub severity: Vec<Vector>,
    /// Ranges.
    #[serde(default, deserialize_with = "or_default")]
    pub ranges: Vec<Range>,
    /// Versions.
    #[serde(default, deserialize_with = "or_default")]
    pub versions: Vec<String>,
    /// What the ecosystem adds.
    #[serde(default)]
    pub ecosystem_specific: Option<Specific>,
    /// What the database adds.
    #[serde(default)]
    pub database_specific: Option<Specific>,
}

/// A package by name.
#[derive(Debug, Clone, Deserialize)]
pub struct NamedPackage {
    /// Ecosystem, as OSV names it.
    pub ecosystem: String,
    /// Name.
    pub name: String,
}

/// A range of versions or of commits.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Range {
    /// `SEMVER`, `ECOSYSTEM` or `GIT`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its ends.
    #[serde(default, deserialize_with = "or_default")]
    pub events: Vec<BTreeMap<String, String>>,
}

/// A link.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Reference {
    /// Address.
    #[serde(default)]
    pub url: String,
}

/// A value that is null counts as absent.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// What a record says, taken apart.
#[derive(Debug, Clone)]
pub struct Parts {
    /// By package; empty if the record is withdrawn.
    pub advisories: Vec<(Ecosystem, String, Advisory)>,
    /// To show it.
    pub summary: Summary,
}

impl Record {
    /// Parses JSON. Errors say what is wrong, without the file.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() > MAX_RECORD {
            return Err(format!("the record is larger than {} MiB", MAX_RECORD >> 20));
        }
        serde_json::from_slice(bytes).map_err(|e| format!("this is not a record of OSV: {e}"))
    }

    /// Takes the record apart. A record that cannot be matched by the specification is an error, because leaving it out would
    /// make a scan pass.
    pub fn parts(self) -> Result<Parts, String> {
        if !is_id(&self.id) {
            return Err("its id is missing, or has characters that no id has".into());
        }
        if let Some(other) = self.schema_version.as_deref().filter(|v| v.split('.').next() != Some("1")) {
            return Err(format!("{}: its schema has version {other:?}; dayfly reads version 1", self.id));
        }
        let general = best(&self.severity).or_else(|| word(self.database_specific.as_ref()));
        let meta = Advisory {
            id: self.id.clone(),
            aliases: other_ids(&self),
            summary: sanitize::one_line(self.summary.as_deref().or(self.details.as_deref()).unwrap_or(""), MAX_SUMMARY),
            published: self.published,
            ..Advisory::default()
        };
        let mut merged: BTreeMap<(Ecosystem, String), Advisory> = BTreeMap::new();
        for affected in &self.affected {
            let Some(package) = &affected.package else { continue };
            let ecosystem: Ecosystem =
                package.ecosystem.parse().map_err(|e| format!("{}: {:?}: {e}", self.id, package.ecosystem))?;
            let name = ecosystem.normalise(&package.name);
            if name.is_empty() || name.len() > MAX_NAME || name.chars().any(char::is_control) {
                return Err(format!("{}: {:?} is not the name of a package", self.id, sanitize::cut(&name, 60)));
            }
            let own = best(&affected.severity)
                .or(general)
                .or_else(|| word(affected.ecosystem_specific.as_ref()))
                .or_else(|| word(affected.database_specific.as_ref()));
            let (rating, score) = own.unwrap_or_default();
            let notice = affected.database_specific.as_ref().and_then(|s| s.informational.as_ref()?.as_str());
            let entry = merged
                .entry((ecosystem, name))
                .and_modify(|entry| {
                    // A notice beside a vulnerability is that vulnerability.
                    entry.notice = entry.notice.take().filter(|_| notice.is_some());
                    if rating >= entry.rating {
                        (entry.rating, entry.score) = (rating, score.or(entry.score));
                    }
                })
                .or_insert_with(|| Advisory {
                    rating,
                    score,
                    notice: notice.map(|n| sanitize::one_line(n, 40)),
                    ..meta.clone()
                });
            add_versions(entry, affected).map_err(|e| format!("{}: {e}", self.id))?;
        }
        for ((ecosystem, _), entry) in &mut merged {
            prune(ecosystem, entry);
        }
        let rating = merged.values().map(|a| a.rating).max().unwrap_or_default();
        let packages = merged.keys().take(MAX_LISTED).cloned().collect();
        let advisories = merged.into_iter().map(|((ecosystem, name), a)| (ecosystem, name, a)).collect();
        let summary = Summary {
            id: self.id,
            aliases: meta.aliases,
            summary: meta.summary,
            details: sanitize::block(self.details.as_deref().unwrap_or(""), MAX_DETAILS),
            rating,
            published: self.published,
            modified: self.modified,
            withdrawn: self.withdrawn,
            references: self.references.iter().take(MAX_LISTED).map(|r| sanitize::one_line(&r.url, 300)).collect(),
            packages,
        };
        Ok(Parts { advisories: if self.withdrawn.is_some() { vec![] } else { advisories }, summary })
    }
}

fn add_versions(entry: &mut Advisory, affected: &Affected) -> Result<(), String> {
    let versions_before = entry.versions.len() + entry.ranges.len();
    entry.versions.extend(affected.versions.iter().cloned());
    let mut has_commits = false;
    for range in &affected.ranges {
        match range.kind.as_str() {
            "GIT" => has_commits = true,
            "SEMVER" | "ECOSYSTEM" => {
                let events = range.events.iter().flatten().map(|(kind, version)| event(kind, version));
                entry.ranges.push(events.collect::<Result<_, _>>()?);
            }
            other => return Err(format!("its range has the unknown type {:?}", sanitize::one_line(other, 40))),
        }
    }
    // Another part of the record may name versions of the same package.
    let is_first = versions_before == 0;
    let has_none = entry.versions.is_empty() && entry.ranges.is_empty();
    entry.only_commits = has_none && has_commits && (is_first || entry.only_commits);
    Ok(())
}

/// Drops listed versions that the ranges cover: most records list them all, and they are the larger part of a record.
fn prune(ecosystem: &Ecosystem, entry: &mut Advisory) {
    let mut listed = std::mem::take(&mut entry.versions);
    if !entry.ranges.is_empty() {
        listed.retain(|v| Candidate::new(ecosystem, v).is_affected_by(entry) != Ok(true));
    }
    entry.versions = listed;
}

fn event(kind: &str, version: &str) -> Result<Event, String> {
    let version = version.to_owned();
    Ok(match kind {
        "introduced" => Event::Introduced(version),
        "fixed" => Event::Fixed(version),
        "last_affected" => Event::LastAffected(version),
        "limit" => Event::Limit(version),
        other => return Err(format!("its range has the unknown event {:?}", sanitize::one_line(other, 40))),
    })
}

/// Aliases, and the only record that this one was made from: several would make one thing of different things.
fn other_ids(record: &Record) -> Vec<String> {
    let upstream = if let [one] = record.upstream.as_slice() { Some(one) } else { None };
    let all = record.aliases.iter().chain(upstream).filter(|id| is_id(id) && **id != record.id);
    let mut all: Vec<String> = all.take(MAX_ALIASES).cloned().collect();
    all.sort();
    all.dedup();
    all
}

/// Returns true for the form of an id: it becomes a key, a file name in other tools, and a rule of SARIF.
pub fn is_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= MAX_ID && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b))
}

#[cfg(test)]
mod tests;
