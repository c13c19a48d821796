//! Services with what they extend. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::import::notes::Notes;
use crate::import::tree::{Tree, Value};

/// Most services that extend one another.
const MAX_DEPTH: usize = 8;
/// Most nodes that all services take over (64 bytes of text count as one more).
const MAX_WEIGHT: usize = 100_000;

type Entries = [(String, Tree)];

/// Every service, with the keys of the service that it extends.
pub(super) fn resolved(root: &Tree, notes: &mut Notes) -> Vec<(String, Tree)> {
    let all = root.get("services").map(Tree::entries).unwrap_or_default();
    let mut resolver =
        Resolver { all: all.iter().map(|(name, tree)| (name.as_str(), tree)).collect(), left: MAX_WEIGHT, notes };
    let services = all.iter().filter(|(_, tree)| matches!(tree.value, Value::Map(_)));
    services.map(|(name, tree)| (name.clone(), resolver.extended(name, tree, 0))).collect()
}

struct Resolver<'a> {
    all: BTreeMap<&'a str, &'a Tree>,
    /// Nodes that may still be taken over.
    left: usize,
    notes: &'a mut Notes,
}

impl Resolver<'_> {
    fn extended(&mut self, name: &str, tree: &Tree, depth: usize) -> Tree {
        let Some(extends) = tree.get("extends") else { return tree.clone() };
        let of = extends.text().or_else(|| extends.word("service")).filter(|_| extends.get("file").is_none());
        let found = of.and_then(|of| Some((of, *self.all.get(of)?))).filter(|_| depth < MAX_DEPTH);
        let mut refused = |why: &str| {
            self.notes.drop(extends.line, format!("{name}.extends"), why);
            tree.clone()
        };
        let Some((of, base)) = found else {
            return refused("other files are not read: import the output of `docker compose config`");
        };
        let weight = weight(base);
        if weight > self.left {
            return refused("services take over too much of each other: import the output of `docker compose config`");
        }
        self.left -= weight;
        let base = self.extended(of, base, depth + 1);
        let mut entries: Vec<_> = tree.entries().iter().filter(|(key, _)| key != "extends").cloned().collect();
        join(&mut entries, base.entries());
        Tree { value: Value::Map(entries), line: tree.line }
    }
}

/// Adds what only the base has, also inside mappings that both have.
fn join(own: &mut Vec<(String, Tree)>, base: &Entries) {
    let places: BTreeMap<String, usize> = own.iter().enumerate().map(|(at, (key, _))| (key.clone(), at)).collect();
    // Compose leaves these to each service.
    let of_base =
        base.iter().filter(|(key, _)| !matches!(key.as_str(), "depends_on" | "links" | "profiles" | "extends"));
    for (key, value) in of_base {
        match places.get(key).map(|at| &mut own[*at].1.value) {
            None => own.push((key.clone(), value.clone())),
            Some(Value::Map(own)) => {
                let known: BTreeSet<String> = own.iter().map(|(key, _)| key.clone()).collect();
                own.extend(value.entries().iter().filter(|(key, _)| !known.contains(key)).cloned());
            }
            Some(_) => {}
        }
    }
}

fn weight(tree: &Tree) -> usize {
    let of_entry = |(key, value): &(String, Tree)| key.len() / 64 + weight(value);
    1 + match &tree.value {
        Value::Null => 0,
        Value::Text(text) => text.len() / 64,
        Value::List(items) => items.iter().map(weight).sum(),
        Value::Map(entries) => entries.iter().map(of_entry).sum(),
    }
}
