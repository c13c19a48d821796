//! The predicate of a scan of dependencies, from its facts. Pure.

use crate::evidence::predicate::vulns::{
    Annotations, ScanSummary, ScanTimes, Scanner, ScannerDatabase, Severity, Vulnerability, VulnsPredicate,
};
use crate::evidence::predicate::{Context, DigestSet};
use crate::findings::Finding;
use crate::model::Verdict;
use crate::report::facts::{ScanFact, SuiteFact};

/// Who scans.
const SCANNER: &str = "https://dayfly.dev";

/// The predicate; none if the scan is inconclusive: readers of the standard fields would take an empty list for a clean one.
pub(super) fn predicate(context: Context, suite: &SuiteFact, scan: &ScanFact) -> Option<VulnsPredicate> {
    let ScanFact { case, subject, started, finished, result, omitted, sbom } = scan;
    let database = result.database.as_ref().filter(|_| result.verdict != Verdict::Inconclusive)?;
    Some(VulnsPredicate {
        scanner: Scanner {
            uri: SCANNER.into(),
            version: context.runner.version.clone(),
            db: ScannerDatabase {
                uri: database.digest.clone(),
                version: database.sequence.to_string(),
                last_update: database.snapshot,
                verified_by: database.verified_by.clone(),
            },
            result: result.findings.iter().map(vulnerability).collect(),
        },
        metadata: ScanTimes { scan_started_on: *started, scan_finished_on: *finished },
        context,
        scan: ScanSummary {
            suite: suite.name.clone(),
            case: case.clone(),
            kind: subject.kind,
            used_by: subject.used_by.clone(),
            verdict: result.verdict,
            reasons: result.reasons.clone(),
            coverage: result.coverage.clone(),
            omitted: *omitted,
            sbom: sbom.as_deref().map(DigestSet::sha256),
        },
    })
}

fn vulnerability(finding: &Finding) -> Vulnerability {
    let word = Severity { method: "rating".into(), score: finding.severity.word().into() };
    let score = finding.score.map(|score| Severity { method: "cvss".into(), score: score.to_string() });
    let plain = || format!("{}/{}@{}", finding.ecosystem, finding.package, finding.version);
    Vulnerability {
        id: finding.id.clone(),
        severity: [word].into_iter().chain(score).collect(),
        annotations: Annotations {
            aliases: finding.aliases.clone(),
            package: finding.purl.clone().unwrap_or_else(plain),
            fixed_in: finding.fixed_in.clone(),
            fixes_everything: finding.fixes_everything.clone(),
            brought_by: finding.brought_by.clone(),
            malicious: finding.malicious,
            refused: finding.fails,
            waiver: finding.waiver.clone(),
        },
    }
}
