//! The entries of a tar archive, with bounds for what its headers may claim.

use std::io::Read;

use tar::{Archive, EntryType, PaxExtensions};

use super::budget::{Budget, MAX_EXTENDED, MAX_PATH};

/// An entry. Its path has neither `.` nor `..`, and no slash at its ends.
pub(super) struct Item {
    pub path: String,
    pub kind: Kind,
    /// Length of its content in bytes.
    pub size: u64,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Folder,
    /// A symbolic link, with its target as it is written.
    Link(String),
    /// A hard link: another name for the file at this path of the same archive.
    Same(String),
    /// A device, a pipe, or a file that is not stored as one piece.
    Other,
}

/// What extended headers say about the next entry.
#[derive(Default)]
struct Extended {
    path: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    size: Option<u64>,
    sparse: bool,
}

/// Passes each entry to `each`, which may read its content.
pub(super) fn walk(
    reader: &mut dyn Read,
    budget: &Budget,
    each: &mut dyn FnMut(Item, &mut dyn Read) -> Result<(), String>,
) -> Result<(), String> {
    let mut archive = Archive::new(reader);
    let mut extended = Extended::default();
    // Raw, because the library reads extended headers of any length into memory.
    for entry in archive.entries().map_err(words)?.raw(true) {
        let mut entry = entry.map_err(words)?;
        budget.entry()?;
        let size = entry.header().entry_size().map_err(words)?;
        let kind = entry.header().entry_type();
        match kind {
            EntryType::GNULongName => extended.path = Some(name(&mut entry, size)?),
            EntryType::GNULongLink => extended.target = Some(name(&mut entry, size)?),
            EntryType::XHeader => pax(&bounded(&mut entry, size, MAX_EXTENDED)?, &mut extended)?,
            EntryType::XGlobalHeader => {}
            _ => {
                let said = std::mem::take(&mut extended);
                if said.size.is_some_and(|said| said != size) {
                    return Err("an entry has two sizes".into());
                }
                let raw = said.path.unwrap_or_else(|| entry.header().path_bytes().into_owned());
                let target = said.target.or_else(|| entry.header().link_name_bytes().map(|t| t.into_owned()));
                let target = target.unwrap_or_default();
                let kind = match kind {
                    _ if said.sparse => Kind::Other,
                    EntryType::Regular | EntryType::Continuous => Kind::File,
                    EntryType::Directory => Kind::Folder,
                    EntryType::Symlink if target.len() as u64 <= MAX_PATH => {
                        Kind::Link(String::from_utf8_lossy(&target).into_owned())
                    }
                    EntryType::Link => Kind::Same(clean(&target)?),
                    _ => Kind::Other,
                };
                // Old archives mark folders by a slash alone.
                let kind = if kind == Kind::File && raw.ends_with(b"/") { Kind::Folder } else { kind };
                each(Item { path: clean(&raw)?, kind, size }, &mut entry)?;
            }
        }
    }
    Ok(())
}

/// A path without `.`, empty parts and slashes at its ends; the root is empty.
pub(super) fn clean(raw: &[u8]) -> Result<String, String> {
    if raw.len() as u64 > MAX_PATH {
        return Err(format!("a path is longer than {MAX_PATH} bytes"));
    }
    let text = String::from_utf8_lossy(raw);
    let parts: Vec<&str> = text.split('/').filter(|p| !p.is_empty() && *p != ".").collect();
    if parts.contains(&"..") {
        return Err("a path has `..` in it".into());
    }
    Ok(parts.join("/"))
}

/// Reads all of an entry's content, if it is not longer than `most`.
pub(super) fn bounded(reader: &mut dyn Read, size: u64, most: u64) -> Result<Vec<u8>, String> {
    if size > most {
        return Err(format!("it is larger than {} KiB", most >> 10));
    }
    let mut bytes = vec![];
    reader.take(most).read_to_end(&mut bytes).map_err(words)?;
    if bytes.len() as u64 == size { Ok(bytes) } else { Err("it ends early".into()) }
}

fn name(reader: &mut dyn Read, size: u64) -> Result<Vec<u8>, String> {
    let mut bytes = bounded(reader, size, MAX_PATH + 1)?;
    while bytes.last() == Some(&0) {
        bytes.pop();
    }
    Ok(bytes)
}

fn pax(bytes: &[u8], extended: &mut Extended) -> Result<(), String> {
    for field in PaxExtensions::new(bytes) {
        let field = field.map_err(words)?;
        match field.key_bytes() {
            b"path" => extended.path = Some(field.value_bytes().to_vec()),
            b"linkpath" => extended.target = Some(field.value_bytes().to_vec()),
            b"size" => {
                let said = field.value().ok().and_then(|v| v.parse().ok());
                extended.size = Some(said.ok_or("an extended header has an invalid size")?);
            }
            key if key.starts_with(b"GNU.sparse") => extended.sparse = true,
            _ => {}
        }
    }
    Ok(())
}

pub(super) fn words(e: impl std::fmt::Display) -> String {
    crate::model::sanitize::one_line(&e.to_string(), 200)
}
