//! What scans of dependencies looked at, in lines that every format shares. Pure.

use std::collections::BTreeSet;

use super::facts::{Facts, ScanFact, SuiteFact};
use crate::findings::{WaiverState, WaiverUse, words};
use crate::model::sanitize;

/// Most ecosystems that a line names.
const MAX_ECOSYSTEMS: usize = 10;
/// Most waivers that a suite names.
const MAX_WAIVERS: usize = 50;

/// What a scan looked at: `localhost/shop:1 (web, worker): PyPI 5 packages, 19204 advisories of 2026-11-29`.
pub fn coverage(scan: &ScanFact) -> String {
    let users = if scan.subject.used_by.is_empty() {
        String::new()
    } else {
        format!(" ({})", sanitize::one_line(&scan.subject.used_by.join(", "), 200))
    };
    let each = scan.result.coverage.iter().take(MAX_ECOSYSTEMS);
    let mut parts: Vec<String> = each.map(|c| format!("{} {}", c.ecosystem, words::coverage(c))).collect();
    if scan.result.coverage.len() > MAX_ECOSYSTEMS {
        parts.push(format!("and {} more ecosystems", scan.result.coverage.len() - MAX_ECOSYSTEMS));
    }
    if parts.is_empty() {
        parts.push("no package".to_owned());
    }
    let passing = scan.result.findings.iter().filter(|f| !f.fails);
    let (waived, accepted): (Vec<_>, Vec<_>) = passing.partition(|f| f.waiver.is_some());
    if !waived.is_empty() {
        parts.push(format!("{} finding(s) waived", waived.len()));
    }
    if !accepted.is_empty() {
        parts.push(format!("{} finding(s) accepted by the policy", accepted.len()));
    }
    sanitize::one_line(&format!("{}{users}: {}", scan.subject.name, parts.join("; ")), 1000)
}

/// Digest of what was scanned, or `digest unknown`.
pub fn digest(scan: &ScanFact) -> String {
    sanitize::one_line(scan.subject.digest.as_deref().unwrap_or("digest unknown"), 100)
}

/// The advisories of a suite; none if there were none.
pub fn database(suite: &SuiteFact) -> Option<String> {
    let database = suite.scans.iter().find_map(|scan| scan.result.database.as_ref())?;
    Some(sanitize::one_line(&format!("{}, {}", words::database(database), database.digest), 400))
}

/// What to do about waivers of a suite. One that a scan does not use may be for another one.
pub fn waivers(suite: &SuiteFact) -> Vec<String> {
    let of_scans = suite.scans.iter().flat_map(|scan| &scan.result.waivers);
    let told = of_scans.filter(|waiver| waiver.used || waiver.state == WaiverState::Invalid);
    let told: BTreeSet<String> = told.filter_map(WaiverUse::notice).collect();
    told.iter().take(MAX_WAIVERS).map(|text| sanitize::one_line(text, 400)).collect()
}

/// A line for each scan of a suite, one for each waiver that needs attention, and one for the advisories.
pub fn lines(suite: &SuiteFact) -> Vec<String> {
    let advisories = database(suite).map(|of| format!("advisories: {of}"));
    suite.scans.iter().map(coverage).chain(waivers(suite)).chain(advisories).collect()
}

/// Every line of all suites, with the digests of what was scanned.
pub fn all(facts: &Facts) -> Vec<String> {
    let each = |suite: &SuiteFact| -> Vec<String> {
        let scans = suite.scans.iter().map(|scan| format!("{}, {}", coverage(scan), digest(scan)));
        scans.chain(waivers(suite)).chain(database(suite).map(|of| format!("advisories: {of}"))).collect()
    };
    facts.suites.iter().flat_map(each).collect()
}
