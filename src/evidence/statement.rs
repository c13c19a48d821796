//! Builds statements from the facts of a run. Pure: the same facts give the same bytes.
//!
//! The test-result predicate knows PASSED, WARNED and FAILED only. Inconclusive, error and abort become FAILED,
//! because a consumer must not take them for a pass; `outcome` holds the exact word. A case that passed at a
//! later attempt stays PASSED, as it does in dayfly's exit code, so that two readers of one run never disagree;
//! it is named in `warnedTests` and in no other list, so a stricter policy can refuse it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::EvidenceError;
use super::predicate::*;
use crate::engine::EngineKind;
use crate::model::{Digest, Outcome, SourceRef, SuiteOrigin, Verdict, is_hex};
use crate::plan::{Confinement, SuitePlan};
use crate::report::Facts;
use crate::report::counts::is_flaky;
use crate::report::facts::{CaseFact, RawFile, SuiteFact, UnitFact};
use crate::report::sources;

mod vulns;

/// A statement ready to be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// Canonical JSON: keys sorted, no white space.
    pub bytes: Vec<u8>,
    /// Its SHA-256 in lower-case hexadecimal.
    pub sha256: String,
}

/// The opening entry, with the planned suites.
pub fn opened<'a>(facts: &Facts, planned: impl IntoIterator<Item = &'a SuitePlan>) -> Result<Payload, EvidenceError> {
    let planned = planned.into_iter().map(|s| PlannedSuite {
        named: Named { name: s.name.clone(), digest: DigestSet::sha256(&s.digest) },
        origin: s.origin.as_ref().map(origin),
    });
    let planned_suites = planned.collect();
    payload(facts, RUN_OPENED, &Opened { context: context(facts), planned_suites })
}

/// The statement of one suite.
pub fn suite(facts: &Facts, suite: &SuiteFact) -> Result<Payload, EvidenceError> {
    let passed = suite.verdict == Some(Verdict::Passed);
    let predicate = SuitePredicate {
        scope: Scope::Suite,
        test: test_result(facts, passed, std::slice::from_ref(suite), |_, case| case.id.clone()),
        context: context(facts),
        suite: summary(suite),
        cases: suite.cases.iter().map(case).collect(),
    };
    payload(facts, TEST_RESULT, &predicate)
}

/// The statement of one scan, and how the run's statement names it. None if the scan is inconclusive, or if what it
/// looked at has no digest.
pub fn scan(facts: &Facts, suite: &SuiteFact, number: usize) -> Result<Option<(RunScan, Payload)>, EvidenceError> {
    let Some(scan) = number.checked_sub(1).and_then(|place| suite.scans.get(place)) else { return Ok(None) };
    let digest = scan.subject.digest.as_ref().and_then(|d| d.parse::<Digest>().ok());
    let (Some(digest), Some(predicate)) = (digest, vulns::predicate(context(facts), suite, scan)) else {
        return Ok(None);
    };
    refuse_fake(facts)?;
    let (name, digest) = (scan.subject.name.clone(), DigestSet::sha256(&digest.hex()));
    let payload = signable(vec![Subject { name: name.clone(), digest: digest.clone() }], VULNS, &predicate)?;
    let statement_digest = DigestSet::sha256(&payload.sha256);
    Ok(Some((RunScan { case: scan.case.clone(), name, digest, statement_digest, number }, payload)))
}

/// The statements of all scans of a suite.
pub fn scans(facts: &Facts, suite: &SuiteFact) -> Result<Vec<(RunScan, Payload)>, EvidenceError> {
    (1..=suite.scans.len()).filter_map(|number| scan(facts, suite, number).transpose()).collect()
}

