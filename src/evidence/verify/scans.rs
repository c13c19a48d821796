//! Verifies the statements about scans of dependencies that a run names. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Refusal;
use crate::evidence::predicate::{DigestSet, RawReport, RunScan, RunSuite, Subject, VulnsPredicate};
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
    of_suite: &[RawReport],
    scan: &RunScan,
    sbom: Option<&DigestSet>,
) -> Result<(), Refusal> {
    let Some(sbom) = sbom else { return Ok(()) };
    if !of_suite.iter().any(|r| r.digest == *sbom && r.media_type == CYCLONEDX) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Digest;

    fn document(of: &str) -> String {
        let hash = serde_json::json!({"alg": "SHA-256", "content": of});
        serde_json::json!({"bomFormat": "CycloneDX", "metadata": {"component": {"hashes": [hash]}}}).to_string()
    }

    #[test]
    fn an_sbom_is_of_what_was_scanned_and_among_the_files_of_its_suite() {
        let digest = |text: &str| DigestSet::sha256(&Digest::compute(text).hex());
        let subject = Digest::compute("image").hex();
        let statement_digest = digest("statement");
        let scan = RunScan {
            case: "web".into(),
            name: "web:1".into(),
            digest: DigestSet::sha256(&subject),
            statement_digest,
            number: 1,
        };
        let checked = |text: &str, media_type: &str, is_there: bool| {
            let (named, sha256) = (digest(text), Digest::compute(text).hex());
            let report = RawReport {
                name: "sbom-1.cdx.json".into(),
                media_type: media_type.into(),
                digest: named.clone(),
                size: 1,
            };
            let present = is_there.then(|| (format!("raw/{sha256}"), text.as_bytes().to_vec()));
            check_sbom(&present.into_iter().collect(), &[report], &scan, Some(&named)).map_err(|r| r.to_string())
        };
        let whole = document(&subject);
        assert_eq!(checked(&whole, CYCLONEDX, true), Ok(()));
        assert_eq!(checked(&whole, CYCLONEDX, false), Ok(()), "another check names files that are absent");
        assert!(
            checked(&whole, "text/plain", true).is_err_and(|why| why.contains("is not among the files of its suite"))
        );
        for other in
            [document(&Digest::compute("other").hex()), whole.replace("CycloneDX", "x"), "{}".into(), "<".into()]
        {
            let refused = checked(&other, CYCLONEDX, true);
            assert!(refused.is_err_and(|why| why.contains("is about something else")), "{other}");
        }
        let named = digest(&whole);
        assert!(check_sbom(&BTreeMap::new(), &[], &scan, Some(&named)).is_err());
        assert_eq!(check_sbom(&BTreeMap::new(), &[], &scan, None).map_err(|r| r.to_string()), Ok(()));
    }
}
