//! Explains errors of the YAML parser at the place of their cause, which is often a line before the parser gives up. Pure.

use std::ops::Range;

use granit_parser::ErrorKind;

use crate::spec::diagnostic::{Diagnostic, near};
use crate::spec::span::Lines;

/// A syntax error as the parser reports it.
pub(super) struct SyntaxError<'a> {
    pub(super) kind: &'a ErrorKind,
    /// The parser's own words.
    pub(super) info: &'a str,
    /// Where the parser gave up.
    pub(super) offset: usize,
    /// Bytes of the last quoted scalar, if it has more than one line.
    pub(super) quoted: Option<Range<usize>>,
}

/// The diagnostic of a syntax error.
pub(super) fn explain(error: &SyntaxError<'_>, text: &str, lines: &Lines<'_>) -> Diagnostic {
    if *error.kind == ErrorKind::UnknownAnchor {
        return unknown_anchor(error, text, lines);
    }
    if let Some(tab) = tab(error, text, lines) {
        let help = "indent with spaces: YAML does not allow tabs there";
        return Diagnostic::at("", tab, "invalid YAML: a tab stands in the indentation", help);
    }
    if let Some(quote) = open_quote(error, text, lines) {
        let mark = text.get(quote..quote + 1).unwrap_or("\"");
        let help = format!("close the quote in this line: add `{mark}`, or remove it at the beginning");
        return Diagnostic::at("", quote..quote + 1, "invalid YAML: this quote is not closed", help);
    }
    let help = "check the indentation, quotes and brackets here and in the line above";
    let line = lines.line(error.offset);
    let mark = error.offset.min(line.end)..error.offset.min(line.end);
    Diagnostic::at("", mark, format!("invalid YAML: {}", error.info), help)
}

fn unknown_anchor(error: &SyntaxError<'_>, text: &str, lines: &Lines<'_>) -> Diagnostic {
    let rest = text.get(error.offset..lines.line(error.offset).end).unwrap_or_default();
    let end = rest.find(|c: char| c.is_whitespace() || matches!(c, ',' | ']' | '}')).unwrap_or(rest.len());
    let alias = rest.get(..end).unwrap_or(rest);
    let name = alias.trim_start_matches('*');
    let help = match near(name, anchors(text.get(..error.offset).unwrap_or_default())) {
        Some(meant) => format!("did you mean `*{meant}`?"),
        None => {
            format!("mark a value before this line with `&{name}`; if this is text, put it in quotes: `\"{alias}\"`")
        }
    };
    Diagnostic::at(
        "",
        error.offset..error.offset + end,
        format!("there is no anchor `&{name}` before this alias"),
        help,
    )
}

/// Names that look like anchors.
fn anchors(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| c.is_whitespace() || matches!(c, ',' | '[' | ']' | '{' | '}'));
    words.filter_map(|word| word.strip_prefix('&'))
}

/// The first tab in the indentation of the line where the parser gave up, of the line before, or of the lines that follow
/// where the parser itself complains about one.
fn tab(error: &SyntaxError<'_>, text: &str, lines: &Lines<'_>) -> Option<Range<usize>> {
    let own = lines.line(error.offset);
    let before = lines.line(own.start.saturating_sub(1));
    let in_line = |line: Range<usize>| {
        let indentation = text.get(line.clone())?.split(|c: char| c != ' ' && c != '\t').next()?;
        indentation.find('\t').map(|tab| line.start + tab..line.start + tab + 1)
    };
    let mut found = in_line(before).or_else(|| in_line(own.clone()));
    let is_about_tabs = matches!(
        error.kind,
        ErrorKind::TabInIndentation | ErrorKind::TabInBlockIndentation | ErrorKind::TabInPlainScalar
    );
    let mut line = own;
    while found.is_none() && is_about_tabs && line.end < text.len() {
        line = lines.line(line.end + 1);
        found = in_line(line.clone());
    }
    found
}

/// The quote that was probably never closed: the last one that is open at the end of its line, up to where the parser gave
/// up. Only where quotes can be the cause: a text over several lines is allowed.
fn open_quote(error: &SyntaxError<'_>, text: &str, lines: &Lines<'_>) -> Option<usize> {
    let is_about_quotes = matches!(
        error.kind,
        ErrorKind::UnclosedQuotedScalar
            | ErrorKind::InvalidQuotedScalarIndent
            | ErrorKind::InvalidTrailingSingleQuotedScalar
            | ErrorKind::InvalidTrailingDoubleQuotedScalar
            | ErrorKind::DocumentIndicatorInQuotedScalar
            | ErrorKind::UnknownQuotedScalarEscape
    );
    let (from, to) = match &error.quoted {
        _ if is_about_quotes => (0, lines.line(error.offset).end),
        Some(quoted) if lines.line(quoted.end).end >= lines.line(error.offset).start => {
            (quoted.start, lines.line(quoted.start).end)
        }
        _ => return None,
    };
    let (mut at, mut last) = (lines.line(from).start, None);
    while at <= to && at < text.len() {
        let line = lines.line(at);
        last = text.get(line.clone()).and_then(open_at_the_end).map(|column| line.start + column).or(last);
        at = line.end + 1;
    }
    last
}

/// Column of the quote that is still open at the end of a line, in bytes.
fn open_at_the_end(line: &str) -> Option<usize> {
    let (mut open, mut may_begin, mut behind) = (None, true, ' ');
    let mut chars = line.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match (open, c) {
            (Some((_, '"')), '\\') => drop(chars.next()),
            (Some((_, '\'')), '\'') if chars.peek().is_some_and(|(_, next)| *next == '\'') => drop(chars.next()),
            (Some((_, quote)), c) if c == quote => (open, may_begin) = (None, false),
            (Some(_), _) => {}
            (None, '"' | '\'') if may_begin => open = Some((at, c)),
            (None, '#') if behind == ' ' => return None,
            (None, ' ') => {}
            (None, ':' | '-' | ',' | '[' | '{' | '?') => may_begin = true,
            (None, _) => may_begin = false,
        }
        behind = c;
    }
    open.map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_quote_that_a_line_leaves_open() {
        assert_eq!(open_at_the_end("a: \"b"), Some(3));
        assert_eq!(open_at_the_end("a: [\"b\", 'c]"), Some(9));
        assert_eq!(open_at_the_end("a: \"b\\\"\""), None);
        assert_eq!(open_at_the_end("a: 'it''s'"), None);
        assert_eq!(open_at_the_end("a: don't # \""), None);
    }
}
