//! Tar archives: packs files for volumes, unpacks results.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Component, Path};

/// An entry of an archive.
pub enum Entry<'a> {
    /// A file that is readable by everyone and writable by no one: path, content.
    File(&'a str, &'a [u8]),
    /// A folder: path, user id, group id, mode.
    Folder(&'a str, u32, u32, u32),
}

/// Packs entries into a tar archive; files belong to root.
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

/// Files by relative path, and the reasons for those that are missing.
pub type Unpacked = (BTreeMap<String, Vec<u8>>, Vec<String>);

/// Unpacks the regular files of an archive, which may be truncated, up to `limit` bytes in total.
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
        match entry.map_err(|e| format!("the results are truncated: {e}")).and_then(|e| read_entry(e, &mut room)) {
            Ok(Some((path, content))) => drop(files.insert(path, content)),
            Ok(None) => {}
            Err(why) => lost.push(why),
        }
    }
    (files, lost)
}

fn read_entry(mut entry: tar::Entry<'_, &[u8]>, room: &mut u64) -> Result<Option<(String, Vec<u8>)>, String> {
    let path = entry.path().map_err(|e| format!("a result has an unreadable name: {e}"))?.into_owned();
    let name = relative(&path)?;
    let kind = entry.header().entry_type();
    if kind.is_dir() {
        return Ok(None);
    }
    if !kind.is_file() {
        return Err(format!("{name}: not collected because it is not a regular file"));
    }
    let size = entry.header().size().map_err(|e| format!("{name}: {e}"))?;
    if size > *room {
        return Err(format!("{name}: not collected because the results exceed the size limit"));
    }
    let mut content = Vec::new();
    entry.read_to_end(&mut content).map_err(|e| format!("{name}: {e}"))?;
    if content.len() as u64 != size {
        return Err(format!("{name}: truncated"));
    }
    *room -= size;
    Ok(Some((name, content)))
}

/// Returns a relative path as text; refuses one that leads out of the folder.
fn relative(path: &Path) -> Result<String, String> {
    let parts = path.components().filter(|c| *c != Component::CurDir).map(|part| match part {
        Component::Normal(name) => name.to_str().ok_or_else(|| format!("{}: its name is not text", path.display())),
        _ => Err(format!("{}: leads out of the folder", path.display())),
    });
    Ok(parts.collect::<Result<Vec<_>, _>>()?.join("/"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn unpacks_packed_files() {
        let archive =
            pack(&[Entry::Folder("d", 1, 2, 0o755), Entry::File("./d/a", b"one"), Entry::File("b", b"")]).unwrap();
        assert_eq!(
            unpack(&archive, 100),
            (BTreeMap::from([("d/a".to_owned(), b"one".to_vec()), ("b".to_owned(), vec![])]), vec![])
        );
    }

    #[test]
    fn unpacks_the_complete_files_of_a_truncated_archive() {
        let archive = pack(&[Entry::File("a", &[1; 600]), Entry::File("b", &[2; 6000])]).unwrap();
        let (files, lost) = unpack(&archive[..3000], 10_000);
        assert_eq!(files.keys().collect::<Vec<_>>(), ["a"]);
        assert_eq!(lost[0], "b: truncated");
    }

    #[test]
    fn skips_a_file_above_the_limit_and_collects_later_ones() {
        let archive = pack(&[Entry::File("big", &[1; 600]), Entry::File("small", &[2; 60])]).unwrap();
        let (files, lost) = unpack(&archive, 100);
        assert_eq!(
            (files.len(), lost),
            (1, vec!["big: not collected because the results exceed the size limit".to_owned()])
        );
    }

    #[test]
    fn refuses_a_path_that_leads_out_of_the_folder() {
        assert!(relative(Path::new("../x")).is_err() && relative(Path::new("/etc/x")).is_err());
        assert_eq!(relative(Path::new("./x/y")).unwrap(), "x/y");
    }
}
