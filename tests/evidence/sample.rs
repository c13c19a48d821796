//! A small run as facts: one service, two suites (one with a flaky, one with a failed case), two raw files.
#![allow(dead_code)]

use std::collections::BTreeMap;

use dayfly::engine::{EngineInfo, EngineKind};
use dayfly::evidence::{KeyKind, SigningKey};
use dayfly::model::{Digest, ImageFact, Verdict};
use dayfly::plan::{Confinement, Limits, SuitePlan, UnitKind};
use dayfly::report::Facts;
use dayfly::report::facts::*;
use dayfly::spec::model::SuiteKind;
use dayfly::testing;

pub const COMMIT: &str = "4f1c2a9be0d3c5a7786b1e2f3a4d5c6b7e8f9a01";
pub const IMAGE: &str = "registry.example/file-api:1.2";
pub const JUDGE: &str = "registry.example/acceptance:7";
pub const JUNIT: &str = "<testsuite name=\"acceptance\"/>\n";
pub const LOG: &str = "a line of the log\n";

pub fn key(kind: KeyKind, seed: u8) -> SigningKey {
    SigningKey::from_seed(kind, &[seed; 32]).unwrap()
}

pub fn digest(of: &str) -> String {
    Digest::compute(of).hex()
}

/// A failed run: acceptance passed, security did not.
pub fn failed(run: u128) -> Facts {
    let started = "2026-03-02T08:00:00Z".parse().unwrap();
    let confinement = Confinement {
        user: Some("1000".into()),
        writable_root: true,
        reason: Some("it unpacks itself".into()),
        ..Default::default()
    };
    Facts {
        schema_version: SCHEMA_VERSION,
        links: Default::default(),
        unsigned: false,
        run: uuid::Uuid::from_u128(run).into(),
        environment: "demo-pr-12".into(),
        description: "demo".into(),
        description_digest: digest("description"),
        description_path: "environments/demo/environment.yaml".into(),
        change: Change {
            repository: Some("https://git.example/team/demo".into()),
            pr: 12,
            commit: COMMIT.into(),
            ..Change::default()
        },
        engine: EngineKind::Local,
        engine_info: Some(EngineInfo {
            product: "podman".into(),
            version: "4.3.1".into(),
            endpoint: "unix:///run/podman/podman.sock".into(),
            gaps: vec!["connections to the host itself are not closed".into()],
        }),
        policy: None,
        not_selected: vec![],
        left_out: vec![],
        access_ports: vec![],
        unit_ends: vec![],
        runner: Runner {
            name: "dayfly".into(),
            version: "0.1.0".into(),
            job: Some("https://ci.example/jobs/7".into()),
            actor: None,
        },
        started,
        finished: None,
        requester: Some(Requester {
            namespace: Some("team".into()),
            name: Some("demo".into()),
            uid: Some("0b5e".into()),
            user: Some("https://issuer/alice".into()),
            proven: None,
        }),
        units: vec![UnitFact {
            name: "file-api".into(),
            kind: UnitKind::Service,
            image: IMAGE.into(),
            running_digest: Some(format!("sha256:{}", digest("file-api"))),
            needs: vec![],
            replicas: 1,
            limits: Limits { memory: 1 << 27, cpu_millis: 500, pids: 64 },
            confinement,
            started: Some(started),
            ready: Some(started),
            failure: None,
            last_log: vec![],
        }],
        access: vec![("acceptance".into(), "file-api".into())],
        images: [(IMAGE, "file-api"), (JUDGE, "judge")].into_iter().map(|(r, d)| (r.to_owned(), image(r, d))).collect(),
        suites: vec![
            suite(
                "acceptance",
                SuiteKind::Acceptance,
                Verdict::Passed,
                vec![case("A1", Some(Verdict::Passed), 1), case("A2", Some(Verdict::Passed), 2), case("A3", None, 1)],
                JUNIT,
            ),
            suite(
                "security",
                SuiteKind::Security,
                Verdict::Failed,
                vec![
                    case("S1", Some(Verdict::Passed), 1),
                    case("S2", Some(Verdict::Failed), 1),
                    case("S3", Some(Verdict::Inconclusive), 1),
                ],
                LOG,
            ),
        ],
        events: vec![],
        causes: vec![Cause { kind: CauseKind::SecurityFailed, text: "S2 failed in suite security".into() }],
        residual: vec![],
        removed: None,
        kept: None,
        taken_over: None,
        traces: vec![],
    }
}

/// The same with the failed suite left out: everything passed.
pub fn passed(run: u128) -> Facts {
    let mut facts = failed(run);
    facts.suites.truncate(1);
    facts.causes.clear();
    facts
}

pub fn planned(facts: &Facts) -> Vec<SuitePlan> {
    let plan = |s: &SuiteFact| SuitePlan {
        digest: s.digest.clone(),
        origin: s.origin.clone(),
        ..dayfly::testing::suite(&s.name, vec![])
    };
    facts.suites.iter().map(plan).collect()
}

pub fn raw() -> BTreeMap<String, Vec<u8>> {
    [JUNIT, LOG].into_iter().map(|t| (digest(t), t.as_bytes().to_vec())).collect()
}

fn image(reference: &str, content: &str) -> ImageFact {
    ImageFact {
        reference: reference.into(),
        digest: format!("sha256:{}", digest(content)),
        platform: "linux/amd64".into(),
        user: Some("1000".into()),
        built_from: None,
    }
}

fn suite(name: &str, kind: SuiteKind, verdict: Verdict, cases: Vec<CaseFact>, raw: &str) -> SuiteFact {
    SuiteFact {
        name: name.into(),
        kind,
        digest: digest(name),
        verdict: Some(verdict),
        reason: None,
        started: "2026-03-02T08:01:00Z".parse().unwrap(),
        finished: Some("2026-03-02T08:02:00Z".parse().unwrap()),
        cases,
        scans: vec![],
        may_end: vec![],
        raw: vec![RawFile {
            name: "result".into(),
            media_type: "text/plain".into(),
            sha256: digest(raw),
            size: raw.len() as u64,
            unit: Some(name.into()),
            path: None,
        }],
        ignored: vec![],
        source: Some("environments/demo/environment.yaml:40".into()),
        confinement: Some(Confinement {
            root: true,
            capabilities: vec!["CHOWN".into()],
            reason: Some("it owns its results".into()),
            ..Default::default()
        }),
        origin: None,
    }
}

fn case(id: &str, verdict: Option<Verdict>, attempts: u8) -> CaseFact {
    let failure = CaseFailure {
        step: "GET /admin".into(),
        expected: "403".into(),
        got: "200 \"<ø>\"".into(),
        waited_ms: 12,
        source: None,
    };
    CaseFact {
        verdict,
        took_ms: 12,
        attempts,
        failed_attempts: if verdict == Some(Verdict::Passed) { attempts - 1 } else { 0 },
        failures: if verdict == Some(Verdict::Failed) { vec![failure] } else { vec![] },
        controls: vec!["allowed-where-it-should-be".into()],
        ..testing::case_fact(id)
    }
}
