//! The verdict of a scan, by the policy. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::age::outdated;
use super::matcher::Matches;
use super::waivers::{self, Waiver};
use crate::advisories::bundle::{EcosystemFacts, streams};
use crate::findings::{Coverage, Database, Finding, Rating, ScanResult, Subject};
use crate::model::Verdict;
use crate::packages::Ecosystem;
use crate::policy::{DependencyLimits, Reaction};
use crate::spec::model::Severity;

/// Most reasons of one kind that are named one by one.
const MAX_NAMED: usize = 5;

/// Why advisories are refused of which the signature was not verified.
pub const UNSIGNED: &str = "the policy wants signed advisories; name the key with --advisories-key";

/// What a scan accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanRules {
    /// Of the policy.
    pub limits: DependencyLimits,
    /// Time of the scan.
    pub now: Timestamp,
}

/// As [`judge_with`], without waivers.
pub fn judge(
    subject: Subject,
    matches: Matches,
    database: Option<(Database, &BTreeMap<Ecosystem, EcosystemFacts>)>,
    unusable: Option<String>,
    rules: &ScanRules,
) -> ScanResult {
    judge_with(subject, matches, database, unusable, rules, &[])
}

/// Judges what was found. `database` and `ecosystems` describe the bundle; without them, or with `unusable`, nothing is known.
pub fn judge_with(
    subject: Subject,
    matches: Matches,
    database: Option<(Database, &BTreeMap<Ecosystem, EcosystemFacts>)>,
    unusable: Option<String>,
    rules: &ScanRules,
    waivers: &[Waiver],
) -> ScanResult {
    let mut reasons = vec![];
    let mut findings = matches.findings;
    for finding in &mut findings {
        finding.fails = fails(finding, &rules.limits);
    }
    let waivers = waivers::apply(&mut findings, waivers, &rules.limits, rules.now);
    findings.sort_by(|a, b| rank(b).cmp(&rank(a)).then_with(|| key(a).cmp(&key(b))));
    let failing = findings.iter().filter(|f| f.fails).count();
    if failing > 0 {
        let malicious = findings.iter().filter(|f| f.malicious && f.fails).count();
        let more = if malicious > 0 { format!(", {malicious} of a malicious package") } else { String::new() };
        reasons.push(format!("{failing} finding(s) that the policy does not accept{more}"));
    }
    let ended = findings.iter().filter_map(|f| {
        let waiver = f.ended_waiver.as_ref()?;
        let on = waiver.expires.as_deref().unwrap_or_default();
        Some(format!("{}: the waiver of {} for {} ended on {on}", waiver.place, f.id, f.package))
    });
    named(&mut reasons, ended);
    let doubts = reasons.len();
    if let Some(why) = unusable {
        reasons.push(why);
    } else if database.is_none() {
        reasons.push("there are no advisories; name a bundle with --advisories".into());
    }
    if subject.packages.is_empty() && subject.gaps.is_empty() {
        reasons.push("no package was found".into());
    }
    let empty = BTreeMap::new();
    let facts = database.as_ref().map_or(&empty, |(_, facts)| *facts);
    let coverage = coverage(&subject, &matches.counts, facts);
    if let Some((database, _)) = &database {
        if rules.limits.signed && database.verified_by.is_none() {
            reasons.push(UNSIGNED.into());
        }
        reasons.extend(coverage.iter().filter_map(|c| stale(c, rules)));
    }
    named(&mut reasons, matches.undecided.iter().map(|u| format!("{} and {}: {}", u.id, u.package, u.reason)));
    named(&mut reasons, subject.gaps.iter().map(|g| format!("{}: {}", g.place, g.reason)));
    let verdict = if failing > 0 {
        Verdict::Failed
    } else if reasons.len() > doubts {
        Verdict::Inconclusive
    } else {
        Verdict::Passed
    };
    ScanResult {
        verdict,
        reasons,
        database: database.map(|(database, _)| database),
        sources: subject.sources,
        coverage,
        findings,
        undecided: matches.undecided,
        gaps: subject.gaps,
        waivers,
    }
}

/// Counts packages by ecosystem; also where nothing was looked up.
fn coverage(
    subject: &Subject,
    counts: &BTreeMap<Ecosystem, usize>,
    facts: &BTreeMap<Ecosystem, EcosystemFacts>,
) -> Vec<Coverage> {
    let mut all = counts.clone();
    for package in &subject.packages {
        if !counts.contains_key(&package.ecosystem) {
            *all.entry(package.ecosystem.clone()).or_default() += 1;
        }
    }
    let of = |(ecosystem, packages): (Ecosystem, usize)| {
        let known = streams(facts, &ecosystem);
        let (records, snapshot) =
            (known.iter().map(|(_, f)| f.records).sum(), known.iter().map(|(_, f)| f.snapshot).min());
        Coverage { ecosystem, packages, records, snapshot }
    };
    all.into_iter().map(of).collect()
}

/// Why the advisories of an ecosystem prove nothing, if they do not.
fn stale(coverage: &Coverage, rules: &ScanRules) -> Option<String> {
    let Coverage { ecosystem, packages, records, snapshot } = coverage;
    let Some(snapshot) = snapshot.filter(|_| *records > 0) else {
        return Some(format!("the advisories have none of {ecosystem}, of which there are {packages} package(s)"));
    };
    outdated(ecosystem, snapshot, &rules.limits, rules.now)
}

fn named(reasons: &mut Vec<String>, all: impl Iterator<Item = String>) {
    let all: Vec<String> = all.collect();
    let more = all.len().saturating_sub(MAX_NAMED);
    reasons.extend(all.into_iter().take(MAX_NAMED));
    if more > 0 {
        reasons.push(format!("and {more} more like that"));
    }
}

fn fails(finding: &Finding, limits: &DependencyLimits) -> bool {
    if finding.malicious {
        return true;
    }
    if finding.notice.is_some() {
        return limits.notices == Reaction::Fail;
    }
    let least = match limits.fail_on {
        Severity::Low => Rating::Low,
        Severity::Medium => Rating::Medium,
        Severity::High => Rating::High,
        Severity::Critical => Rating::Critical,
    };
    match finding.severity {
        Rating::Unknown => limits.unknown_severity == Reaction::Fail,
        rating => rating >= least,
    }
}

/// What counts more comes first.
fn rank(finding: &Finding) -> (bool, bool, bool, Rating) {
    (finding.malicious, finding.fails, finding.exploited, finding.severity)
}

fn key(finding: &Finding) -> (&Ecosystem, &str, &str, &str) {
    (&finding.ecosystem, &finding.package, &finding.version, &finding.id)
}

#[cfg(test)]
mod tests;
