//! Names that look like popular ones. Pure.
//!
//! Advice and no verdict: many names that look alike are honest.

use std::collections::BTreeMap;

use strsim::osa_distance;

/// Shortest name that is looked at, in characters: short names are all alike.
const LEAST: usize = 5;

/// Compares names with the popular ones of their ecosystem.
pub struct LookAlikes<'a> {
    popular: &'a [String],
    known: &'a [String],
    /// Places in `popular` by the name, and by the name without each of its characters: two names that differ in one edit have one of
    /// these in common, so that each name is compared with a few others only.
    near: BTreeMap<String, Vec<usize>>,
    /// The first place in `popular` by words, and by the name without what separates them.
    words: BTreeMap<String, usize>,
    bare: BTreeMap<String, usize>,
}

impl<'a> LookAlikes<'a> {
    /// `popular` are normalised names, most popular first; `known` are names that are known to be right.
    pub fn new(popular: &'a [String], known: &'a [String]) -> Self {
        let mut alike = Self { popular, known, near: BTreeMap::new(), words: BTreeMap::new(), bare: BTreeMap::new() };
        for (i, name) in popular.iter().enumerate().filter(|(_, name)| is_long(name)) {
            for key in edits(name) {
                alike.near.entry(key).or_default().push(i);
            }
            alike.words.entry(words(name)).or_insert(i);
            alike.bare.entry(bare(name)).or_insert(i);
        }
        alike
    }

    /// The most popular name that a name could be mistaken for: it differs in one character, in two neighbours that are swapped, in the
    /// order or the separation of its words, or in `py` for `python`.
    pub fn of(&self, name: &str) -> Option<&'a str> {
        if !is_long(name) || self.known.iter().any(|k| k == name) {
            return None;
        }
        let keys = edits(name);
        let candidates = || keys.iter().filter_map(|key| self.near.get(key)).flatten().copied();
        if candidates().any(|i| self.popular[i] == name) {
            return None;
        }
        let near = candidates().filter(|i| osa_distance(name, &self.popular[*i]) == 1);
        let same = [self.words.get(&words(name)), self.bare.get(&bare(name))].into_iter().flatten().copied();
        near.chain(same).min().map(|i| self.popular[i].as_str())
    }
}

fn is_long(name: &str) -> bool {
    name.chars().count() >= LEAST
}

/// A name, and the name without each of its characters.
fn edits(name: &str) -> Vec<String> {
    let without = |at: usize| name.chars().enumerate().filter(|(i, _)| *i != at).map(|(_, c)| c).collect();
    std::iter::once(name.to_owned()).chain((0..name.chars().count()).map(without)).collect()
}

/// The words of a name, sorted, with `py` for `python`.
fn words(name: &str) -> String {
    let mut words: Vec<&str> = name.split(['-', '_', '.']).map(|w| if w == "python" { "py" } else { w }).collect();
    words.sort_unstable();
    words.join("-")
}

/// A name without what separates its words, with `py` for `python`.
fn bare(name: &str) -> String {
    name.replace(['-', '_', '.'], "").replace("python", "py")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_a_name_could_be_mistaken_for() {
        let popular: Vec<String> =
            ["requests", "python-dateutil", "json-logging", "numpy", "six", "pyyaml"].map(str::to_owned).into();
        let known = ["request".to_owned()];
        let alike = LookAlikes::new(&popular, &known);
        for (name, expected) in [
            ("reqests", Some("requests")),
            ("requetss", Some("requests")),
            ("py-dateutil", Some("python-dateutil")),
            ("pydateutil", Some("python-dateutil")),
            ("pythondateutil", Some("python-dateutil")),
            ("logging-json", Some("json-logging")),
            ("numpyy", Some("numpy")),
            // Popular, known to be right, too short, and too different.
            ("requests", None),
            ("request", None),
            ("sixs", None),
            ("rekwests", None),
        ] {
            assert_eq!(alike.of(name), expected, "{name}");
        }
    }
}
