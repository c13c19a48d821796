//! Checks the broker: its topology must be complete, and its permissions usable.

use std::collections::BTreeSet;

use super::container::{resources, security};
use super::context::{Checker, is_literal};
use super::stores;
use crate::spec::model::{Broker, BrokerUser, Vhost};
use crate::spec::pattern;
use crate::spec::span::FieldPath;

/// Exchanges that every virtual host has.
const PREDECLARED: [&str; 6] =
    ["amq.direct", "amq.fanout", "amq.topic", "amq.headers", "amq.match", "amq.rabbitmq.trace"];

pub(super) fn check(check: &mut Checker<'_>) {
    let Some(broker) = &check.environment.broker else { return };
    let at = FieldPath::root().key("broker");
    check.image(&at.key("image"), &broker.image);
    stores::broker(check, &at, broker);
    check.callers(&at.key("callers"), &broker.name, &broker.callers);
    check.duration(&at.key("within"), &broker.within);
    resources(check, &at.key("resources"), &broker.resources);
    security(check, &at.key("security"), &broker.security);
    let used: BTreeSet<&String> = broker.users.values().flat_map(|u| u.permissions.keys()).collect();
    for (name, vhost) in &broker.vhosts {
        let at = at.key("vhosts").key(name);
        amqp_name(check, &at, name, "a virtual host");
        topology(check, &at, vhost);
        if !used.contains(name) {
            let help = format!("give a user a permission in `{name}`, or remove the virtual host");
            check.diagnostics.add_key(&at, format!("no user may use the virtual host `{name}`"), help);
        }
    }
    for (name, user) in &broker.users {
        one_user(check, &at.key("users").key(name), name, user, broker);
    }
}

fn topology(check: &mut Checker<'_>, at: &FieldPath, vhost: &Vhost) {
    for (name, exchange) in &vhost.exchanges {
        let at = at.key("exchanges").key(name);
        amqp_name(check, &at, name, "an exchange");
        if let Some(alternate) = &exchange.alternate {
            exchange_of(check, &at.key("alternate"), vhost, alternate);
        }
    }
    for (name, queue) in &vhost.queues {
        let at = at.key("queues").key(name);
        amqp_name(check, &at, name, "a queue");
        if let Some(dead_letter) = queue.dead_letter.as_deref().filter(|d| !d.is_empty()) {
            exchange_of(check, &at.key("deadLetter"), vhost, dead_letter);
        }
    }
    for (i, binding) in vhost.bindings.iter().enumerate() {
        let at = at.key("bindings").index(i);
        exchange_of(check, &at.key("from"), vhost, &binding.from);
        if !vhost.queues.contains_key(&binding.to) && !has_exchange(vhost, &binding.to) {
            let message = format!("this virtual host has no queue or exchange `{}`", binding.to);
            let candidates = vhost.queues.keys().chain(vhost.exchanges.keys()).map(String::as_str);
            check.diagnostics.add_unknown(&at.key("to"), message, &binding.to, candidates);
        }
    }
}

fn has_exchange(vhost: &Vhost, name: &str) -> bool {
    vhost.exchanges.contains_key(name) || PREDECLARED.contains(&name)
}

fn exchange_of(check: &mut Checker<'_>, at: &FieldPath, vhost: &Vhost, name: &str) {
    if !has_exchange(vhost, name) {
        let message = format!("this virtual host has no exchange `{name}`");
        check.diagnostics.add_unknown(at, message, name, vhost.exchanges.keys().map(String::as_str));
    }
}

fn amqp_name(check: &mut Checker<'_>, at: &FieldPath, name: &str, of: &str) {
    let too_long = name.len() > 200;
    if name.is_empty() || too_long || name.chars().any(char::is_control) {
        check.diagnostics.add_key(
            at,
            format!("`{name}` cannot be the name of {of}"),
            "use 1 to 200 printable characters",
        );
    } else if name.starts_with("amq.") || name.starts_with("dayfly.") {
        let help = "names that begin with `amq.` belong to RabbitMQ, those with `dayfly.` to the suites";
        check.diagnostics.add_key(at, format!("`{name}` is a reserved name"), help);
    }
}

