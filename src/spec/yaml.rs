//! YAML text → a tree in which every key and scalar knows its place.
//!
//! Pure. Refuses what could hurt (too deep, too much, tags, several documents) and reports every duplicate key.
//! It keeps the written text of scalars: what a scalar means is decided where a type is wanted.

use super::diagnostic::Diagnostic;
use super::kind::DocumentKind;

mod load;
mod merge;
mod node;
mod spans;
mod syntax;

pub(super) use node::plain_value;
pub use node::{Entry, Kind, MAX_WEIGHT, Node};
pub use spans::spans;

/// Longest document, in bytes.
pub const MAX_BYTES: usize = 1 << 20;
/// Parses a document of at most [`MAX_BYTES`].
///
/// Gives the tree with the diagnostics that do not stand in the way of reading on, or the diagnostics that do.
pub fn parse(bytes: &[u8], kind: &'static DocumentKind) -> Result<(Node, Vec<Diagnostic>), Vec<Diagnostic>> {
    load::load(text(bytes, kind)?, kind)
}

/// As [`parse`], of a part of a document: a mapping or a list.
pub fn parse_part(bytes: &[u8], kind: &'static DocumentKind) -> Result<(Node, Vec<Diagnostic>), Vec<Diagnostic>> {
    load::load_part(text(bytes, kind)?, kind)
}

fn text<'a>(bytes: &'a [u8], kind: &'static DocumentKind) -> Result<&'a str, Vec<Diagnostic>> {
    if bytes.len() > MAX_BYTES {
        let message = format!("the {} is larger than {} KiB", kind.noun, MAX_BYTES >> 10);
        return Err(vec![Diagnostic::without_span(
            "",
            message,
            "keep large data in files of their own and refer to them by `path`",
        )]);
    }
    let text =
        std::str::from_utf8(bytes).map_err(|e| vec![not_text(e.valid_up_to(), char::REPLACEMENT_CHARACTER, kind)])?;
    if let Some(nul) = text.find('\0') {
        return Err(vec![not_text(nul, '\0', kind)]);
    }
    Ok(text)
}

/// `shown` is what the text of the diagnostics has in place of the byte at `offset`, before which it is the same.
fn not_text(offset: usize, shown: char, kind: &DocumentKind) -> Diagnostic {
    let message = format!("the {} is not UTF-8 text: byte {} cannot be read", kind.noun, offset + 1);
    let help = format!("name the YAML file of the {}, saved as UTF-8", kind.noun);
    Diagnostic::at("", offset..offset + shown.len_utf8(), message, help)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::spec::kind::ENVIRONMENT;
    use serde_json::Value;

    fn json(text: &str) -> Value {
        parse(format!("top: {text}\n").as_bytes(), &ENVIRONMENT).unwrap().0.to_json()["top"].take()
    }

    #[test]
    fn only_decimal_numbers_and_lower_case_booleans_are_not_text() {
        let got = json("[1, -2, 0, 1.5, 2e3, 007, 0x1f, yes, True, on, 'true', \"1\", ~, 1_000, 99999999999999999999]");
        let expected = serde_json::json!([
            1,
            -2,
            0,
            1.5,
            2000.0,
            "007",
            "0x1f",
            "yes",
            "True",
            "on",
            "true",
            "1",
            null,
            "1_000",
            "99999999999999999999"
        ]);
        assert_eq!(got, expected);
    }

    #[test]
    fn an_alias_has_the_value_of_its_anchor() {
        assert_eq!(json("{a: &x {b: [1]}, c: *x}"), serde_json::json!({"a": {"b": [1]}, "c": {"b": [1]}}));
    }

    #[test]
    fn reports_every_duplicate_key_and_keeps_the_first() {
        let (node, diagnostics) = parse(b"a: 1\na: 2\nb: {c: 1, c: 2, c: 3}\n", &ENVIRONMENT).unwrap();
        assert_eq!(node.to_json(), serde_json::json!({"a": 1, "b": {"c": 1}}));
        assert_eq!(diagnostics.len(), 3);
    }
}
