//! Verifies the statements about scans of dependencies that a run names. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Refusal;
use crate::evidence::predicate::{RunScan, RunSuite, Subject, VulnsPredicate};
use crate::model::Verdict;
use crate::sbom::MEDIA_TYPE as CYCLONEDX;
use crate::spec::model::SuiteKind;

/// Refuses a statement that is not about what the run says of it.
pub(super) fn check_subject(subject: &[Subject], scan: &RunScan) -> Result<(), Refusal> {
    match subject {
        [only] if only.digest == scan.digest && only.name == scan.name => Ok(()),
        _ => Err(Refusal::Unmet(format!("the statement about {} is about something else", scan.name))),
    }
}

/// Refuses an SBOM that the suite does not name, or, where the file is there, one of something else.
pub(super) fn check_sbom(
    files: &BTreeMap<String, Vec<u8>>,
    suite: &RunSuite,
    scan: &RunScan,
    predicate: &VulnsPredicate,
) -> Result<(), Refusal> {
    let Some(sbom) = &predicate.scan.sbom else { return Ok(()) };
    if !suite.summary.raw_reports.iter().any(|r| r.digest == *sbom && r.media_type == CYCLONEDX) {
        return Err(Refusal::Unmet(format!("the SBOM of {} is not among the files of its suite", scan.name)));
    }
    let Some(bytes) = files.get(&format!("raw/{}", sbom.sha256.as_deref().unwrap_or_default())) else { return Ok(()) };
    let of_subject = serde_json::from_slice::<Value>(bytes).is_ok_and(|document| {
        let hashes = document.pointer("/metadata/component/hashes").and_then(Value::as_array);
        let is_digest =
            |hash: &Value| hash["alg"] == "SHA-256" && hash["content"].as_str() == scan.digest.sha256.as_deref();
        document["bomFormat"] == "CycloneDX" && hashes.is_some_and(|all| all.iter().any(is_digest))
    });
    if of_subject { Ok(()) } else { Err(Refusal::Unmet(format!("the SBOM of {} is about something else", scan.name))) }
}

/// Refuses a suite of kind `dependencies` that passed although a case has no statement, did not pass, or looked up nothing.
pub(super) fn check_passed(suite: &RunSuite, scans: &[VulnsPredicate]) -> Result<(), Refusal> {
    let summary = &suite.summary;
    if summary.kind != SuiteKind::Dependencies || summary.verdict != Some(Verdict::Passed) {
        return Ok(());
    }
    let looked_up = |p: &VulnsPredicate| p.scan.coverage.iter().map(|c| c.packages).sum::<usize>() > 0;
    let is_sound = |p: &VulnsPredicate| p.scan.verdict == Verdict::Passed && looked_up(p);
    if scans.len() == summary.counts.total && scans.iter().all(is_sound) {
        return Ok(());
    }
    let why = format!("suite {} passed, and not every scan of it did and looked up packages", summary.name);
    Err(Refusal::UnfoundedPass(why))
}