/// The statement of the whole run. `statements` are the digests of the suites' payloads by suite name,
/// `report` is the digest of `report.json`, `opened` that of the opening entry's payload.
pub fn run(
    facts: &Facts,
    statements: &BTreeMap<String, String>,
    report: &str,
    opened: Option<&str>,
) -> Result<Payload, EvidenceError> {
    let outcome = facts.outcome();
    let bound = |s: &SuiteFact| {
        Ok(RunSuite {
            summary: summary(s),
            statement_digest: statements.get(&s.name).map(|d| DigestSet::sha256(d)).unwrap_or_default(),
            scans: scans(facts, s)?.into_iter().map(|(scan, _)| scan).collect(),
        })
    };
    let predicate = RunPredicate {
        scope: Scope::Run,
        test: test_result(facts, outcome == Outcome::Passed, &facts.suites, |suite, case| {
            format!("{}/{}", suite.name, case.id)
        }),
        context: context(facts),
        outcome,
        causes: facts.causes.clone(),
        finished_on: facts.finished,
        images: images(facts),
        sources: sources::claims(facts),
        with: facts.change.with.clone(),
        units: facts.units.iter().map(unit).collect(),
        access: facts.access.iter().map(|(from, to)| Access { from: from.clone(), to: to.clone() }).collect(),
        suites: facts.suites.iter().map(bound).collect::<Result<_, EvidenceError>>()?,
        not_selected: facts.not_selected.clone(),
        left_out: facts.left_out.clone(),
        unit_ends: facts.unit_ends.clone(),
        traces: facts.traces.iter().map(raw_report).collect(),
        taken_over: facts.taken_over.clone(),
        teardown: Teardown { removed_on: facts.removed, residual: facts.residual.clone(), kept: facts.kept.clone() },
        report_digest: DigestSet::sha256(report),
        opened_digest: opened.map(DigestSet::sha256),
    };
    payload(facts, TEST_RESULT, &predicate)
}

fn payload(facts: &Facts, predicate_type: &str, predicate: &impl Serialize) -> Result<Payload, EvidenceError> {
    refuse_fake(facts)?;
    signable(subjects(facts), predicate_type, predicate)
}

fn refuse_fake(facts: &Facts) -> Result<(), EvidenceError> {
    if facts.engine == EngineKind::Fake { Err(EvidenceError::Fake) } else { Ok(()) }
}

/// Encodes a statement about these subjects.
pub fn signable(
    subject: Vec<Subject>,
    predicate_type: &str,
    predicate: &impl Serialize,
) -> Result<Payload, EvidenceError> {
    let statement =
        Statement { kind: STATEMENT_TYPE.into(), subject, predicate_type: predicate_type.into(), predicate };
    // `Value` sorts its maps, so that the order of struct fields does not change digests.
    let value = serde_json::to_value(&statement).map_err(|e| EvidenceError::Encode(e.to_string()))?;
    let bytes = value.to_string().into_bytes();
    let sha256 = Digest::compute(&bytes).hex();
    Ok(Payload { bytes, sha256 })
}

/// The images of units (not of suites, which are not under test), the commit and the description. An image without a
/// known digest cannot be a subject; the predicate names it all the same.
fn subjects(facts: &Facts) -> Vec<Subject> {
    let tested: BTreeSet<&str> = facts.units.iter().map(|u| u.image.as_str()).collect();
    let images = facts.images.iter().filter(|(reference, _)| tested.contains(reference.as_str())).filter_map(
        |(reference, i)| {
            let digest: Digest = i.digest.parse().ok()?;
            Some(Subject { name: reference.clone(), digest: DigestSet::sha256(&digest.hex()) })
        },
    );
    let commit =
        Some(facts.change.commit.to_ascii_lowercase()).filter(|c| is_hex(c, 40) || is_hex(c, 64)).map(|hex| Subject {
            name: facts.change.repository.clone().unwrap_or_else(|| "head commit".into()),
            digest: DigestSet { sha256: None, git_commit: Some(hex) },
        });
    let description = Subject { name: "description".into(), digest: DigestSet::sha256(&facts.description_digest) };
    images.chain(commit).chain([description]).collect()
}

fn context(facts: &Facts) -> Context {
    let info = facts.engine_info.as_ref();
    Context {
        schema_version: facts.schema_version,
        run_id: facts.run,
        repo: facts.change.repository.clone().map(|uri| Repo { uri }),
        pr: PullRequest { number: facts.change.pr, head_sha: facts.change.commit.clone() },
        environment: Environment {
            id: facts.environment.clone(),
            description: facts.description.clone(),
            description_digest: DigestSet::sha256(&facts.description_digest),
            engine: facts.engine,
            engine_version: info.map(|i| format!("{} {}", i.product, i.version)),
            engine_cannot: info.map(|i| i.gaps.clone()).unwrap_or_default(),
        },
        policy: facts.policy.as_ref().map(|p| Policy { uri: p.uri.clone(), digest: DigestSet::sha256(&p.digest) }),
        runner: RunnerId { name: facts.runner.name.clone(), version: facts.runner.version.clone() },
        actor: facts.runner.actor.clone(),
        requester: facts.requester.clone(),
        declared: facts.requester.iter().flat_map(|_| facts.declared()).map(str::to_owned).collect(),
        started_on: facts.started,
    }
}

