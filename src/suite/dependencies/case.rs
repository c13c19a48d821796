//! The result of a scan as a case, and as facts of bounded size. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::findings::{Finding, ScanResult, words};
use crate::model::{Verdict, sanitize};
use crate::report::facts::{CaseFact, CaseFailure, ScanFact, ScannedSubject, StepFact, SubjectKind};

/// Most findings of one scan that the facts keep.
pub(super) const MAX_FINDINGS: usize = 500;
/// Most findings of a suite that the facts keep, but for those that each scan may have.
const MAX_OF_SUITE: usize = 2000;
/// Least findings of one scan that the facts keep, if there are as many.
const LEAST_OF_SCAN: usize = 20;
/// Most gaps, undecided advisories and waivers that the facts keep.
const MAX_OTHERS: usize = 100;
/// Most packages with findings that a case names as failures, and most findings of one package.
const MAX_FAILURES: usize = 30;
const MAX_OF_PACKAGE: usize = 10;

/// A scan, before it becomes facts.
pub(super) struct Scanned {
    pub started: Timestamp,
    pub took_ms: u64,
    pub subject: ScannedSubject,
    pub result: ScanResult,
    /// SHA-256 of the raw file with the SBOM.
    pub sbom: Option<String>,
}

/// How many findings the facts keep of each of so many scans.
pub(super) fn findings_of_each(scans: usize) -> usize {
    (MAX_OF_SUITE / scans.max(1)).clamp(LEAST_OF_SCAN, MAX_FINDINGS)
}

/// The result with at most so many findings; the most severe come first.
pub(super) fn bounded(result: &ScanResult, findings: usize) -> ScanResult {
    let mut result = result.clone();
    result.findings.truncate(findings);
    result.gaps.truncate(MAX_OTHERS);
    result.undecided.truncate(MAX_OTHERS);
    // Those that are for something first.
    result.waivers.sort_by_key(|waiver| !waiver.used);
    result.waivers.truncate(MAX_OTHERS);
    result
}

/// The case and the facts of a scan. `source` is the place of the suite; `place` makes the path of a lock file of its name.
pub(super) fn facts(
    (id, name): (String, String),
    scanned: Scanned,
    source: Option<String>,
    kept: usize,
    place: impl Fn(&str) -> String,
) -> (CaseFact, ScanFact) {
    let Scanned { started, took_ms, subject, result, sbom } = scanned;
    let source = match subject.kind {
        SubjectKind::Image => source,
        SubjectKind::LockFile => Some(place(&subject.name)),
    };
    let at = |finding: &Finding| match subject.kind {
        SubjectKind::Image => source.clone(),
        SubjectKind::LockFile => finding.places.first().map(|p| match p.line {
            Some(line) => format!("{}:{line}", place(&p.file)),
            None => place(&p.file),
        }),
    };
    let mut failures = refused(&result, at);
    failures.extend(doubts(&result).map(|reason| CaseFailure {
        step: format!("look up what {} has", sanitize::one_line(&subject.name, 300)),
        expected: "every package to be looked up, by advisories and waivers that hold".into(),
        got: sanitize::one_line(reason, 600),
        waited_ms: 0,
        source: source.clone(),
    }));
    let case = CaseFact {
        id: id.clone(),
        name,
        verdict: Some(result.verdict),
        started: Some(started),
        took_ms,
        attempts: 1,
        failed_attempts: u8::from(result.verdict == Verdict::Failed),
        failures,
        steps: looked_up(&result),
        controls: vec![],
        source,
        clues: Default::default(),
    };
    let omitted = result.findings.len().saturating_sub(kept);
    let finished = Timestamp::now();
    let scan = ScanFact { case: id, subject, started, finished, result: bounded(&result, kept), omitted, sbom };
    (case, scan)
}

/// Why the scan proves less than it should: all reasons but the one that counts findings.
fn doubts(result: &ScanResult) -> impl Iterator<Item = &String> {
    result.reasons.iter().skip(usize::from(result.verdict == Verdict::Failed))
}

/// A failure for each package with findings that the policy refuses.
fn refused(result: &ScanResult, at: impl Fn(&Finding) -> Option<String>) -> Vec<CaseFailure> {
    let mut groups: Vec<Vec<&Finding>> = vec![];
    let mut places = BTreeMap::new();
    for finding in result.findings.iter().filter(|f| f.fails) {
        let place = *places.entry((&finding.ecosystem, &finding.package, &finding.version)).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.push(finding),
            None => groups.push(vec![finding]),
        }
    }
    let more = groups.len().saturating_sub(MAX_FAILURES);
    let expected = "no vulnerability that the policy refuses";
    let failure = |group: &Vec<&Finding>| {
        let first = group.first()?;
        let mut lines: Vec<String> = group.iter().take(MAX_OF_PACKAGE).flat_map(|f| told(f)).collect();
        if group.len() > MAX_OF_PACKAGE {
            lines.push(format!("and {} more", group.len() - MAX_OF_PACKAGE));
        }
        lines.push(format!("at {}", words::places(first)));
        let (step, got) = (words::package(first), lines.join("\n"));
        Some(CaseFailure { step, expected: expected.into(), got, waited_ms: 0, source: at(first) })
    };
    let mut failures: Vec<CaseFailure> = groups.iter().take(MAX_FAILURES).filter_map(failure).collect();
    if more > 0 {
        let got = format!("{more} more package(s) with such vulnerabilities; see the raw file of the scan");
        failures.push(CaseFailure {
            step: "further packages".into(),
            expected: expected.into(),
            got,
            waited_ms: 0,
            source: None,
        });
    }
    failures
}

fn told(finding: &Finding) -> Vec<String> {
    let head = format!("{}: {}", words::severity(finding), words::ids(finding));
    [head].into_iter().chain(words::summary(finding)).chain([words::fix(finding)]).collect()
}

/// What was looked up, by ecosystem; the verdict of each step is that of the case.
fn looked_up(result: &ScanResult) -> Vec<StepFact> {
    let step = |c: &crate::findings::Coverage| StepFact {
        did: format!("look up the packages of {}", c.ecosystem),
        saw: words::coverage(c),
        verdict: result.verdict,
        took_ms: 0,
    };
    result.coverage.iter().map(step).collect()
}
