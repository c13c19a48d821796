//! Names of units: legal host names, each different, and the names by which others know them. Pure.

use std::collections::{BTreeMap, BTreeSet};

/// Longest name of a description, and of a unit.
const DESCRIPTION: usize = 30;
const UNIT: usize = 40;
/// Names that nothing may have.
const TAKEN: [&str; 2] = ["localhost", "smoke"];

/// A legal host name that is like a text.
pub(super) fn label(text: &str, longest: usize, otherwise: &str) -> String {
    let mut name = String::new();
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            c if c.is_ascii_lowercase() || c.is_ascii_digit() => name.push(c),
            _ if !name.ends_with('-') => name.push('-'),
            _ => {}
        }
    }
    let name = name.trim_start_matches(|c: char| !c.is_ascii_lowercase());
    let name: String = name.chars().take(longest).collect();
    let name = name.trim_end_matches('-');
    if name.is_empty() { otherwise.to_owned() } else { name.to_owned() }
}

/// The name of a description.
pub(super) fn description(text: &str) -> String {
    label(text, DESCRIPTION, "imported")
}

/// Names of units, by the names that the input knows.
#[derive(Debug, Default)]
pub(super) struct Names {
    taken: BTreeSet<String>,
    /// Unit by each host name that leads to it.
    hosts: BTreeMap<String, String>,
}

impl Names {
    /// A unit with the name that the input gives it.
    pub(super) fn add(&mut self, original: &str) -> String {
        let base = label(original, UNIT - 3, "unit");
        let mut name = base.clone();
        let mut number = 2;
        while self.taken.contains(&name) || TAKEN.contains(&name.as_str()) {
            name = format!("{base}-{number}");
            number += 1;
        }
        self.taken.insert(name.clone());
        self.alias(original, &name);
        name
    }

    /// Another name of a unit; the first unit of a name counts.
    pub(super) fn alias(&mut self, host: &str, unit: &str) {
        self.hosts.entry(host.to_ascii_lowercase()).or_insert_with(|| unit.to_owned());
    }

    /// The unit that a host name leads to.
    pub(super) fn unit(&self, host: &str) -> Option<&str> {
        self.hosts.get(&host.to_ascii_lowercase()).map(String::as_str)
    }

    /// Host names other than the unit's own that lead to it.
    pub(super) fn others<'a>(&'a self, unit: &'a str) -> impl Iterator<Item = &'a str> {
        self.hosts.iter().filter(move |(host, of)| *of == unit && *host != unit).map(|(host, _)| host.as_str())
    }
}