fn test_result(
    facts: &Facts,
    passed: bool,
    suites: &[SuiteFact],
    name: impl Fn(&SuiteFact, &CaseFact) -> String,
) -> TestResult {
    let description =
        Named { name: facts.description_path.clone(), digest: DigestSet::sha256(&facts.description_digest) };
    let parts =
        suites.iter().map(|s| Named { name: format!("suite {}", s.name), digest: DigestSet::sha256(&s.digest) });
    let list = |keep: fn(&CaseFact) -> bool| {
        suites.iter().flat_map(|s| s.cases.iter().filter(|c| keep(c)).map(|c| name(s, c))).collect()
    };
    TestResult {
        result: if passed { TestOutcome::Passed } else { TestOutcome::Failed },
        configuration: std::iter::once(description).chain(parts).collect(),
        url: facts.runner.job.clone(),
        passed_tests: list(|c| c.verdict == Some(Verdict::Passed) && !is_flaky(c)),
        warned_tests: list(is_flaky),
        failed_tests: list(|c| matches!(c.verdict, Some(Verdict::Failed | Verdict::Inconclusive))),
    }
}

fn summary(suite: &SuiteFact) -> SuiteSummary {
    let count = |v| suite.cases.iter().filter(|c| c.verdict == v).count();
    SuiteSummary {
        name: suite.name.clone(),
        kind: suite.kind,
        digest: DigestSet::sha256(&suite.digest),
        source: suite.source.clone(),
        verdict: suite.verdict,
        reason: suite.reason.clone(),
        started_on: suite.started,
        finished_on: suite.finished,
        counts: Counts {
            total: suite.cases.len(),
            passed: count(Some(Verdict::Passed)),
            failed: count(Some(Verdict::Failed)),
            inconclusive: count(Some(Verdict::Inconclusive)),
            skipped: count(None),
            flaky: suite.cases.iter().filter(|c| is_flaky(c)).count(),
        },
        raw_reports: suite.raw.iter().map(raw_report).collect(),
        departure: suite.confinement.as_ref().and_then(departure),
        origin: suite.origin.as_ref().map(origin),
    }
}

fn origin(origin: &SuiteOrigin) -> Origin {
    let SourceRef { from, commit, path, digest } = origin.source_ref.clone();
    Origin {
        source_ref: SuiteSourceRef { from, commit, path, digest: DigestSet::sha256(&digest) },
        changed_in_pr: origin.changed_in_pr,
        lost_cases: origin.lost_cases.clone(),
    }
}

fn raw_report(file: &RawFile) -> RawReport {
    RawReport {
        name: file.name.clone(),
        media_type: file.media_type.clone(),
        digest: DigestSet::sha256(&file.sha256),
        size: file.size,
    }
}

fn case(case: &CaseFact) -> CaseSummary {
    CaseSummary {
        id: case.id.clone(),
        name: case.name.clone(),
        verdict: case.verdict,
        attempts: case.attempts,
        failed_attempts: case.failed_attempts,
        took_ms: case.took_ms,
        controls: case.controls.clone(),
        failures: case.failures.clone(),
    }
}

fn images(facts: &Facts) -> Vec<Image> {
    let image = |i: &crate::model::ImageFact| Image {
        reference: i.reference.clone(),
        digest: i.digest.clone(),
        platform: i.platform.clone(),
    };
    facts.images.values().map(image).collect()
}

fn unit(unit: &UnitFact) -> UnitSummary {
    UnitSummary {
        name: unit.name.clone(),
        kind: unit.kind,
        image: unit.image.clone(),
        running_digest: unit.running_digest.clone(),
        departure: departure(&unit.confinement),
    }
}

fn departure(c: &Confinement) -> Option<Departure> {
    (!c.departures().is_empty()).then(|| Departure {
        root: c.root,
        writable_root: c.writable_root,
        capabilities: c.capabilities.clone(),
        reason: c.reason.clone(),
    })
}
