//! Unpacks the archive that a service has sent.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

use super::copied::{Copied, MAX_BYTES, MAX_ENTRIES};

/// Where a copy goes.
pub struct Place {
    /// The folder that holds it.
    folder: PathBuf,
    /// Its final path, in that folder.
    target: PathBuf,
}

impl Place {
    /// The place for a copy of `name`: in `to` if that is a folder, and otherwise by this name. The error says why not.
    pub fn new(to: &Path, name: &str) -> Result<Self, String> {
        let into = to.is_dir() || to.as_os_str().as_bytes().ends_with(b"/");
        let target = if into { to.join(name) } else { to.to_owned() };
        let parent = target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !parent.is_dir() {
            return Err(format!("there is no folder {}", parent.display()));
        }
        Ok(Self { folder: parent.to_owned(), target })
    }

    /// Unpacks the archive of one file or folder, and gives it its name when it is complete.
    pub fn unpack(&self, archive: File, name: &str) -> Result<Copied, String> {
        let words = |e: io::Error| e.to_string();
        // Nobody else writes here, so that no path leads through a link.
        let staging = tempfile::Builder::new().prefix(".dayfly-cp-").tempdir_in(&self.folder).map_err(words)?;
        let top = staging.path().join("copy");
        let copied = unpack(archive, name, &top)?;
        let Ok(kind) = fs::symlink_metadata(&top) else {
            return Err("it is a link or a special file, or nothing was sent".into());
        };
        match fs::symlink_metadata(&self.target) {
            Ok(found) if found.is_dir() || kind.is_dir() => {
                Err(format!("{} exists; remove it, or name another target", self.target.display()))
            }
            // A link with this name is replaced, and not followed.
            _ => fs::rename(&top, &self.target).map(|()| copied).map_err(words),
        }
    }
}

fn unpack(archive: File, name: &str, top: &Path) -> Result<Copied, String> {
    let words = |e: io::Error| e.to_string();
    let mut copied = Copied::default();
    let mut archive = tar::Archive::new(io::BufReader::new(archive));
    for (number, entry) in archive.entries().map_err(words)?.enumerate() {
        let mut entry = entry.map_err(words)?;
        if number >= MAX_ENTRIES {
            return Err(format!("it has more than {MAX_ENTRIES} files and folders; copy a part of it"));
        }
        let path = place_of(&entry.path_bytes(), name, top)?;
        let kind = entry.header().entry_type();
        if kind.is_dir() {
            fs::create_dir_all(&path).map_err(words)?;
        } else if kind.is_file() || kind.is_gnu_sparse() {
            fs::create_dir_all(path.parent().unwrap_or(top)).map_err(words)?;
            let executable = entry.header().mode().is_ok_and(|mode| mode & 0o100 != 0);
            let mode = if executable { 0o755 } else { 0o644 };
            let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&path).map_err(words)?;
            let room = MAX_BYTES - copied.bytes;
            let length = io::copy(&mut (&mut entry).take(room.saturating_add(1)), &mut file).map_err(words)?;
            if length > room {
                return Err(format!("it is larger than {} MiB; copy a part of it", MAX_BYTES >> 20));
            }
            copied.files += 1;
            copied.bytes += length;
        } else {
            copied.skipped += 1;
        }
    }
    Ok(copied)
}

/// The path of an entry below the top; the archive holds nothing else.
fn place_of(path: &[u8], name: &str, top: &Path) -> Result<PathBuf, String> {
    let outside = || Err("the service sent a path that leads outside of what was asked for".to_owned());
    let mut parts = Path::new(OsStr::from_bytes(path)).components().filter(|part| *part != Component::CurDir);
    if parts.next() != Some(Component::Normal(OsStr::new(name))) {
        return outside();
    }
    let mut place = top.to_owned();
    for part in parts {
        match part {
            Component::Normal(part) => place.push(part),
            _ => return outside(),
        }
    }
    Ok(place)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::{Seek, Write};

    use super::*;

    /// An archive of these entries: type, path, content or target.
    fn archive(entries: &[(tar::EntryType, &str, &str)]) -> File {
        let mut builder = tar::Builder::new(tempfile::tempfile().unwrap());
        for (kind, path, content) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(*kind);
            header.set_mode(0o644);
            // As it is: the library would refuse what an attacker writes.
            header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
            if *kind == tar::EntryType::Symlink {
                header.set_link_name(content).unwrap();
                header.set_size(0);
                header.set_cksum();
                builder.append(&header, io::empty()).unwrap();
            } else {
                header.set_size(content.len() as u64);
                header.set_cksum();
                builder.append(&header, content.as_bytes()).unwrap();
            }
        }
        let mut file = builder.into_inner().unwrap();
        file.rewind().unwrap();
        file
    }

    const FILE: tar::EntryType = tar::EntryType::Regular;
    const DIR: tar::EntryType = tar::EntryType::Directory;
    const LINK: tar::EntryType = tar::EntryType::Symlink;

    #[test]
    fn unpacks_a_folder_without_its_links() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::new(folder.path(), "data").unwrap();
        let entries = [
            (DIR, "./data/", ""),
            (LINK, "./data/out", "/etc"),
            (FILE, "./data/a/b", "text"),
            (FILE, "./data/out/x", "beside the link"),
        ];
        let copied = place.unpack(archive(&entries), "data").unwrap();
        assert_eq!(copied, Copied { files: 2, bytes: 19, skipped: 1 });
        assert_eq!(fs::read(folder.path().join("data/a/b")).unwrap(), b"text");
        assert!(fs::symlink_metadata(folder.path().join("data/out")).unwrap().is_dir());
        // Again, it would mix with what is there.
        assert!(place.unpack(archive(&entries), "data").unwrap_err().contains("exists"));
    }

    #[test]
    fn refuses_paths_outside_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::new(folder.path(), "data").unwrap();
        for path in ["../x", "./data/../../x", "/etc/x", "other", "./data/../x", ".."] {
            let why = place.unpack(archive(&[(DIR, "./data/", ""), (FILE, path, "evil")]), "data").unwrap_err();
            assert!(why.contains("outside"), "{path}: {why}");
        }
        assert!(place.unpack(archive(&[(LINK, "./data", "/etc")]), "data").is_err());
        let twice = [(FILE, "./data", "1"), (FILE, "./data", "2")];
        assert!(place.unpack(archive(&twice), "data").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_link_in_place_of_the_target_is_replaced_and_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let victim = folder.path().join("victim");
        File::create(&victim).unwrap().write_all(b"mine").unwrap();
        let target = folder.path().join("target");
        std::os::unix::fs::symlink(&victim, &target).unwrap();
        let place = Place::new(&target, "data").unwrap();
        place.unpack(archive(&[(FILE, "data", "new")]), "data").unwrap();
        assert_eq!((fs::read(&victim).unwrap(), fs::read(&target).unwrap()), (b"mine".into(), b"new".into()));
    }
}
