//! Where things stand in a description: paths such as `services.api.needs[1]` and their marks in the text.
//!
//! A mark is a range of bytes within one line, short enough to draw a caret under. Pure.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

/// A path into the description; keys that are no plain words are written as `files["/etc/dayfly/a"]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldPath(String);

impl FieldPath {
    /// The whole description.
    pub fn root() -> Self {
        Self::default()
    }

    /// The value of a key.
    pub fn key(&self, key: &str) -> Self {
        let plain = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        match (plain, self.0.is_empty()) {
            (true, true) => Self(key.to_owned()),
            (true, false) => Self(format!("{}.{key}", self.0)),
            (false, _) => Self(format!("{}[{key:?}]", self.0)),
        }
    }

    /// An item of a list, counted from 0.
    pub fn index(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }

    /// The path as text; empty for the whole description.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Itself and all that holds it, the innermost first, down to the empty path.
    pub fn with_ancestors(&self) -> impl Iterator<Item = &str> {
        let text = self.0.as_str();
        let cuts = text.char_indices().rev().filter(|(_, c)| matches!(c, '.' | '[')).map(|(i, _)| &text[..i]);
        std::iter::once(text).chain(cuts).chain(std::iter::once(""))
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { f.write_str("the description") } else { write!(f, "`{}`", self.0) }
    }
}

/// Marks of one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeSpan {
    /// Where to point for the value: a scalar itself, the key of a mapping or a list.
    pub value: Range<usize>,
    /// Where its key stands, for an entry of a mapping.
    pub key: Option<Range<usize>>,
    /// The alias that puts it here, if it stands elsewhere.
    pub alias: Option<Range<usize>>,
}

/// Marks by path.
pub type Spans = BTreeMap<String, NodeSpan>;

/// Where the lines of a text begin.
#[derive(Debug, Clone)]
pub struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
    /// Names of the files that follow the first one in the text, and where they begin.
    parts: Vec<(usize, &'a str)>,
}

/// What stands before the text of a further file: a NUL, which no document contains, and its name.
pub fn part_header(name: &str) -> String {
    format!("\n\0{name}\n")
}

/// In lines longer than this, columns count bytes: counting characters would take too long.
const LONG_LINE: usize = 10_000;

impl<'a> Lines<'a> {
    /// Finds the lines.
    pub fn new(text: &'a str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(i, _)| i + 1)).collect();
        let part = |(at, _): (usize, &str)| {
            let name = text.get(at + 2..)?.split('\n').next()?;
            Some((at + 3 + name.len(), name))
        };
        let parts = text.match_indices("\n\0").filter_map(part).collect();
        Self { text, starts, parts }
    }

    /// The further file that an offset lies in, if it does not lie in the first one.
    pub fn file(&self, offset: usize) -> Option<&'a str> {
        self.part(offset).map(|(_, name)| *name)
    }

    fn part(&self, offset: usize) -> Option<&(usize, &'a str)> {
        self.parts.partition_point(|(start, _)| *start <= offset).checked_sub(1).and_then(|last| self.parts.get(last))
    }

    fn number(&self, offset: usize) -> usize {
        self.starts.partition_point(|s| *s <= offset).saturating_sub(1)
    }

    /// Bytes of the line that holds an offset, without its line break.
    pub fn line(&self, offset: usize) -> Range<usize> {
        let n = self.number(offset);
        let start = self.starts.get(n).copied().unwrap_or(0);
        let end = self.starts.get(n + 1).map_or(self.text.len(), |next| next - 1);
        start..end.max(start)
    }

    /// Line and column of an offset in its file, both from 1; columns count characters.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let line = self.line(offset);
        let before = offset.clamp(line.start, line.end) - line.start;
        let column = match self.text.get(line.start..line.start + before) {
            Some(head) if line.len() <= LONG_LINE => head.chars().count(),
            _ => before,
        };
        let before = self.part(offset).map_or(0, |(start, _)| self.number(*start));
        (self.number(offset) + 1 - before, column + 1)
    }

    /// Offset of a line and a column in characters, as parsers report them (line from 1, column from 0).
    pub fn offset(&self, line: usize, column: usize) -> usize {
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or(self.text.len());
        let rest = self.text.get(start..).unwrap_or_default();
        rest.char_indices().nth(column).map_or(self.text.len(), |(i, _)| start + i)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_in_each_file() {
        let text = format!("a: 1\nb: 2\n{}c: 3\nd: 4{}e: 5\n", part_header("x.yaml"), part_header("y.yaml"));
        let lines = Lines::new(&text);
        let at = |what: &str| {
            let offset = text.find(what).unwrap_or_default();
            (lines.file(offset), lines.position(offset))
        };
        assert_eq!(at("b: 2"), (None, (2, 1)));
        assert_eq!(at("c: 3"), (Some("x.yaml"), (1, 1)));
        assert_eq!(at("4"), (Some("x.yaml"), (2, 4)));
        assert_eq!(at("e: 5"), (Some("y.yaml"), (1, 1)));
    }
}