fn one_user(check: &mut Checker<'_>, at: &FieldPath, name: &str, user: &BrokerUser, broker: &Broker) {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name == "guest" {
        let help = "it is RabbitMQ's well-known default user and is never created; choose another name";
        check.diagnostics.add_key(at, "the user `guest` cannot be declared", help);
    } else if name.is_empty() || name.len() > 63 || name.starts_with('.') || !name.chars().all(legal) {
        let help = "use at most 63 letters, digits, `-`, `_` and `.`";
        check.diagnostics.add_key(at, format!("`{name}` cannot be the name of a user"), help);
    }
    for (vhost, permission) in &user.permissions {
        let at = at.key("permissions").key(vhost);
        if !broker.vhosts.contains_key(vhost) {
            let message = format!("there is no virtual host `{vhost}`");
            check.diagnostics.add_unknown(&at, message, vhost, broker.vhosts.keys().map(String::as_str));
        }
        for (what, pattern) in
            [("configure", &permission.configure), ("write", &permission.write), ("read", &permission.read)]
        {
            if check.diagnostics.is_full() {
                return;
            }
            if let Err(why) = pattern::compile(pattern) {
                let help = format!(
                    "{why}; write a regular expression such as `^ex_files$`, or an empty text to allow nothing"
                );
                check.diagnostics.add(
                    &at.key(what),
                    format!("the pattern `{pattern}` is not a regular expression"),
                    help,
                );
            }
        }
    }
}

/// Finds a virtual host, or reports that there is none.
pub(super) fn vhost<'a>(check: &mut Checker<'a>, at: &FieldPath, name: &str) -> Option<&'a Vhost> {
    let Some(broker) = &check.environment.broker else {
        check.diagnostics.add(at, "the description has no broker", "declare one under `broker`");
        return None;
    };
    let vhost = broker.vhosts.get(name);
    if vhost.is_none() && is_literal(name) {
        let message = format!("there is no virtual host `{name}`");
        check.diagnostics.add_unknown(&at.key("vhost"), message, name, broker.vhosts.keys().map(String::as_str));
    }
    vhost
}

/// Checks that a virtual host has a queue.
pub(super) fn queue(check: &mut Checker<'_>, at: &FieldPath, vhost: &str, queue: &str) {
    let Some(found) = self::vhost(check, at, vhost) else { return };
    if !found.queues.contains_key(queue) && is_literal(queue) {
        let message = format!("the virtual host `{vhost}` has no queue `{queue}`");
        check.diagnostics.add_unknown(&at.key("queue"), message, queue, found.queues.keys().map(String::as_str));
    }
}

/// Checks that a virtual host has an exchange; the empty name is the default exchange.
pub(super) fn exchange(check: &mut Checker<'_>, at: &FieldPath, vhost: &str, exchange: &str) {
    let Some(found) = self::vhost(check, at, vhost) else { return };
    if !exchange.is_empty() && !has_exchange(found, exchange) && is_literal(exchange) {
        let message = format!("the virtual host `{vhost}` has no exchange `{exchange}`");
        check.diagnostics.add_unknown(
            &at.key("exchange"),
            message,
            exchange,
            found.exchanges.keys().map(String::as_str),
        );
    }
}

/// Checks that a user is declared.
pub(super) fn user(check: &mut Checker<'_>, at: &FieldPath, name: &str) {
    let Some(broker) = &check.environment.broker else { return };
    if !broker.users.contains_key(name) && is_literal(name) {
        let message = format!("the broker has no user `{name}`");
        check.diagnostics.add_unknown(&at.key("user"), message, name, broker.users.keys().map(String::as_str));
    }
}
