//! Go's build information, as Go 1.18 and later write it into programs. Pure.

use super::super::named::Named;

/// Its first bytes.
pub(super) const MAGIC: &[u8] = b"\xff Go buildinf:";
/// It begins at a multiple of this.
pub(super) const ALIGNMENT: usize = 16;
/// Most bytes of it that are read.
pub(super) const MAX_INFO: usize = 4 << 20;
/// Bytes before its texts: the first bytes, size of a pointer, flags, and what older versions have there.
const HEADER: usize = 32;
/// The flag that the texts follow; in older programs, addresses do.
const INLINE: u8 = 2;
/// Longest version of Go in bytes.
const MAX_VERSION: usize = 200;
/// Bytes that mark the beginning and the end of the list of modules.
const SENTINEL: usize = 16;
/// The version of what is built in the folder of its sources: the project's own.
const OWN: &str = "(devel)";

/// What a program says.
pub(super) struct Info {
    pub packages: Vec<Named>,
    /// It lists its modules.
    pub has_modules: bool,
}

/// Parses it from its first bytes on; none if it is something else, as in programs that read it themselves.
pub(super) fn parse(bytes: &[u8]) -> Option<Info> {
    let flags = *bytes.get(MAGIC.len() + 1)?;
    let mut rest = bytes.get(HEADER..).filter(|_| flags & INLINE != 0)?;
    let version = std::str::from_utf8(text(&mut rest).filter(|v| v.len() <= MAX_VERSION)?).ok()?;
    let number = version.strip_prefix("go").or(version.starts_with("devel").then_some(version))?;
    let list = text(&mut rest)?;
    let list = list.get(SENTINEL..list.len().saturating_sub(SENTINEL)).filter(|l| l.ends_with(b"\n")).unwrap_or(&[]);
    let list = std::str::from_utf8(list).ok()?;
    // Programs of Go itself have none; one that was built without modules does not say what is in it.
    let has_modules = list.lines().any(|l| ["mod\t", "dep\t", "path\tcmd/"].iter().any(|begin| l.starts_with(begin)));
    let mut packages = modules(list);
    // `go1.22.3 X:boringcrypto` is that version; one with letters is compared with its `go`.
    let number = number.split(' ').next().unwrap_or(number);
    let is_plain = number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let shown = if is_plain { number } else { version.split(" X:").next().unwrap_or(version) };
    packages.push(Named { name: "stdlib".into(), version: shown.to_owned() });
    Some(Info { packages, has_modules })
}

/// A text with its length before it, as a varint.
fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (all, mut length) = (*rest, 0);
    for (number, byte) in all.iter().take(4).enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * number);
        if byte & 0x80 == 0 {
            *rest = &all[number + 1..];
            return rest.split_off(..length);
        }
    }
    None
}

/// The modules of a list: the main one and what it depends on, with replacements; the project's own are left out.
fn modules(list: &str) -> Vec<Named> {
    let mut all: Vec<Named> = vec![];
    for line in list.lines() {
        let words: Vec<&str> = line.split('\t').collect();
        let [kind, name, version, ..] = words[..] else { continue };
        match kind {
            "mod" | "dep" => {}
            // Takes the place of the one before.
            "=>" => drop(all.pop()),
            _ => continue,
        }
        all.push(Named { name: name.to_owned(), version: version.to_owned() });
    }
    all.retain(|m| m.version != OWN && !m.version.is_empty());
    all
}
