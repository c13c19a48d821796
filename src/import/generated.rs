//! Secrets of the draft, by the value that each takes the place of. Pure.

use std::collections::{BTreeMap, BTreeSet};

/// Names of the draft's secrets.
#[derive(Debug, Default)]
pub(super) struct Secrets {
    of_value: BTreeMap<String, String>,
    taken: BTreeSet<String>,
    /// The number after the last one, by the name without it.
    numbers: BTreeMap<String, usize>,
    /// Names to declare under `secrets`.
    pub(super) declared: Vec<String>,
}

impl Secrets {
    /// A value that stands for a password of the broker or of a database.
    pub(super) fn known(&mut self, value: &str, name: &str) {
        if !value.is_empty() {
            self.of_value.entry(value.to_owned()).or_insert_with(|| name.to_owned());
        }
    }

    /// The secret in place of a value; another one for each value, and for each variable if there is none.
    pub(super) fn of(&mut self, variable: &str, value: &str) -> String {
        let key = if value.is_empty() { format!("\0{variable}") } else { value.to_owned() };
        if let Some(name) = self.of_value.get(&key) {
            return name.clone();
        }
        let name = self.fresh(plain(variable, false));
        self.declare(&name);
        self.of_value.insert(key, name.clone());
        name
    }

    /// Declares a secret of this name, which names a file.
    pub(super) fn named(&mut self, name: &str) -> String {
        let name = plain(name, true);
        self.declare(&name);
        name
    }

    fn declare(&mut self, name: &str) {
        if self.taken.insert(name.to_owned()) {
            self.declared.push(name.to_owned());
        }
    }

    fn fresh(&mut self, base: String) -> String {
        if !self.taken.contains(&base) {
            return base;
        }
        let number = self.numbers.entry(base.clone()).or_insert(2);
        loop {
            let name = format!("{base}-{number}");
            *number += 1;
            if !self.taken.contains(&name) {
                return name;
            }
        }
    }
}

/// A legal name of a secret.
fn plain(text: &str, keep: bool) -> String {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || (keep && c == '_');
    let text: String = text.chars().map(|c| if legal(c) { c } else { '-' }).take(50).collect();
    let text = if keep { text } else { text.to_ascii_lowercase() };
    let text = text.trim_matches(['-', '_']).to_owned();
    if text.is_empty() { "secret".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_has_one_name_of_its_own() {
        let mut secrets = Secrets::default();
        secrets.known("db-password", "db.app");
        assert_eq!(secrets.of("TOKEN", "a"), "token");
        assert_eq!(secrets.of("TOKEN", "b"), "token-2");
        assert_eq!(secrets.named("token-3"), "token-3");
        assert_eq!(secrets.of("TOKEN", "c"), "token-4");
        assert_eq!((secrets.of("X", "a"), secrets.of("X", "db-password")), ("token".into(), "db.app".into()));
        for n in 0..50_000 {
            secrets.of("TOKEN", &format!("value {n}"));
        }
        assert_eq!(secrets.declared.len(), 50_004);
    }
}
