//! Long texts, shortened to their beginning and their end. Pure.

use crate::model::sanitize;

/// Maximum length of a line, in characters.
const MAX_LINE: usize = 400;

/// At most `most` lines of a text, made printable: the first ones, and more of the last ones, where logs and tracebacks
/// have the error. A line between them counts those left out.
pub fn excerpt(text: &str, most: usize) -> String {
    let text = sanitize::printable(text);
    let lines: Vec<String> = text.trim_end().lines().map(|line| sanitize::cut(line.trim_end(), MAX_LINE)).collect();
    if lines.len() <= most {
        return lines.join("\n");
    }
    let head = most / 4;
    let tail = most - head - 1;
    let left_out = lines.len() - head - tail;
    let mark = format!("… {left_out} lines left out …");
    let (first, last) = (&lines[..head], &lines[lines.len() - tail..]);
    [first, &[mark], last].concat().join("\n")
}

/// The last lines that fit into `most` characters together, with a mark if some are left out.
pub fn last(lines: &[String], most: usize) -> String {
    let mut room = most;
    let fits = |line: &&String| {
        let length = line.chars().count() + 1;
        let fits = length <= room;
        room = room.saturating_sub(length);
        fits
    };
    let shown = lines.iter().rev().take_while(fits).count();
    let from = lines.len() - shown;
    let mark = if from > 0 { "…\n" } else { "" };
    format!("{mark}{}", lines[from..].join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_last_lines_that_fit() {
        let lines: Vec<_> = ["one", "two", "three"].map(str::to_owned).into();
        assert_eq!(last(&lines, 100), "one\ntwo\nthree");
        assert_eq!(last(&lines, 10), "…\ntwo\nthree");
        assert_eq!(last(&lines, 3), "…\n");
    }

    #[test]
    fn keeps_the_beginning_and_the_end() {
        let lines: Vec<_> = (1..=20).map(|n| n.to_string()).collect();
        assert_eq!(excerpt(&lines.join("\n"), 8), "1\n2\n… 13 lines left out …\n16\n17\n18\n19\n20");
        assert_eq!(excerpt("a\nb\n\n", 2), "a\nb");
        assert_eq!(excerpt("", 2), "");
    }

    #[test]
    fn makes_every_line_printable_and_bounded() {
        assert_eq!(excerpt("a\u{1b}[2J  \nb", 5), "a\u{fffd}[2J\nb");
        assert_eq!(excerpt(&"x".repeat(5000), 5).chars().count(), MAX_LINE);
    }
}
