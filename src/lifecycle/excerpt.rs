//! Chooses what to show of the log of a unit that failed: its end, and before it errors and tracebacks. Pure.

use std::collections::BTreeSet;

use super::telling::{Reader, Telling};
use crate::model::sanitize;

/// Number of lines at the end that are always shown.
const END: usize = 20;
/// Maximum number of lines before the end.
const BEFORE: usize = 40;
/// Longest line, in characters.
const LONGEST_LINE: usize = 600;
/// Stands for lines that are left out.
const LEFT_OUT: &str = "…";

/// Maximum number of lines of an excerpt, with the marks of what is left out.
#[cfg(test)]
const LONGEST: usize = END + 2 * BEFORE + 1;

/// The excerpt, in order.
pub fn excerpt(lines: &[String]) -> Vec<String> {
    let end = lines.len().saturating_sub(END);
    let mut reader = Reader::default();
    let (mut telling, mut inside) = (vec![], vec![]);
    for (n, line) in lines[..end].iter().enumerate() {
        let told = reader.read(line);
        inside.push(n);
        if reader.in_traceback() {
            continue;
        }
        if told >= Some(Telling::Error) {
            telling.extend(inside.iter().copied());
        }
        inside.clear();
    }
    // A traceback that reaches into the end is shown from its beginning.
    telling.extend(inside);
    let shown: BTreeSet<usize> =
        telling[telling.len().saturating_sub(BEFORE)..].iter().copied().chain(end..lines.len()).collect();
    let mut excerpt = vec![];
    let mut expected = 0;
    for n in shown {
        if n != expected {
            excerpt.push(LEFT_OUT.to_owned());
        }
        excerpt.push(sanitize::cut(&lines[n], LONGEST_LINE));
        expected = n + 1;
    }
    excerpt
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(texts: impl IntoIterator<Item = String>) -> Vec<String> {
        excerpt(&texts.into_iter().collect::<Vec<_>>())
    }

    fn noise(n: usize) -> impl Iterator<Item = String> {
        (0..n).map(|n| format!("noise {n}"))
    }

    #[test]
    fn a_short_log_is_shown_whole() {
        assert_eq!(lines(noise(20)), noise(20).collect::<Vec<_>>());
    }

    #[test]
    fn a_traceback_before_the_end_is_shown_in_full() {
        let traceback = ["Traceback (most recent call last):", "  File \"x.py\", line 1", "    f()", "Broken: no"];
        let all = noise(5).chain(traceback.map(str::to_owned)).chain(noise(30));
        let shown = lines(all);
        assert_eq!(shown[..6], ["…", traceback[0], traceback[1], traceback[2], traceback[3], "…"]);
        assert_eq!(shown.len(), 6 + END);
    }

    #[test]
    fn a_traceback_that_reaches_into_the_end_is_shown_from_its_beginning() {
        let frames = (0..30).map(|n| format!("  File \"x.py\", line {n}"));
        let all =
            ["Traceback (most recent call last):".to_owned()].into_iter().chain(frames).chain(["Broken".to_owned()]);
        assert_eq!(lines(all).len(), 32);
    }

    #[test]
    fn an_excerpt_is_bounded() {
        let many = (0..1000).flat_map(|n| [format!("ERROR {n}"), "ok".to_owned()]);
        assert!(lines(many).len() <= LONGEST);
    }
}
