//! Bindings that match no routing key, and messages that no queue receives.

use std::collections::{BTreeMap, BTreeSet};

use super::super::access::steps;
use super::super::context::{Checker, is_literal};
use crate::spec::model::{Action, AmqpOperation, Environment, ExchangeKind, Publish, Vhost};
use crate::spec::routing_key::{blunted_wildcard, has_wildcard, topic_matches};
use crate::spec::span::FieldPath;

/// Routing keys by virtual host and exchange.
type Keys<'a> = BTreeMap<(&'a str, &'a str), BTreeSet<&'a str>>;
/// Most keys that a diagnostic lists.
const MAX_LISTED: usize = 5;
/// Most exchanges, queues and bindings of a virtual host that is looked at: the work grows with their product.
const MAX_TOPOLOGY: usize = 400;

pub(super) fn check(check: &mut Checker<'_>) {
    let e = check.environment;
    let Some(broker) = &e.broker else { return };
    let keys = named_keys(e);
    for (name, vhost) in broker.vhosts.iter().filter(|(_, vhost)| !is_large(vhost)) {
        bindings(check, name, vhost, &keys);
    }
    for (suite, of) in &e.suites {
        let mut listened = BTreeSet::new();
        for (at, step) in steps(&FieldPath::root().key("suites").key(suite), of) {
            match &step.action {
                Action::Listen(listen) => drop(listened.insert((listen.vhost.as_str(), listen.exchange.as_str()))),
                Action::Publish(publish) => unrouted(check, &at.key("publish"), publish, &listened),
                _ => {}
            }
        }
    }
}

fn is_large(vhost: &Vhost) -> bool {
    vhost.exchanges.len() + vhost.queues.len() + vhost.bindings.len() > MAX_TOPOLOGY
}

fn kind(vhost: &Vhost, exchange: &str) -> Option<ExchangeKind> {
    let predeclared = || match exchange {
        "amq.topic" => Some(ExchangeKind::Topic),
        "amq.direct" => Some(ExchangeKind::Direct),
        "amq.fanout" => Some(ExchangeKind::Fanout),
        _ => None,
    };
    vhost.exchanges.get(exchange).map(|e| e.kind).or_else(predeclared)
}

fn bindings(check: &mut Checker<'_>, name: &str, vhost: &Vhost, keys: &Keys<'_>) {
    for (i, binding) in vhost.bindings.iter().enumerate() {
        let at = FieldPath::root().key("broker").key("vhosts").key(name).key("bindings").index(i).key("key");
        let Some(kind @ (ExchangeKind::Topic | ExchangeKind::Direct)) = kind(vhost, &binding.from) else { continue };
        if kind == ExchangeKind::Direct && has_wildcard(&binding.key) {
            let message = format!("`{}` matches only itself: `{}` is a direct exchange", binding.key, binding.from);
            check.diagnostics.warn(&at, message, "declare the exchange with `type: topic` for patterns");
            continue;
        }
        if let Some(word) = blunted_wildcard(&binding.key).filter(|_| kind == ExchangeKind::Topic) {
            let message =
                format!("`{word}` matches only itself: `*` and `#` stand for words only where they stand alone");
            check.diagnostics.warn(&at, message, "separate the wildcard by a dot, such as `k.v1.#`");
            continue;
        }
        let Some(named) = reaching(vhost, name, &binding.from, keys) else { continue };
        if !named.is_empty() && !named.iter().any(|key| takes(kind, &binding.key, key)) {
            let listed: Vec<&str> = named.iter().copied().take(MAX_LISTED).collect();
            let more = if named.len() > MAX_LISTED {
                format!(" and {} more", named.len() - MAX_LISTED)
            } else {
                String::new()
            };
            let message =
                format!("`{}` matches no routing key that the description names for `{}`", binding.key, binding.from);
            let help = format!(
                "the steps of suites name `{}`{more}; if a service publishes others, all is well",
                listed.join("`, `")
            );
            check.diagnostics.warn(&at, message, help);
        }
    }
}

