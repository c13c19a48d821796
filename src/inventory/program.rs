//! What programs in Go and Rust are built of: Go's build information, and the list that `cargo auditable` adds. Pure, given a reader.
//!
//! Programs are known by marks in their bytes. One without a readable list stays one that is not read.

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::named::Named;
use super::role::Unread;
use super::walk::words;

mod elf;
mod go;
mod rust;

/// First bytes of a program or library of Linux.
const ELF: [u8; 4] = *b"\x7fELF";
/// The build information of Go; places in the sources of Rust's standard library.
const MARKS: [&[u8]; 3] = [go::MAGIC, b"/rustc/", b"library/core/src/"];
/// Bytes that are read at a time.
const PIECE: usize = 256 << 10;
/// Largest program of which all is kept in memory, because the list of `cargo auditable` is found by the table at its end.
const MAX_WHOLE: usize = 64 << 20;
/// Most places of a program that are tried for Go's build information: one that embeds others has several.
const MAX_INFOS: usize = 16;
/// Most packages of a program.
const MAX_PACKAGES: usize = 20_000;

static FINDER: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| AhoCorasick::new(MARKS).ok());

/// What a program is built of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Program {
    /// Modules of Go, with the standard library.
    pub go: BTreeSet<Named>,
    /// Crates of Rust.
    pub rust: BTreeSet<Named>,
    /// The languages of which it has no readable list.
    pub unread: BTreeSet<Unread>,
}

impl Program {
    /// Bytes of memory, about.
    pub(super) fn weight(&self) -> usize {
        self.go.iter().chain(&self.rust).map(|n| 64 + n.name.len() + n.version.len()).sum()
    }
}

/// Reads a program; none for other files, and for programs in other languages.
pub(super) fn read(content: &mut dyn Read) -> Result<Option<Program>, String> {
    let mut first = vec![];
    content.take(ELF.len() as u64).read_to_end(&mut first).map_err(words)?;
    let (true, Some(finder)) = (first == ELF, FINDER.as_ref()) else { return Ok(None) };
    let mut window = Window { content, bytes: first.clone(), at: 0, whole: Some(first), ended: false };
    let mut program = Program::default();
    let (mut has_rust, mut has_go, mut is_whole, mut infos) = (false, false, true, 0);
    while !window.ended {
        window.fill(PIECE)?;
        let mut from = 0;
        while let Some(found) = finder.find(&window.bytes[from..]) {
            let begin = from + found.start();
            from += found.end();
            if found.pattern().as_usize() > 0 {
                has_rust = true;
                continue;
            }
            has_go = true;
            // Elsewhere it is a text of a program that looks for it in others.
            if !(window.at + begin).is_multiple_of(go::ALIGNMENT) {
                continue;
            }
            infos += 1;
            if infos > MAX_INFOS {
                is_whole = false;
                continue;
            }
            window.fill(begin + go::MAX_INFO)?;
            if let Some(info) = go::parse(&window.bytes[begin..]) {
                program.go.extend(info.packages);
                is_whole &= info.has_modules;
            }
        }
        window.forget(from);
    }
    if has_go && (program.go.is_empty() || !is_whole) {
        program.unread.insert(Unread::Go);
    }
    if has_rust {
        match window.whole.as_deref().and_then(rust::parse) {
            Some(crates) => program.rust.extend(crates),
            None => drop(program.unread.insert(Unread::Rust)),
        }
    }
    if program.go.len() + program.rust.len() > MAX_PACKAGES {
        return Err(format!("a program has more than {MAX_PACKAGES} modules"));
    }
    Ok((has_go || has_rust).then_some(program))
}

/// The part of a program that is looked at.
struct Window<'a> {
    content: &'a mut dyn Read,
    bytes: Vec<u8>,
    /// Where the part begins in the program.
    at: usize,
    /// All that was read, unless that is too much.
    whole: Option<Vec<u8>>,
    ended: bool,
}

impl Window<'_> {
    /// Reads until the part has this length, or ends with the program.
    fn fill(&mut self, length: usize) -> Result<(), String> {
        let missing = length.saturating_sub(self.bytes.len());
        let before = self.bytes.len();
        self.content.take(missing as u64).read_to_end(&mut self.bytes).map_err(words)?;
        let new = &self.bytes[before..];
        self.ended |= new.len() < missing;
        match &mut self.whole {
            Some(whole) if whole.len() + new.len() <= MAX_WHOLE => whole.extend_from_slice(new),
            whole => *whole = None,
        }
        Ok(())
    }

    /// Forgets what was searched up to `from`, but not what may be the first half of a mark.
    fn forget(&mut self, from: usize) {
        let longest = MARKS.iter().map(|mark| mark.len()).max().unwrap_or(0);
        let keep = from.max((self.bytes.len() + 1).saturating_sub(longest)).min(self.bytes.len());
        self.bytes.drain(..keep);
        self.at += keep;
    }
}

/// True if a package's list of files must keep the path, so that its programs are known to be its own.
pub(super) fn may_be(path: &str) -> bool {
    !path.starts_with("usr/share/")
}

/// The other path of a file where `/bin`, `/sbin` and `/lib` are links into `/usr`.
pub(super) fn without_usr(path: &str) -> &str {
    path.strip_prefix("usr/").unwrap_or(path)
}

#[cfg(test)]
pub(super) mod tests;
