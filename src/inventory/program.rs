//! Programs that carry what they are built of, by marks in their bytes. Pure, given a reader.

use std::io::{Chain, Cursor, Read};
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::role::Unread;
use super::walk::words;

/// First bytes of a program or library of Linux.
const ELF: [u8; 4] = *b"\x7fELF";
/// The build information of Go; where Rust's standard library was compiled.
const MARKS: [(&str, Unread); 2] = [(" Go buildinf:", Unread::Go), ("/rustc/", Unread::Rust)];

static FINDER: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| AhoCorasick::new(MARKS.map(|(mark, _)| mark)).ok());

/// The language whose dependencies a program has inside, if it is one of those that are known; reads it to the mark.
pub(super) fn language(content: &mut dyn Read) -> Result<Option<Unread>, String> {
    let mut first = vec![];
    content.take(ELF.len() as u64).read_to_end(&mut first).map_err(words)?;
    let (true, Some(finder)) = (first == ELF, FINDER.as_ref()) else { return Ok(None) };
    let whole: Chain<Cursor<Vec<u8>>, &mut dyn Read> = Cursor::new(first).chain(content);
    match finder.stream_find_iter(whole).next() {
        Some(found) => Ok(MARKS.get(found.map_err(words)?.pattern().as_usize()).map(|(_, language)| *language)),
        None => Ok(None),
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
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn knows_programs_by_their_marks() {
        let far = "x".repeat(200_000);
        let of = |content: &str| language(&mut content.as_bytes()).unwrap();
        assert_eq!(of(&format!("\x7fELF{far} Go buildinf:{far}")), Some(Unread::Go));
        assert_eq!(of(&format!("\x7fELF{far}/rustc/59807616e1fa/library/core")), Some(Unread::Rust));
        for other in ["", "\x7fEL", "\x7fELF", "#!/bin/sh\n# /rustc/ Go buildinf:", &format!("\x7fELF{far}")] {
            assert_eq!(of(other), None, "{}", &other[..other.len().min(20)]);
        }
    }
}
