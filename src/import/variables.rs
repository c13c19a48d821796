//! Variables of Compose files: `$NAME`, `${NAME:-default}` and their kin. Pure.

use std::collections::BTreeMap;

use super::secret;
use crate::spec::template::RESERVED;

mod masked;
mod parts;

pub(super) use masked::Masked;
use parts::{Part, each};

/// What stands for a value that a person must give.
pub(super) const CHANGE_ME: &str = "change-me";
/// Most defaults inside one another, and longest value in bytes.
const MAX_DEPTH: usize = 8;
const MAX_VALUE: usize = 4096;
/// Most bytes that the `.env` file may add to the input.
const MAX_ADDED: usize = 1 << 20;

/// A text with its variables filled in. What looks like a secret in a default is not in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Filled {
    /// With defaults.
    pub(super) literal: String,
    /// With templates of dayfly's values.
    pub(super) template: String,
    /// A brace of the text stands before one of a template.
    is_ambiguous: bool,
    /// Names of its variables.
    pub(super) names: Vec<String>,
    /// Those without a default.
    pub(super) open: Vec<String>,
}

/// The values of the draft.
#[derive(Debug, Clone, Default)]
pub(super) struct Values(pub(super) BTreeMap<String, String>);

impl Values {
    /// Fills in the variables, and declares none.
    pub(super) fn fill(text: &str) -> Filled {
        let mut filled = Filled::default();
        fill(text, 0, false, &mut filled);
        filled
    }

    /// Declares the values that a text needs, and returns the text with templates; none if it cannot be a template.
    pub(super) fn declare(&mut self, text: &str) -> Option<String> {
        let filled = Self::fill(text);
        if filled.literal.contains("{{") {
            return None;
        }
        if filled.names.is_empty() || filled.is_ambiguous {
            return Some(filled.literal);
        }
        let defaults = defaults(text);
        let fits = |(name, default): &(String, String)| {
            is_name(name)
                && default.len() <= MAX_VALUE
                && !default.contains(['\n', '\0'])
                && self.0.get(name).is_none_or(|known| known == default)
        };
        if !defaults.iter().all(fits) {
            return Some(filled.literal);
        }
        self.0.extend(defaults);
        Some(filled.template)
    }
}

impl Values {
    /// Returns true if a variable may get this value as its default: one that is short, and no secret.
    pub(super) fn is_default(name: &str, value: &str) -> bool {
        value.len() <= MAX_VALUE && !secret::is_name(name) && !value.contains(['$', '{', '}'])
    }

    /// Gives variables the value of a map as their default, as long as `added` bytes are few.
    pub(super) fn with_defaults(text: &str, defaults: &BTreeMap<String, String>, added: &mut usize) -> String {
        let mut out = String::new();
        each(text, &mut |part| match part {
            Part::Text("$") => out.push_str("$$"),
            Part::Text(text) => out.push_str(text),
            Part::Variable { name, written, .. } => {
                match defaults.get(name).filter(|value| *added + value.len() <= MAX_ADDED) {
                    Some(value) => {
                        *added += value.len();
                        out.push_str(&format!("${{{name}:-{value}}}"));
                    }
                    None => out.push_str(written),
                }
            }
        });
        out
    }

    /// A text that two values share only if they are the same: variables with their defaults, or with their names.
    pub(super) fn identity(text: &str) -> String {
        let mut out = String::new();
        each(text, &mut |part| match part {
            Part::Text(text) => out.push_str(text),
            Part::Variable { name, default, .. } => match default.filter(|d| !d.is_empty()) {
                Some(default) => {
                    let mut filled = Filled::default();
                    fill(default, 1, true, &mut filled);
                    out.push_str(&filled.literal);
                }
                None => out.push_str(&format!("${{{name}}}")),
            },
        });
        out
    }
}

fn is_name(name: &str) -> bool {
    !RESERVED.contains(&name) && name.len() <= 63
}

/// Returns true if the default of a variable is, or holds, what looks like a secret.
fn is_hidden(name: &str, default: &str) -> bool {
    let named = secret::is_name(name) && !default.is_empty() && default != CHANGE_ME;
    (named && !secret::is_harmless(default) && !default.starts_with("/run/secrets/"))
        || !secret::secrets_in(default).is_empty()
}

