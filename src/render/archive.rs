//! Tar archives as values: what is put into volumes, and what comes out of a results folder.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Component, Path};

/// An entry of an archive.
pub enum Entry<'a> {
    /// A file that everybody in its container may read; nobody may write it.
    File(&'a str, &'a [u8]),
    /// A folder with its owner and mode.
    Folder(&'a str, u32, u32, u32),
}

/// A tar archive in which every file belongs to root.
pub fn pack(entries: &[Entry<'_>]) -> std::io::Result<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    for entry in entries {
        let mut header = tar::Header::new_gnu();
        match entry {
            Entry::File(path, content) => {
                header.set_mode(0o444);
                header.set_size(content.len() as u64);
                builder.append_data(&mut header, path, *content)?;
            }
            Entry::Folder(path, uid, gid, mode) => {
                header.set_entry_type(tar::EntryType::Directory);
                header.set_mode(*mode);
                header.set_uid(u64::from(*uid));
                header.set_gid(u64::from(*gid));
                header.set_size(0);
                builder.append_data(&mut header, path, std::io::empty())?;
            }
        }
    }
    builder.into_inner()
}

/// Files by path below the archive's first folder, and what could not be taken, with the reason.
pub type Unpacked = (BTreeMap<String, Vec<u8>>, Vec<String>);

/// Takes the plain files out of an archive that may be cut short, at most `limit` bytes together.
pub fn unpack(archive: &[u8], limit: u64) -> Unpacked {
    let mut files = BTreeMap::new();
    let mut lost = vec![];
    let mut room = limit;
    let mut tar = tar::Archive::new(archive);
    let entries = match tar.entries() {
        Ok(entries) => entries,
        Err(e) => return (files, vec![format!("the results could not be read: {e}")]),
    };
    for entry in entries {
        match entry.map_err(|e| format!("the results are cut short: {e}")).and_then(|e| take(e, &mut room)) {
            Ok(Some((path, content))) => drop(files.insert(path, content)),
            Ok(None) => {}
            Err(why) => lost.push(why),
        }
    }
    (files, lost)
}

fn take(mut entry: tar::Entry<'_, &[u8]>, room: &mut u64) -> Result<Option<(String, Vec<u8>)>, String> {
    let path = entry.path().map_err(|e| format!("a result has an unreadable name: {e}"))?.into_owned();
    let Some(name) = below_first(&path) else { return Ok(None) };
    let kind = entry.header().entry_type();
    if kind.is_dir() {
        return Ok(None);
    }
    if !kind.is_file() {
        return Err(format!("{name}: only plain files are collected"));
    }
    let size = entry.header().size().map_err(|e| format!("{name}: {e}"))?;
    if size > *room {
        return Err(format!("{name}: left out, the results are larger than the limit"));
    }
    let mut content = Vec::new();
    entry.read_to_end(&mut content).map_err(|e| format!("{name}: {e}"))?;
    if content.len() as u64 != size {
        return Err(format!("{name}: cut short"));
    }
    *room -= size;
    Ok(Some((name, content)))
}

/// The path without its first folder; none for that folder itself and for paths that lead elsewhere.
fn below_first(path: &Path) -> Option<String> {
    let parts: Vec<&str> = path.components().filter(|c| *c != Component::CurDir).map(|c| if let Component::Normal(n) = c { n.to_str() } else { None }).collect::<Option<_>>()?;
    parts.get(1..).filter(|rest| !rest.is_empty()).map(|rest| rest.join("/"))
}
