//! Splits the output of a process into lines of bounded length. Pure.

/// Maximum length of a line in bytes; the rest of a longer one is dropped.
pub const MAX_LINE: usize = 64 * 1024;

/// The first line of a log whose beginning was dropped.
pub const DROPPED: &str = "(the beginning of this log was dropped: it is too large)\n";

/// Joins pieces of one stream to lines.
#[derive(Default)]
pub struct LineSplitter {
    held: Vec<u8>,
    cut: bool,
}

/// A line without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its text; a cut line ends with a remark.
    pub text: String,
    /// It was longer than `MAX_LINE`.
    pub cut: bool,
}

impl LineSplitter {
    /// Adds a piece; returns the lines that it completes.
    pub fn add(&mut self, piece: &[u8]) -> Vec<Line> {
        let mut lines = vec![];
        for part in piece.split_inclusive(|b| *b == b'\n') {
            let (part, ends) = part.strip_suffix(b"\n").map_or((part, false), |part| (part, true));
            let fits = part.len().min(MAX_LINE - self.held.len());
            self.held.extend_from_slice(&part[..fits]);
            self.cut |= fits < part.len();
            if ends {
                lines.push(self.end());
            }
        }
        lines
    }

    /// The line that nothing has ended, if there is one.
    pub fn rest(&mut self) -> Option<Line> {
        (!self.held.is_empty()).then(|| self.end())
    }

    fn end(&mut self) -> Line {
        let text = String::from_utf8_lossy(&std::mem::take(&mut self.held)).trim_end_matches('\r').to_owned();
        let cut = std::mem::take(&mut self.cut);
        // The ellipsis marks an excerpt, so that redaction finds a secret at the cut.
        let text = if cut { format!("{text}… (cut: the line is longer than {} KiB)", MAX_LINE >> 10) } else { text };
        Line { text, cut }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(lines: impl IntoIterator<Item = Line>) -> Vec<String> {
        lines.into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn joins_pieces_to_lines() {
        let mut splitter = LineSplitter::default();
        assert_eq!(texts(splitter.add(b"one\r\ntw")), ["one"]);
        assert_eq!(texts(splitter.add(b"o\n\nlast")), ["two", ""]);
        assert_eq!(texts(splitter.rest()), ["last"]);
        assert_eq!(splitter.rest(), None);
    }

    #[test]
    fn cuts_a_long_line_and_says_so() {
        let mut splitter = LineSplitter::default();
        for _ in 0..1000 {
            assert_eq!(splitter.add(&[b'x'; 1000]), []);
            assert!(splitter.held.len() <= MAX_LINE);
        }
        let lines = splitter.add(b"\nnext\n");
        assert!(lines[0].cut && lines[0].text.ends_with("x… (cut: the line is longer than 64 KiB)"));
        assert_eq!(lines[1], Line { text: "next".into(), cut: false });
    }
}
