//! Cuts a foreign stream into parts, of which each is made inert alone. Pure.
//!
//! Most parts are whole lines. A longer line is cut where nothing that a CI system obeys goes on in the next part.

/// Longest line that is kept whole, in bytes.
pub const MAX_PART: usize = 4 * 1024;

/// A stream that is cut into parts.
#[derive(Debug, Default)]
pub struct Parts {
    /// The beginning of a line.
    held: Vec<u8>,
}

impl Parts {
    /// Takes a piece of the stream; returns the parts that are complete.
    pub fn push(&mut self, piece: &[u8]) -> Vec<Vec<u8>> {
        self.held.extend_from_slice(piece);
        let (mut parts, mut taken, mut whole) = (vec![], 0, 0);
        loop {
            let line = &self.held[whole..];
            match line.iter().take(MAX_PART).position(|b| *b == b'\n') {
                Some(end) => whole += end + 1,
                None if line.len() < MAX_PART => break,
                None => {
                    let line = &line[..MAX_PART];
                    let length = MAX_PART - unfinished(line);
                    let cut = whole + if length > 0 { length } else { MAX_PART };
                    let mut part = self.held[taken..cut].to_vec();
                    if length == 0 {
                        // Without end, so that only a line break keeps the rest apart.
                        part.push(b'\n');
                    }
                    parts.push(part);
                    (taken, whole) = (cut, cut);
                }
            }
        }
        if whole > taken {
            parts.push(self.held[taken..whole].to_vec());
        }
        self.held.drain(..whole);
        parts
    }

    /// The rest of the stream, with a line break if what another stream shows next could go on with it.
    pub fn end(mut self) -> Vec<u8> {
        if begun_command(&self.held) > 0 {
            self.held.push(b'\n');
        }
        self.held
    }
}

/// Number of bytes at the end that mean something else together with what follows.
fn unfinished(line: &[u8]) -> usize {
    begun_command(line).max(begun_character(line)).max(usize::from(line.ends_with(b"\r")))
}

/// Number of bytes at the end that may begin a command: `##` and a word, before a `[`, or the `::` of a line.
fn begun_command(line: &[u8]) -> usize {
    let run = |line: &[u8], mark: u8| line.iter().rev().take_while(|b| **b == mark).count();
    let word = line.iter().rev().take_while(|b| b.is_ascii_alphanumeric()).count();
    match run(&line[..line.len() - word], b'#') {
        0 => run(line, b':'),
        marks => word + marks,
    }
}

/// Number of bytes of a character that the end cuts.
fn begun_character(line: &[u8]) -> usize {
    let last = line.utf8_chunks().last().map_or(&[][..], |chunk| chunk.invalid());
    let cut = std::str::from_utf8(last).is_err_and(|e| e.error_len().is_none());
    if cut { last.len() } else { 0 }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::model::sanitize::inert;

    /// What is shown of a stream that comes in these pieces.
    fn shown(pieces: &[&[u8]]) -> String {
        let mut parts = Parts::default();
        let mut all: Vec<_> = pieces.iter().flat_map(|piece| parts.push(piece)).collect();
        all.push(parts.end());
        all.iter().map(|part| inert(&String::from_utf8_lossy(part))).collect()
    }

    #[test]
    fn holds_the_beginning_of_a_line_until_it_ends() {
        let mut parts = Parts::default();
        assert_eq!(parts.push(b"one\ntwo\nthr"), [b"one\ntwo\n"]);
        assert!(parts.push(b"ee").is_empty());
        assert_eq!(parts.push(b"\n"), [b"three\n"]);
        assert!(parts.push(b"end").is_empty());
        assert_eq!(parts.end(), b"end");
    }

    #[test]
    fn no_command_gets_through_between_two_parts() {
        for command in ["##[group]evil", "##vso[task.setvariable]evil", "#####vso[evil", "é##[evil"] {
            for length in (MAX_PART - 30)..(MAX_PART + 5) {
                let line = format!("{}{command}\n", "x ".repeat(length / 2) + &"y".repeat(length % 2));
                for at in [length, length + 1, length + 2, length + 4] {
                    let (a, b) = line.as_bytes().split_at(at);
                    for shown in [shown(&[a, b]), shown(&[line.as_bytes()])] {
                        assert!(!shown.contains("##[") && !shown.contains("##vso["), "{command} at {length}");
                        assert!(shown.ends_with("evil\n") && !shown.contains('\u{fffd}'), "{command} at {length}");
                    }
                }
            }
        }
        for length in (MAX_PART - 30)..(MAX_PART + 5) {
            let shown = shown(&[format!("{}::error::evil\n", " ".repeat(length)).as_bytes()]);
            assert!(!shown.trim_start().starts_with("::"), "{length}: {}", shown.trim_start());
        }
        // A command that never ends its word.
        for endless in ["#".repeat(9_000), format!("##{}", "a".repeat(9_000)), ":".repeat(9_000)] {
            let shown = shown(&[format!("{endless}[evil\n").as_bytes()]);
            assert!(shown.lines().all(|l| inert(l) == l), "{shown}");
        }
    }

    #[test]
    fn a_long_line_keeps_its_bytes() {
        for text in ["x".repeat(100_000), "日本語".repeat(9_000), "a#b:c\r".repeat(9_000)] {
            let text = format!("first\n{text}\nlast");
            for size in [1_000, 4_096, 65_536] {
                let mut parts = Parts::default();
                let mut all: Vec<_> = text.as_bytes().chunks(size).flat_map(|piece| parts.push(piece)).collect();
                all.push(parts.end());
                for part in &all {
                    assert!(std::str::from_utf8(part).unwrap().lines().all(|l| l.len() <= MAX_PART));
                }
                assert_eq!(String::from_utf8(all.concat()).unwrap(), text);
            }
        }
    }

    #[test]
    fn what_the_other_stream_shows_does_not_go_on_with_the_end() {
        for (said, ends) in [("a ##", "a ##\n"), ("##vso", "##vso\n"), (":", ":\n"), ("a b", "a b"), ("", "")] {
            let mut parts = Parts::default();
            assert!(parts.push(said.as_bytes()).is_empty());
            assert_eq!(parts.end(), ends.as_bytes());
        }
    }
}