/// Every variable at the top level of a text, with its default.
fn defaults(text: &str) -> Vec<(String, String)> {
    let mut found = vec![];
    each(text, &mut |part| {
        if let Part::Variable { name, default, .. } = part {
            let mut filled = Filled::default();
            fill(default.unwrap_or(CHANGE_ME), 1, false, &mut filled);
            let is_hidden = is_hidden(name, &filled.literal);
            found.push((name.to_owned(), if is_hidden { CHANGE_ME.to_owned() } else { filled.literal }));
        }
    });
    found
}

/// Fills in the variables; what is hidden only if `reveals` says so.
fn fill(text: &str, depth: usize, reveals: bool, into: &mut Filled) {
    each(text, &mut |part| match part {
        Part::Text(text) => {
            into.literal.push_str(text);
            into.template.push_str(text);
        }
        Part::Variable { name, default, .. } => {
            into.names.push(name.to_owned());
            into.is_ambiguous |= into.template.ends_with('{');
            into.template.push_str(&format!("{{{{{name}}}}}"));
            match default {
                Some(default) if depth < MAX_DEPTH => {
                    let mut inner = Filled::default();
                    fill(default, depth + 1, reveals, &mut inner);
                    let is_hidden = !reveals && is_hidden(name, &inner.literal);
                    into.literal.push_str(if is_hidden { CHANGE_ME } else { &inner.literal });
                    into.names.extend(inner.names);
                }
                Some(_) => {}
                None => {
                    into.open.push(name.to_owned());
                    into.literal.push_str(CHANGE_ME);
                }
            }
        }
    });
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn fills_defaults_and_names_what_is_open() {
        let literal = |text: &str| Values::fill(text).literal;
        assert_eq!(literal("a:${TAG:-1.4}-${B-x}$$C ${D:+y}"), "a:1.4-x$C ");
        assert_eq!(literal("${A:-${B:-${C-c}}}/${OPEN}"), "c/change-me");
        assert_eq!(Values::fill("$HOST:${PORT?needed}").open, ["HOST", "PORT"]);
        assert_eq!(literal("${unfinished"), "${unfinished");
        assert_eq!(literal("${a ${A:-{x}}"), "${a {x}");
    }

    #[test]
    fn hides_secrets_in_defaults() {
        for text in [
            "${DB_PASSWORD:-hunter2}",
            "${URL:-postgres://app:hunter2@db/x}",
            "${A:-${DB_PASSWORD:-hunter2}}",
            "${OPTIONS:---requirepass hunter2}",
        ] {
            let mut values = Values::default();
            values.declare(text).unwrap();
            let shown = format!("{:?} {values:?}", Values::fill(text));
            assert!(!shown.contains("hunter2"), "{shown}");
            assert!(Values::identity(text).contains("hunter2"));
        }
        assert_eq!(Values::fill("${TOKEN_ENABLED:-true}${PASSWORD:-/run/secrets/x}").literal, "true/run/secrets/x");
        let masked = Masked::new("a$$b ${URL:-redis://:hunter2@cache/${DB:-0}} $PASSWORD");
        let secrets: Vec<String> = masked.secrets().into_iter().map(|at| masked.unmask(at)).collect();
        assert_eq!(secrets, ["hunter2", "$PASSWORD"]);
        assert_eq!(masked.unmask(0..masked.text.len()), "a$$b redis://:hunter2@cache/${DB:-0} $PASSWORD");
    }

    #[test]
    fn takes_time_by_the_length_of_the_text() {
        let begun = std::time::Instant::now();
        for text in ["${", "${A:-", "{", "$A{", "${A}"] {
            let text = text.repeat((1 << 18) / text.len());
            let mut values = Values::default();
            values.declare(&text);
            Masked::new(&text).secrets();
        }
        let defaults = BTreeMap::from([("A".to_owned(), "x".repeat(4096))]);
        let mut added = 0;
        assert!(Values::with_defaults(&"$A".repeat(1 << 17), &defaults, &mut added).len() < 2 << 20);
        assert!(begun.elapsed().as_secs() < 30, "{:?}", begun.elapsed());
    }

    #[test]
    fn declares_each_value_once_and_keeps_other_defaults_as_they_are() {
        let mut values = Values::default();
        assert_eq!(values.declare("img:${TAG:-1}").unwrap(), "img:{{TAG}}");
        assert_eq!(values.declare("img:${TAG:-2}").unwrap(), "img:2");
        assert_eq!(values.declare("${commit}").unwrap(), CHANGE_ME, "a reserved name");
        assert_eq!(values.declare("{{ item }}"), None);
        assert_eq!(values.declare("{${TAG:-1}").unwrap(), "{1", "three braces are no template");
        assert_eq!(values.0.len(), 1);
    }
}
