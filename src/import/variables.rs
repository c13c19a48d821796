//! Variables of Compose files: `$NAME`, `${NAME:-default}` and their kin. Pure.

use std::collections::BTreeMap;

use super::secret;
use crate::spec::template::RESERVED;

/// What stands for a value that a person must give.
pub(super) const CHANGE_ME: &str = "change-me";
/// Most defaults inside one another, and longest value in bytes.
const MAX_DEPTH: usize = 8;
const MAX_VALUE: usize = 4096;

/// A text with its variables filled in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Filled {
    /// With defaults.
    pub(super) literal: String,
    /// With templates of dayfly's values.
    pub(super) template: String,
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
        fill(text, 0, &mut filled);
        filled
    }

    /// Declares the values that a text needs, and returns the text with templates; none if it cannot be a template.
    pub(super) fn declare(&mut self, text: &str) -> Option<String> {
        let filled = Self::fill(text);
        if filled.names.is_empty() || filled.literal.contains("{{") {
            return (!filled.literal.contains("{{")).then_some(filled.literal);
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

/// A text with a mark in place of each variable.
#[derive(Debug, Clone, Default)]
pub(super) struct Masked {
    pub(super) text: String,
    variables: Vec<String>,
}

/// Stands for a variable; it is reserved for private use and escaped wherever it is written.
const MARK: char = '\u{f8ff}';

impl Masked {
    /// A part of the text, as it was written.
    pub(super) fn unmask(&self, at: std::ops::Range<usize>) -> String {
        let before = self.text[..at.start].matches(MARK).count();
        let mut variables = self.variables.iter().skip(before);
        let mut out = String::new();
        for c in self.text[at].chars() {
            if c == MARK { out.extend(variables.next().map(String::as_str)) } else { out.push(c) }
        }
        out
    }
}

impl Values {
    /// Gives variables the value of a map as their default, unless their names are those of secrets.
    pub(super) fn with_defaults(text: &str, defaults: &BTreeMap<String, String>) -> String {
        let mut out = String::new();
        each(text, &mut |part| match part {
            Part::Text("$") => out.push_str("$$"),
            Part::Text(text) => out.push_str(text),
            Part::Variable { name, written, .. } => {
                let value = defaults.get(name).filter(|v| !secret::is_name(name) && !v.contains(['$', '{', '}']));
                match value {
                    Some(value) => out.push_str(&format!("${{{name}:-{value}}}")),
                    None => out.push_str(written),
                }
            }
        });
        out
    }

    /// Puts a mark in place of each variable.
    pub(super) fn mask(text: &str) -> Masked {
        let mut masked = Masked::default();
        each(text, &mut |part| match part {
            Part::Text(text) => masked.text.extend(text.chars().filter(|c| *c != MARK)),
            Part::Variable { written, .. } => {
                masked.text.push(MARK);
                masked.variables.push(written.to_owned());
            }
        });
        masked
    }

    /// A text that two values share only if they are the same: variables with their defaults, or with their names.
    pub(super) fn identity(text: &str) -> String {
        let mut out = String::new();
        each(text, &mut |part| match part {
            Part::Text(text) => out.push_str(text),
            Part::Variable { name, default, .. } => match default.filter(|d| !d.is_empty()) {
                Some(default) => out.push_str(&Self::fill(default).literal),
                None => out.push_str(&format!("${{{name}}}")),
            },
        });
        out
    }
}

fn is_name(name: &str) -> bool {
    !RESERVED.contains(&name) && name.len() <= 63
}

/// Every variable at the top level of a text, with its default.
fn defaults(text: &str) -> Vec<(String, String)> {
    let mut found = vec![];
    each(text, &mut |part| {
        if let Part::Variable { name, default, .. } = part {
            let mut filled = Filled::default();
            fill(default.unwrap_or(CHANGE_ME), 1, &mut filled);
            found.push((name.to_owned(), filled.literal));
        }
    });
    found
}

fn fill(text: &str, depth: usize, into: &mut Filled) {
    each(text, &mut |part| match part {
        Part::Text(text) => {
            into.literal.push_str(text);
            into.template.push_str(text);
        }
        Part::Variable { name, default, .. } => {
            into.names.push(name.to_owned());
            into.template.push_str(&format!("{{{{{name}}}}}"));
            match default {
                Some(default) if depth < MAX_DEPTH => {
                    let mut inner = Filled::default();
                    fill(default, depth + 1, &mut inner);
                    into.literal.push_str(&inner.literal);
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

enum Part<'a> {
    Text(&'a str),
    Variable { name: &'a str, default: Option<&'a str>, written: &'a str },
}

/// Calls for each part of a text. `$$` is a dollar sign; a brace that does not end is text.
fn each(text: &str, found: &mut dyn FnMut(Part<'_>)) {
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        found(Part::Text(&rest[..at]));
        let after = &rest[at + 1..];
        let name = name_length(after);
        if let Some(tail) = after.strip_prefix('$') {
            found(Part::Text("$"));
            rest = tail;
        } else if name > 0 {
            found(Part::Variable { name: &after[..name], default: None, written: &rest[at..=at + name] });
            rest = &after[name..];
        } else if let Some((inner, tail)) = after.strip_prefix('{').and_then(braced) {
            let name = name_length(inner);
            let operator = &inner[name..];
            let default = match operator {
                _ if operator.starts_with(":-") => Some(&operator[2..]),
                _ if operator.starts_with('-') => Some(&operator[1..]),
                // An alternative counts only if the variable is set.
                _ if operator.starts_with(":+") || operator.starts_with('+') => Some(""),
                _ => None,
            };
            if name > 0 {
                found(Part::Variable { name: &inner[..name], default, written: &rest[at..rest.len() - tail.len()] });
            }
            rest = tail;
        } else {
            found(Part::Text("$"));
            rest = after;
        }
    }
    found(Part::Text(rest));
}

fn name_length(text: &str) -> usize {
    let first = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    if first { end } else { 0 }
}

/// The text up to the closing brace, and what follows.
fn braced(text: &str) -> Option<(&str, &str)> {
    let mut depth = 1usize;
    for (i, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some((&text[..i], &text[i + 1..]));
        }
    }
    None
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
    }

    #[test]
    fn declares_each_value_once_and_keeps_other_defaults_as_they_are() {
        let mut values = Values::default();
        assert_eq!(values.declare("img:${TAG:-1}").unwrap(), "img:{{TAG}}");
        assert_eq!(values.declare("img:${TAG:-2}").unwrap(), "img:2");
        assert_eq!(values.declare("${commit}").unwrap(), CHANGE_ME, "a reserved name");
        assert_eq!(values.declare("{{ item }}"), None);
        assert_eq!(values.0.len(), 1);
    }
}
