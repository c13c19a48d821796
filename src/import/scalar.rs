//! Scalars and comments of a draft, from foreign text. Pure.

use std::fmt::Write as _;

use crate::model::sanitize;

/// Longest comment in characters.
const MAX_COMMENT: usize = 300;
/// Words that YAML readers take for something else than text.
const WORDS: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];

/// Text as one scalar, in quotes unless it is plainly a word. Every character that is no letter, digit or ASCII sign is escaped.
pub(super) fn quoted(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '/' | '-' | '+');
    let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.chars().all(is_part)
        && !WORDS.contains(&text.to_ascii_lowercase().as_str());
    if is_word {
        return text.to_owned();
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        let code = u32::from(c);
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            ' '..='~' => out.push(c),
            c if c.is_alphanumeric() => out.push(c),
            _ if code <= 0xffff => drop(write!(out, "\\u{code:04x}")),
            _ => drop(write!(out, "\\U{code:08x}")),
        }
    }
    out.push('"');
    out
}

/// Text of several lines as a block: its mark, and its lines. None if a block would change it.
pub(super) fn block(text: &str) -> Option<(&'static str, Vec<&str>)> {
    let body = text.strip_suffix('\n').unwrap_or(text);
    let is_plain =
        |line: &str| !line.ends_with([' ', '\t']) && sanitize::inert(line) == line && sanitize::printable(line) == line;
    let fits = body.contains('\n') && !body.starts_with([' ', '\n', '\t']) && !body.ends_with('\n');
    if !fits || !body.lines().all(is_plain) || body.contains('\r') {
        return None;
    }
    Some((if text.ends_with('\n') { "|" } else { "|-" }, body.split('\n').collect()))
}

/// Foreign text in a comment.
pub(super) fn comment(text: &str) -> String {
    sanitize::one_line(text, MAX_COMMENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_what_yaml_would_take_for_something_else() {
        for (text, expected) in [
            ("web", "web"),
            ("a/b.c", "a/b.c"),
            ("yes", "\"yes\""),
            ("8080", "\"8080\""),
            ("a: b", "\"a: b\""),
            ("- x", "\"- x\""),
            ("a\"\\\n\u{1b}[0m\u{202e}", "\"a\\\"\\\\\\n\\u001b[0m\\u202e\""),
            ("🚀é", "\"\\U0001f680é\""),
        ] {
            assert_eq!(quoted(text), expected);
        }
        assert_eq!(block("a:\n  b\n"), Some(("|", vec!["a:", "  b"])));
        assert_eq!(block("a\nb"), Some(("|-", vec!["a", "b"])));
        for text in ["a", " a\nb", "a \nb", "a\n\n", "a\r\nb\n", "a\n\u{1b}b\n"] {
            assert_eq!(block(text), None, "{text:?}");
        }
    }
}
