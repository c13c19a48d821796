//! Advisories of RustSec: TOML in a fence, then Markdown. Pure.
//!
//! They name what is *not* affected, by requirements of Cargo; the ranges are what is left.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use semver::{BuildMetadata, Comparator, Op, Prerelease, Version, VersionReq};
use serde::Deserialize;

use crate::advisories::record::{Affected, NamedPackage, Range, Record, Reference, Specific, Vector};

#[derive(Deserialize)]
struct Document {
    advisory: Front,
    #[serde(default)]
    versions: Versions,
}

#[derive(Deserialize)]
struct Front {
    id: String,
    package: String,
    date: String,
    #[serde(default)]
    collection: Option<String>,
    #[serde(default)]
    url: Option<String>,
    #[serde(default)]
    references: Vec<String>,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    cvss: Option<String>,
    #[serde(default)]
    informational: Option<String>,
    #[serde(default)]
    withdrawn: Option<String>,
}

#[derive(Default, Deserialize)]
struct Versions {
    #[serde(default)]
    patched: Vec<String>,
    #[serde(default)]
    unaffected: Vec<String>,
}

/// Parses an advisory.
pub fn parse(text: &str) -> Result<Record, String> {
    let begin = text.trim_start().strip_prefix("```toml").ok_or("it does not begin with ```toml")?;
    let (front, body) = begin.split_once("\n```").ok_or("its TOML does not end with ```")?;
    let document: Document = toml::from_str(front).map_err(|e| format!("this is not an advisory: {}", e.message()))?;
    let Front { id, package, date, url, references, aliases, cvss, informational, withdrawn, collection } =
        document.advisory;
    let title = body.lines().map(str::trim).find_map(|l| l.strip_prefix("# ")).map(str::to_owned);
    let published = Some(at(&date)?);
    // Rust itself is a collection of its own, whose names are not those of crates.
    let is_crate = collection.is_none_or(|c| c == "crates");
    let affected = Affected {
        package: is_crate.then(|| NamedPackage { ecosystem: "crates.io".into(), name: package }),
        ranges: vec![Range { kind: "SEMVER".into(), events: affected_events(&document.versions)? }],
        database_specific: Some(Specific { informational: informational.map(Into::into), ..Specific::default() }),
        ..Affected::default()
    };
    Ok(Record {
        id,
        published,
        modified: published,
        withdrawn: withdrawn.as_deref().map(at).transpose()?,
        aliases,
        summary: title,
        details: Some(body.trim().to_owned()),
        severity: cvss.into_iter().map(|score| Vector { score }).collect(),
        affected: vec![affected],
        references: url.into_iter().chain(references).map(|url| Reference { url }).collect(),
        ..Record::default()
    })
}

fn at(date: &str) -> Result<Timestamp, String> {
    let parse = || date.parse::<Date>()?.to_zoned(TimeZone::UTC).map(|z| z.timestamp());
    parse().map_err(|_: jiff::Error| format!("{:?} is not a date", date.chars().take(40).collect::<String>()))
}

/// Versions from the first to before the second; none stands for no end.
type Interval = (Version, Option<Version>);

/// The events of what no requirement covers.
fn affected_events(versions: &Versions) -> Result<Vec<BTreeMap<String, String>>, String> {
    let mut safe: Vec<Interval> = vec![];
    for text in versions.patched.iter().chain(&versions.unaffected) {
        safe.extend(interval(text)?);
    }
    safe.sort();
    let event = |kind: &str, version: String| BTreeMap::from([(kind.to_owned(), version)]);
    let mut events = vec![];
    // Where the affected part begins; none once everything further is safe.
    let mut from = Some(lowest(0, 0, 0));
    for (begin, end) in safe {
        let Some(open) = from.clone() else { break };
        if begin > open {
            events.push(event("introduced", open.to_string()));
            events.push(event("fixed", begin.to_string()));
        }
        from = end.map(|end| end.max(open));
    }
    events.extend(from.map(|open| event("introduced", open.to_string())));
    // No event at all would read as "every version".
    if events.is_empty() {
        events = vec![event("introduced", "0".into()), event("fixed", "0.0.0-0".into())];
    }
    Ok(events)
}

/// The versions that a requirement covers; none if it contradicts itself.
fn interval(text: &str) -> Result<Option<Interval>, String> {
    let fault = || format!("{:?} is not a requirement of versions", text.chars().take(60).collect::<String>());
    let requirement: VersionReq = text.parse().map_err(|_| fault())?;
    let (mut begin, mut end) = (lowest(0, 0, 0), None::<Version>);
    for comparator in &requirement.comparators {
        let (lower, upper) = bounds(comparator).ok_or_else(fault)?;
        begin = begin.max(lower);
        end = match (end, upper) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
    Ok(Some((begin, end)).filter(|(begin, end)| end.as_ref().is_none_or(|end| begin < end)))
}

fn bounds(c: &Comparator) -> Option<Interval> {
    let next = |n: u64| n.checked_add(1);
    let exact = Version {
        major: c.major,
        minor: c.minor.unwrap_or(0),
        patch: c.patch.unwrap_or(0),
        pre: c.pre.clone(),
        build: BuildMetadata::EMPTY,
    };
    // After all that begins with the parts that are given.
    let after = match (c.minor, c.patch) {
        (None, _) => lowest(next(c.major)?, 0, 0),
        (Some(minor), None) => lowest(c.major, next(minor)?, 0),
        (Some(_), Some(_)) => successor(&exact)?,
    };
    let zero = lowest(0, 0, 0);
    Some(match c.op {
        Op::GreaterEq => (exact, None),
        Op::Greater => (after, None),
        Op::Less => (zero, Some(exact)),
        Op::LessEq => (zero, Some(after)),
        Op::Exact | Op::Wildcard => (exact, Some(after)),
        Op::Tilde => {
            let end =
                if c.minor.is_some() { lowest(c.major, next(exact.minor)?, 0) } else { lowest(next(c.major)?, 0, 0) };
            (exact, Some(end))
        }
        Op::Caret => {
            let end = match (c.major, c.minor, c.patch) {
                (0, Some(0), Some(patch)) => lowest(0, 0, next(patch)?),
                (0, Some(minor), _) => lowest(0, next(minor)?, 0),
                (major, ..) => lowest(next(major)?, 0, 0),
            };
            (exact, Some(end))
        }
        _ => return None,
    })
}

/// The first version of these numbers: its first pre-release.
fn lowest(major: u64, minor: u64, patch: u64) -> Version {
    Version { major, minor, patch, pre: Prerelease::new("0").unwrap_or(Prerelease::EMPTY), build: BuildMetadata::EMPTY }
}

/// The first version after a version.
fn successor(version: &Version) -> Option<Version> {
    if version.pre.is_empty() {
        return Some(lowest(version.major, version.minor, version.patch.checked_add(1)?));
    }
    let pre = Prerelease::new(&format!("{}.0", version.pre)).ok()?;
    Some(Version { pre, ..version.clone() })
}

#[cfg(test)]
mod tests;
