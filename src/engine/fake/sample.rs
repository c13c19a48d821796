//! A plan for tests: services that need each other, and nothing else. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::{Confinement, Limits, Plan, ReadyPlan, Unit, UnitKind};

/// A plan of services with their needs, for tests.
pub fn sample_plan(units: &[(&str, &[&str])]) -> Plan {
    Plan {
        environment: "sample-pr-1".into(),
        description: "sample".into(),
        pr: 1,
        description_digest: "0".repeat(64),
        ttl_secs: 3600,
        units: units.iter().map(|(name, needs)| sample_unit(name, needs)).collect(),
        secrets: BTreeMap::new(),
        broker: None,
        databases: BTreeMap::new(),
        suites: BTreeMap::new(),
    }
}

fn sample_unit(name: &str, needs: &[&str]) -> Unit {
    Unit {
        name: name.into(),
        kind: UnitKind::Service,
        image: format!("localhost/{name}:1"),
        port: Some(8080),
        command: vec![],
        env: BTreeMap::new(),
        files: BTreeMap::new(),
        secrets: vec![],
        tls: false,
        needs: needs.iter().map(|n| (*n).to_owned()).collect(),
        callers: BTreeSet::new(),
        ready: ReadyPlan::Running,
        within_ms: 1000,
        limits: Limits { memory: 1 << 28, cpu_millis: 1000, pids: 256 },
        replicas: 1,
        writable: vec![],
        confinement: Confinement::default(),
        start_late: false,
    }
}
