//! Steps to ports that no unit declares: a cluster keeps these closed, and the local engine does not.

use std::collections::BTreeSet;

use super::super::access::steps;
use super::super::address::{Address, reached_by};
use super::super::context::Checker;
use crate::spec::model::Action;
use crate::spec::ports;
use crate::spec::span::FieldPath;

pub(super) fn check(check: &mut Checker<'_>) {
    let mut reported = BTreeSet::new();
    for (name, suite) in &check.environment.suites {
        for (at, step) in steps(&FieldPath::root().key("suites").key(name), suite) {
            let Some(Address { host, port: Some(port) }) = reached_by(&step.action) else { continue };
            let Some(declared) = ports::declared(check.environment, host) else { continue };
            let declared: Vec<u16> = declared.iter().map(|d| d.number).collect();
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
                list => (
                    format!("port {} only", list.join(" and ")),
                    format!("use port {}, or declare {port} under `ports`", list.join(" or ")),
                ),
            };
            let message = format!(
                "`{host}` declares {only}: port {port} is closed in a cluster, although it may be open on a local engine"
            );
            check.diagnostics.warn(&at, message, help);
        }
    }
}
