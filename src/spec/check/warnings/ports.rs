//! Steps to ports that no unit declares: a cluster keeps these closed, and the local engine does not.

use std::collections::BTreeSet;

use super::super::access::steps;
use super::super::address::{Address, reached_by};
use super::super::context::Checker;
use crate::spec::backing_services;
use crate::spec::model::{Action, Environment};
use crate::spec::ports::{AMQP_PORTS, POSTGRES_PORT};
use crate::spec::span::FieldPath;

pub(super) fn check(check: &mut Checker<'_>) {
    let mut reported = BTreeSet::new();
    for (name, suite) in &check.environment.suites {
        for (at, step) in steps(&FieldPath::root().key("suites").key(name), suite) {
            let Some(Address { host, port: Some(port) }) = reached_by(&step.action) else { continue };
            let Some(declared) = declared(check.environment, host) else { continue };
            // A unit reaches its own ports, declared or not.
            let is_own = step.from.as_deref() == Some(host);
            if is_own || declared.contains(&port) || !reported.insert((host, port)) {
                continue;
            }
            let at = match step.action {
                Action::Http(_) => at.key("http").key("url"),
                _ => at.key("tcp").key("to"),
            };
            let list: Vec<String> = declared.iter().map(u16::to_string).collect();
            let (only, help) = match list.as_slice() {
                [] => ("no port".to_owned(), format!("add `port: {port}` to `{host}`")),
                ports => (
                    format!("port {} only", ports.join(" and ")),
                    format!("use port {}, or declare {port} with `port`", ports.join(" or ")),
                ),
            };
            let message = format!(
                "`{host}` declares {only}: port {port} is closed in a cluster, although it may be open on a local engine"
            );
            check.diagnostics.warn(&at, message, help);
        }
    }
}

/// Ports that a unit declares; none if there is no such unit.
fn declared(e: &Environment, unit: &str) -> Option<Vec<u16>> {
    if let Some(service) = e.services.get(unit) {
        let ready = service.ready.as_ref().and_then(|r| r.tcp);
        let mut ports: Vec<u16> = service.port.into_iter().chain(ready).collect();
        ports.dedup();
        return Some(ports);
    }
    if let Some(broker) = e.broker.as_ref().filter(|b| b.name == unit) {
        return Some(vec![if broker.tls { AMQP_PORTS.1 } else { AMQP_PORTS.0 }]);
    }
    if let Some(backing) = backing_services::find(e, unit) {
        return Some(vec![backing.kind.profile(unit).port]);
    }
    e.databases.contains_key(unit).then(|| vec![POSTGRES_PORT])
}
