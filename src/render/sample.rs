//! A lease for unit tests: two copies of `api` and `job` call `db`; a suite calls `api`.
#![allow(clippy::unwrap_used)]

use super::links::{self, Subnet, Subnets};
use crate::lease::Lease;
use crate::plan::{Confinement, Limits, Plan, Unit};
use crate::testing;

fn unit(name: &str, callers: &[&str]) -> Unit {
    Unit {
        port: None,
        callers: callers.iter().map(|c| (*c).into()).collect(),
        writable: vec!["/data".into(), "/tmp".into()],
        limits: Limits { memory: 1 << 20, cpu_millis: 250, pids: 7 },
        confinement: Confinement { user: Some("7".into()), ..Confinement::default() },
        ..testing::unit(name)
    }
}

pub fn lease() -> Lease {
    let units = vec![unit("db", &["api", "job"]), Unit { replicas: 2, ..unit("api", &["checks"]) }, unit("job", &[])];
    let plan = Plan { environment: "e-pr-1".into(), description: "e".into(), ..testing::plan(units) };
    Lease { run: "0190a000-0000-7000-8000-0000deadbeef".parse().unwrap(), ..testing::lease(plan) }
}

/// Returns `10.0.<n>.0/24` for the n-th network.
pub fn subnets(lease: &Lease) -> Subnets {
    let all = links::all(&lease.plan);
    all.iter().zip(0..).map(|(link, n)| (link.name(lease), Subnet { base: [10, 0, n, 0].into(), prefix: 24 })).collect()
}
