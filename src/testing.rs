//! Complete values for tests: a test names the fields that it is about and takes the others with `..`.
#![allow(clippy::unwrap_used)]

mod skip;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

pub use skip::{Requirement, skip};

use crate::engine::EngineKind;
use crate::lease::{Inherited, Lease, Owner};
use crate::lifecycle;
use crate::model::Verdict;
use crate::plan::{Limits, Plan, SuiteExecutor, SuitePlan, Unit, UnitKind};
use crate::report::Facts;
use crate::report::facts::{CaseFact, CaseFailure, Change, Runner, SuiteFact};
use crate::spec::model::{Case, FlakyRule, SuiteKind};

/// A commit id of the usual form.
pub const COMMIT: &str = "4d1f0c2b6a5e4f3d2c1b0a9f8e7d6c5b4a3f2e1d";

/// A service that runs as soon as it is started.
pub fn unit(name: &str) -> Unit {
    let limits = Limits { memory: 1 << 28, cpu_millis: 1000, pids: 256 };
    let blank = Unit::new(name, UnitKind::Service, &format!("localhost/{name}:1"), limits, 0);
    Unit { port: Some(8080), within_ms: 1000, ..blank }
}

/// An acceptance suite of built-in steps.
pub fn suite(name: &str, cases: Vec<Case>) -> SuitePlan {
    SuitePlan {
        files: BTreeMap::new(),
        left_out: false,
        name: name.into(),
        kind: SuiteKind::Acceptance,
        digest: String::new(),
        needs: BTreeSet::new(),
        secrets: vec![],
        parallel: false,
        timeout_ms: 60_000,
        retries: 0,
        may_end: BTreeSet::new(),
        flaky: FlakyRule::default(),
        executor: SuiteExecutor::Steps { cases },
        origin: None,
    }
}

/// The plan of `sample-pr-1` with these units and no suites.
pub fn plan(units: Vec<Unit>) -> Plan {
    Plan {
        environment: "sample-pr-1".into(),
        description: "sample".into(),
        pr: 1,
        description_digest: "0".repeat(64),
        ttl_secs: 3600,
        units,
        secrets: BTreeMap::new(),
        keys: BTreeMap::new(),
        broker: None,
        databases: BTreeMap::new(),
        backing: BTreeMap::new(),
        suites: BTreeMap::new(),
    }
}

/// The plan of services, each with what it needs.
pub fn plan_of(services: &[(&str, &[&str])]) -> Plan {
    let service =
        |(name, needs): &(&str, &[&str])| Unit { needs: needs.iter().map(|n| (*n).into()).collect(), ..unit(name) };
    plan(services.iter().map(service).collect())
}

/// The lease of a run with this plan, made at the beginning of 2026 for four hours.
pub fn lease(plan: Plan) -> Lease {
    Lease {
        environment: plan.environment.clone(),
        run: "01900000-0000-7000-8000-00000000beef".parse().unwrap(),
        commit: COMMIT.into(),
        repository: None,
        requester: None,
        owner: Some(Owner::default()),
        attended: false,
        created: "2026-01-01T00:00:00Z".parse().unwrap(),
        expires: "2026-01-01T04:00:00Z".parse().unwrap(),
        inherited: Inherited::default(),
        plan,
    }
}

/// The facts of a run on the local engine, before anything happened.
pub fn facts(lease: &Lease) -> Facts {
    let change = Change {
        repository: lease.repository.clone(),
        pr: lease.plan.pr,
        commit: lease.commit.clone(),
        ..Change::default()
    };
    lifecycle::facts::initial(lease, Path::new("environment.yaml"), change, Runner::default(), EngineKind::Local)
}

/// A suite that passed, without cases.
pub fn suite_fact(name: &str) -> SuiteFact {
    SuiteFact {
        name: name.into(),
        kind: SuiteKind::Acceptance,
        digest: String::new(),
        verdict: Some(Verdict::Passed),
        reason: None,
        started: jiff::Timestamp::UNIX_EPOCH,
        finished: None,
        cases: vec![],
        scans: vec![],
        may_end: vec![],
        raw: vec![],
        ignored: vec![],
        source: None,
        confinement: None,
        origin: None,
    }
}

/// A case that passed at its first attempt.
pub fn case_fact(id: &str) -> CaseFact {
    CaseFact {
        id: id.into(),
        name: format!("{id} holds"),
        verdict: Some(Verdict::Passed),
        started: None,
        took_ms: 1,
        attempts: 1,
        failed_attempts: 0,
        failures: vec![],
        steps: vec![],
        controls: vec![],
        source: None,
        clues: Default::default(),
    }
}

/// A failed step that waited a millisecond.
pub fn failure(step: &str, expected: &str, got: &str) -> CaseFailure {
    CaseFailure { step: step.into(), expected: expected.into(), got: got.into(), waited_ms: 1, source: None }
}
