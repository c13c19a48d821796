//! A small lease for the tests of this folder: `db`, called by two copies of `api` and by `job`; a suite calls `api`.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::wires::{self, Subnet, Subnets};
use crate::lease::Lease;

fn unit(name: &str, callers: &[&str], replicas: u8) -> Value {
    json!({
        "name": name, "kind": "service", "image": "localhost/x:1", "port": null, "command": [], "env": {}, "files": {}, "secrets": [],
        "tls": false, "needs": [], "callers": callers, "ready": {"kind": "running"}, "within_ms": 1, "replicas": replicas, "writable": ["/data", "/tmp"],
        "limits": {"memory": 1048576, "cpu_millis": 250, "pids": 7}, "start_late": false,
        "confinement": {"user": "7", "root": false, "writable_root": false, "capabilities": [], "reason": null},
    })
}

pub fn lease() -> Lease {
    let plan = json!({
        "environment": "e-pr-1", "description": "e", "pr": 1, "description_digest": "", "ttl_secs": 1,
        "units": [unit("db", &["api", "job"], 1), unit("api", &["checks"], 2), unit("job", &[], 1)],
        "secrets": {}, "broker": null, "databases": {}, "suites": {},
    });
    let lease = json!({"environment": "e-pr-1", "run": "0190a000-0000-7000-8000-0000deadbeef", "commit": "", "created": "2024-01-01T00:00:00Z", "expires": "2024-01-01T04:00:00Z", "plan": plan});
    serde_json::from_value(lease).unwrap()
}

/// `10.0.<n>.0/24` for the n-th network.
pub fn subnets(lease: &Lease) -> Subnets {
    let all = wires::of(&lease.plan);
    all.iter().zip(0..).map(|(wire, n)| (wire.name(lease), Subnet { base: [10, 0, n, 0].into(), prefix: 24 })).collect()
}
