//! Says why messages that a suite published cannot have arrived where it waits for them. Pure.

use std::collections::BTreeSet;

use super::matching;
use crate::spec::model::{Binding, ExchangeKind, Vhost};
use crate::spec::routing_key::topic_matches;

/// Most bindings and keys that a sentence names.
const MAX_NAMED: usize = 3;
/// Most messages that are remembered.
const MAX_PUBLISHED: usize = 200;

/// A routing key, or the key of a binding, with its exchange.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Route {
    pub vhost: String,
    pub exchange: String,
    pub key: String,
}

/// Messages of the suite that the broker confirmed.
#[derive(Debug, Default)]
pub(super) struct PublishedMessages(BTreeSet<Route>);

impl PublishedMessages {
    pub fn add(&mut self, message: Route) {
        if self.0.len() < MAX_PUBLISHED {
            self.0.insert(message);
        }
    }

    /// How a queue is bound, if none of the messages to the exchanges that it is bound to can have come that way.
    pub fn missed_by_queue(&self, vhost: &str, declared: &Vhost, queue: &str) -> Option<String> {
        let bindings: Vec<&Binding> = declared.bindings.iter().filter(|b| b.to == queue).collect();
        if bindings.is_empty() {
            return declared.queues.contains_key(queue).then(|| format!("no exchange is bound to {queue}"));
        }
        let keys: BTreeSet<&str> = bindings.iter().flat_map(|b| self.keys(vhost, &b.from)).collect();
        let takes = |key: &&str| bindings.iter().any(|b| takes(declared, &b.from, &b.key, key));
        if keys.is_empty() || keys.iter().any(takes) {
            return None;
        }
        let bound =
            bindings.iter().map(|b| format!("to {} with `{}`", matching::excerpt(&b.from), matching::excerpt(&b.key)));
        Some(format!("{queue} is bound {}, which {} cannot match", named(bound, " and "), published(&keys)))
    }

    /// The binding key of a listen, if none of the messages to its exchange matches it.
    pub fn missed_by_listen(&self, declared: &Vhost, route: &Route) -> Option<String> {
        let Route { vhost, exchange, key } = route;
        let keys: BTreeSet<&str> = self.keys(vhost, exchange).collect();
        if keys.is_empty() || keys.iter().any(|published| takes(declared, exchange, key, published)) {
            return None;
        }
        Some(format!("the listen is bound to {exchange} with `{key}`, which {} cannot match", published(&keys)))
    }

    fn keys<'a>(&'a self, vhost: &'a str, exchange: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |p| p.vhost == vhost && p.exchange == exchange).map(|p| p.key.as_str())
    }
}

/// Returns true unless a message with this key surely does not pass the binding.
fn takes(declared: &Vhost, exchange: &str, binding: &str, key: &str) -> bool {
    match declared.exchanges.get(exchange).map(|e| e.kind) {
        Some(ExchangeKind::Topic) => topic_matches(binding, key),
        Some(ExchangeKind::Direct) => binding == key,
        Some(ExchangeKind::Fanout | ExchangeKind::Headers) | None => true,
    }
}

fn published(keys: &BTreeSet<&str>) -> String {
    let listed = named(keys.iter().map(|key| format!("`{}`", matching::excerpt(key))), ", ");
    format!(
        "{} {listed} of the messages that the suite published",
        if keys.len() == 1 { "the key" } else { "the keys" }
    )
}

fn named(items: impl Iterator<Item = String>, between: &str) -> String {
    let items: Vec<String> = items.collect();
    let more = items.len().saturating_sub(MAX_NAMED);
    let listed = items[..items.len() - more].join(between);
    if more == 0 { listed } else { format!("{listed}{between}{more} more") }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn declared() -> Vhost {
        serde_json::from_value(serde_json::json!({
            "exchanges": { "ex_files": { "type": "topic" }, "all": { "type": "fanout" } },
            "queues": { "q.audit": {}, "q.all": {}, "q.lost": {} },
            "bindings": [
                { "from": "ex_files", "to": "q.audit", "key": "v1.#" },
                { "from": "all", "to": "q.all" },
            ],
        }))
        .unwrap()
    }

    fn published(exchange: &str, key: &str) -> PublishedMessages {
        let mut messages = PublishedMessages::default();
        messages.add(route(exchange, key));
        messages
    }

    fn route(exchange: &str, key: &str) -> Route {
        Route { vhost: "in".into(), exchange: exchange.into(), key: key.into() }
    }

    #[test]
    fn names_bindings_that_cannot_match() {
        let missed = published("ex_files", "k.v1.p11").missed_by_queue("in", &declared(), "q.audit");
        let expected = "q.audit is bound to ex_files with `v1.#`, which the key `k.v1.p11` of the messages that the suite published cannot match";
        assert_eq!(missed.as_deref(), Some(expected));
        let missed = PublishedMessages::default().missed_by_queue("in", &declared(), "q.lost");
        assert_eq!(missed.as_deref(), Some("no exchange is bound to q.lost"));
        let missed = published("ex_files", "a").missed_by_listen(&declared(), &route("ex_files", "b.*"));
        assert!(missed.is_some_and(|m| m.contains("`b.*`, which the key `a`")));
    }

    #[test]
    fn says_nothing_of_what_may_have_arrived() {
        for (messages, queue) in [
            (published("ex_files", "v1.p11"), "q.audit"),
            (published("all", "any"), "q.all"),
            (PublishedMessages::default(), "q.audit"),
            (published("ex_files", "v1.p11"), "undeclared"),
        ] {
            assert_eq!(messages.missed_by_queue("in", &declared(), queue), None);
        }
        let other_vhost = published("ex_files", "k").missed_by_queue("out", &declared(), "q.audit");
        assert_eq!(other_vhost, None);
    }
}
