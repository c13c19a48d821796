//! Texts without their variables, in which secrets are looked for. Pure.

use std::ops::Range;

use super::parts::{Part, each};
use super::{Filled, MAX_DEPTH, fill};
use crate::import::secret;

/// A text with a mark in place of each variable.
#[derive(Debug, Clone, Default)]
pub struct Masked {
    pub text: String,
    /// As they were written, and whether they stand for a secret.
    variables: Vec<(String, bool)>,
}

/// Stands for a variable; it is reserved for private use and escaped wherever it is written.
const MARK: char = '\u{f8ff}';

impl Masked {
    /// Puts a mark in place of each variable, except of those whose default holds a secret among other text: that stands there
    /// itself.
    pub fn new(text: &str) -> Self {
        let mut masked = Self::default();
        mask(text, 0, &mut masked);
        masked
    }

    /// A part of the text, as it was written.
    pub fn unmask(&self, at: Range<usize>) -> String {
        let before = self.text[..at.start].matches(MARK).count();
        let mut variables = self.variables.iter().skip(before);
        let mut out = String::new();
        for c in self.text[at].chars() {
            match c {
                MARK => out.extend(variables.next().map(|(written, _)| written.as_str())),
                // As in the input, where one alone begins a variable.
                '$' => out.push_str("$$"),
                c => out.push(c),
            }
        }
        out
    }

    /// Returns true if what looks like a secret stands in the text itself, and not only in variables.
    pub fn holds_secret(&self) -> bool {
        secret::secrets_in(&self.text).into_iter().any(|at| self.text[at].chars().any(|c| c != MARK))
    }

    /// The places of what looks like secrets, in their order.
    pub fn secrets(&self) -> Vec<Range<usize>> {
        let mut found = secret::secrets_in(&self.text);
        let marks = self.text.match_indices(MARK).zip(&self.variables).filter(|(_, (_, is_secret))| *is_secret);
        found.extend(marks.map(|((at, mark), _)| at..at + mark.len()));
        found.sort_by_key(|at| (at.start, std::cmp::Reverse(at.end)));
        secret::joined(found)
    }
}

fn mask(text: &str, depth: usize, into: &mut Masked) {
    each(text, &mut |part| match part {
        Part::Text(text) => into.text.extend(text.chars().filter(|c| *c != MARK)),
        Part::Variable { name, default, written } => {
            let mut filled = Filled::default();
            fill(default.unwrap_or_default(), 1, true, &mut filled);
            let literal = filled.literal;
            let is_told = secret::is_harmless(&literal) || literal.starts_with("/run/secrets/");
            let is_named = !is_told && (secret::is_name(name) || filled.names.iter().any(|name| secret::is_name(name)));
            match default {
                Some(default) if depth < MAX_DEPTH && !is_named && !secret::secrets_in(&literal).is_empty() => {
                    mask(default, depth + 1, into);
                }
                _ => {
                    into.text.push(MARK);
                    into.variables.push((written.to_owned(), is_named));
                }
            }
        }
    });
}