fn takes(kind: ExchangeKind, pattern: &str, key: &str) -> bool {
    match kind {
        ExchangeKind::Topic => topic_matches(pattern, key),
        ExchangeKind::Direct => pattern == key,
        ExchangeKind::Fanout | ExchangeKind::Headers => true,
    }
}

/// Keys with which messages reach an exchange, by itself or from other exchanges; none if messages with any key may.
fn reaching<'a>(vhost: &'a Vhost, name: &'a str, exchange: &'a str, keys: &Keys<'a>) -> Option<BTreeSet<&'a str>> {
    let (mut seen, mut open, mut found) = (BTreeSet::from([exchange]), vec![exchange], BTreeSet::new());
    while let Some(exchange) = open.pop() {
        let is_alternate = vhost.exchanges.values().any(|e| e.alternate.as_deref() == Some(exchange));
        if is_alternate || vhost.queues.values().any(|q| q.dead_letter.as_deref() == Some(exchange)) {
            return None;
        }
        found.extend(keys.get(&(name, exchange)).into_iter().flatten());
        let sources = vhost.bindings.iter().filter(|b| b.to == exchange && !vhost.queues.contains_key(&b.to));
        open.extend(sources.map(|b| b.from.as_str()).filter(|from| seen.insert(from)));
    }
    Some(found)
}

/// Routing keys that steps publish or expect, as far as they are known before the run.
fn named_keys(e: &Environment) -> Keys<'_> {
    let mut keys = Keys::new();
    for (name, suite) in &e.suites {
        let mut listens = BTreeMap::new();
        for (_, step) in steps(&FieldPath::root().key("suites").key(name), suite) {
            let (place, key) = match &step.action {
                Action::Publish(of) => ((of.vhost.as_str(), of.exchange.as_str()), of.key.as_str()),
                Action::AmqpTry(of) if of.operation == AmqpOperation::Publish && !of.refused => {
                    ((of.vhost.as_str(), of.exchange.as_str()), of.key.as_str())
                }
                Action::Listen(of) => {
                    listens.insert(of.name.as_str(), (of.vhost.as_str(), of.exchange.as_str()));
                    continue;
                }
                Action::Expect(of) => match (of.on.as_ref().and_then(|on| listens.get(on.as_str())), &of.key) {
                    (Some(place), Some(key)) if of.count > 0 => (*place, key.as_str()),
                    _ => continue,
                },
                _ => continue,
            };
            if is_literal(key) && is_literal(place.0) && is_literal(place.1) {
                keys.entry(place).or_default().insert(key);
            }
        }
    }
    keys
}

/// Warns of a message that fails its step because no queue receives it.
fn unrouted(check: &mut Checker<'_>, at: &FieldPath, publish: &Publish, listened: &BTreeSet<(&str, &str)>) {
    let (vhost, exchange, key) = (publish.vhost.as_str(), publish.exchange.as_str(), publish.key.as_str());
    let broker = check.environment.broker.as_ref();
    let Some(declared) = broker.and_then(|b| b.vhosts.get(vhost)).filter(|vhost| !is_large(vhost) && is_literal(key))
    else {
        return;
    };
    if publish.unrouted || exchange.is_empty() || kind(declared, exchange).is_none() {
        return;
    }
    let (mut seen, mut open) = (BTreeSet::from([exchange]), vec![exchange]);
    while let Some(exchange) = open.pop() {
        let (Some(kind), false) = (kind(declared, exchange), listened.contains(&(vhost, exchange))) else { return };
        let takers: Vec<&str> = declared
            .bindings
            .iter()
            .filter(|b| b.from == exchange && takes(kind, &b.key, key))
            .map(|b| b.to.as_str())
            .collect();
        if takers.iter().any(|to| declared.queues.contains_key(*to)) {
            return;
        }
        let alternate = declared.exchanges.get(exchange).and_then(|e| e.alternate.as_deref());
        let next = takers.into_iter().chain(alternate);
        open.extend(next.filter(|to| seen.insert(to)));
    }
    let message =
        format!("no queue receives a message with the key `{key}` from `{exchange}`, so that this step fails");
    let help = "correct `key`, add a binding to a queue, or write `unrouted: true` if it must not arrive";
    check.diagnostics.warn(&at.key("key"), message, help);
}
