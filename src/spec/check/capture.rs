//! Checks variables that a step captures.

use std::collections::BTreeMap;

use super::context::Checker;
use crate::spec::span::FieldPath;

/// Checks names and sources of variables: a path `$.a.b`, `header:NAME` of HTTP answers, or one of the fixed words.
pub(super) fn captures(
    check: &mut Checker<'_>,
    at: &FieldPath,
    captures: &BTreeMap<String, String>,
    words: &[&str],
    http: bool,
) {
    for (name, from) in captures {
        let at = at.key(name);
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            check.diagnostics.add_key(
                &at,
                format!("`{name}` cannot be the name of a variable"),
                "use letters, digits and `_`",
            );
        }
        let header = http && from.strip_prefix("header:").is_some_and(|h| !h.is_empty());
        if from != "$"
            && !from.starts_with("$.")
            && !from.starts_with("$[")
            && !header
            && !words.contains(&from.as_str())
        {
            let header = if http { ", `header:NAME`" } else { "" };
            let words = if words.is_empty() { String::new() } else { format!(" or one of `{}`", words.join("`, `")) };
            let help = format!("write a path such as `$.data.id`{header}{words}");
            check.diagnostics.add(&at, format!("nothing can be captured from `{from}`"), help);
        }
    }
}
