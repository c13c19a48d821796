//! Checks that suites may call what their steps must reach.

use std::collections::BTreeSet;

use super::address;
use super::context::Checker;
use crate::spec::model::{Action, Environment, Suite};
use crate::spec::ports;
use crate::spec::span::FieldPath;
pub(super) use crate::spec::step_files::steps;

/// The unit that a step must reach to pass, and the path of what says so.
pub(super) fn unit_reached<'a>(at: &FieldPath, action: &'a Action, e: &'a Environment) -> Option<(FieldPath, &'a str)> {
    let broker = |key: &str| e.broker.as_ref().map(|b| (at.key(key), b.name.as_str()));
    match action {
        Action::AmqpLogin(_) => broker("amqpLogin"),
        Action::Publish(_) => broker("publish"),
        Action::Listen(_) => broker("listen"),
        Action::Expect(of) if of.queue.is_some() => broker("expect"),
        Action::AmqpTry(_) => broker("amqpTry"),
        Action::QueueDepth(_) => broker("queueDepth"),
        Action::Sql(sql) => Some((at.key("sql"), sql.database.as_str())),
        Action::Redis(redis) => Some((at.key("redis"), redis.service.as_str())),
        Action::S3(s3) => Some((at.key("s3"), s3.service.as_str())),
        Action::Http(_) => address::reached_by(action).map(|to| (at.key("http").key("url"), to.host)),
        Action::Tcp(_) => address::reached_by(action).map(|to| (at.key("tcp").key("to"), to.host)),
        Action::Resolve(_) => address::reached_by(action).map(|to| (at.key("resolve").key("host"), to.host)),
        _ => None,
    }
}

/// The port of a unit that a step must reach and its position may not call, although it may call others of that unit.
pub(super) fn closed_port(check: &Checker<'_>, position: &str, action: &Action) -> Option<u16> {
    let address::Address { host, port: Some(port) } = address::reached_by(action)? else { return None };
    check.only_ports(position, host).filter(|ports| !ports.contains(&port)).map(|_| port)
}

/// Reports the first step of the suite that cannot reach a unit, for each unit.
pub(super) fn check(check: &mut Checker<'_>, at: &FieldPath, name: &str, suite: &Suite) {
    let needs_are_wrong = check.diagnostics.is_unsound(&at.key("needs"))
        || suite.needs.iter().any(|need| !check.units.contains(ports::name_of(need)));
    if needs_are_wrong {
        return;
    }
    let mut reported = BTreeSet::new();
    for (at, step) in steps(at, suite).filter(|(_, step)| step.from.is_none()) {
        let Some((at, unit)) = unit_reached(&at, &step.action, check.environment) else { continue };
        if let Some(port) = closed_port(check, name, &step.action) {
            if reported.insert((unit, Some(port))) {
                let message =
                    format!("the suite `{name}` may not call port {port} of `{unit}`, so that this step cannot work");
                let help = format!("add `{unit}:{port}` to the `needs` of the suite, or `{unit}` for all its ports");
                check.diagnostics.add(&at, message, help);
            }
            continue;
        }
        if !check.units.contains(unit) || check.may_call(name, unit) || !reported.insert((unit, None)) {
            continue;
        }
        let message = format!("the suite `{name}` may not call `{unit}`, so that this step cannot work");
        let help =
            format!("add `{unit}` to the `needs` of the suite, or write `from` with a service that may call `{unit}`");
        check.diagnostics.add(&at, message, help);
    }
}
