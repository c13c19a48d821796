//! Unpacks the archive that a service has sent, and puts it in its place when it is complete.

use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use super::copied::Copied;
use entries::{Unpacking, words};

mod entries;
mod join;

/// Where a copy goes.
pub struct Place {
    /// A folder beside it, or itself, in which it is unpacked.
    folder: PathBuf,
    /// Its final path.
    target: PathBuf,
}

impl Place {
    /// The place for a copy of `name`: in `to` if that is a folder, and otherwise by this name. Of a folder, `is_content` goes
    /// into `to` itself. The error says why not.
    pub fn new(to: &Path, name: &str, is_content: bool) -> Result<Self, String> {
        let into = !is_content && (to.is_dir() || to.as_os_str().as_bytes().ends_with(b"/"));
        let target = if into { to.join(name) } else { to.to_owned() };
        if is_content && target.is_dir() {
            let target = target.canonicalize().map_err(words)?;
            return Ok(Self { folder: target.clone(), target });
        }
        let parent = target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !parent.is_dir() {
            return Err(format!("there is no folder {}", parent.display()));
        }
        Ok(Self { folder: parent.to_owned(), target })
    }

    /// Unpacks the archive of one file or folder, and gives it its name when it is complete; in a folder that is there, files of
    /// the same name are replaced. When stopped, nothing of it stays.
    pub fn unpack(&self, archive: File, name: &str, stop: &CancellationToken) -> Result<Copied, String> {
        // Nobody else writes here, so that no path leads through a link.
        let staging = tempfile::Builder::new().prefix(".dayfly-cp-").tempdir_in(&self.folder).map_err(words)?;
        let top = staging.path().join("copy");
        let copied = Unpacking::new(&top, stop).all(archive, name)?;
        if fs::symlink_metadata(&top).is_err() {
            return Err("it is a link or a special file, or nothing was sent".into());
        }
        join::check(&top, &self.target)?;
        join::join(&top, &self.target).map_err(words)?;
        Ok(copied)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::{self, Read, Seek, Write};

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
        let place = Place::new(folder.path(), "data", false).unwrap();
        let entries = [
            (DIR, "./data/", ""),
            (LINK, "./data/out", "/etc"),
            (FILE, "./data/a/b", "text"),
            (FILE, "./data/out/x", "beside the link"),
        ];
        let copied = place.unpack(archive(&entries), "data", &CancellationToken::new()).unwrap();
        assert_eq!(copied, Copied { files: 2, bytes: 19, skipped: 1 });
        assert_eq!(fs::read(folder.path().join("data/a/b")).unwrap(), b"text");
        assert!(fs::symlink_metadata(folder.path().join("data/out")).unwrap().is_dir());
    }

    #[test]
    fn joins_folders_and_replaces_files_but_neither_by_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        let place = Place::new(folder.path(), "data", false).unwrap();
        let unpack = |entries: &[(tar::EntryType, &str, &str)]| {
            place.unpack(archive(entries), "data", &CancellationToken::new())
        };
        unpack(&[(FILE, "./data/a/old", "old"), (FILE, "./data/a/both", "old")]).unwrap();
        unpack(&[(FILE, "./data/a/new", "new"), (FILE, "./data/a/both", "new")]).unwrap();
        let read = |path: &str| fs::read_to_string(at(path)).unwrap();
        assert_eq!(
            (read("data/a/old"), read("data/a/both"), read("data/a/new")),
            ("old".into(), "new".into(), "new".into())
        );
        // Nothing is changed if anything does not fit.
        let folder_for_file = [(FILE, "./data/0", "first"), (FILE, "./data/a/both/x", "")];
        assert!(unpack(&folder_for_file).unwrap_err().contains("both is there, and is no folder"));
        let file_for_folder = [(FILE, "./data/0", "first"), (FILE, "./data/a", "")];
        assert!(unpack(&file_for_folder).unwrap_err().contains("a is a folder"));
        fs::create_dir(at("elsewhere")).unwrap();
        std::os::unix::fs::symlink(at("elsewhere"), at("data/link")).unwrap();
        assert!(unpack(&[(FILE, "./data/0", ""), (FILE, "./data/link/x", "")]).unwrap_err().contains("link"));
        // Nor is the target itself.
        fs::rename(at("data"), at("moved")).unwrap();
        std::os::unix::fs::symlink(at("moved"), at("data")).unwrap();
        assert!(unpack(&[(FILE, "./data/0", "")]).unwrap_err().contains("link"));
        fs::remove_file(at("data")).unwrap();
        fs::rename(at("moved"), at("data")).unwrap();
        assert!(!at("data/0").exists() && fs::read_dir(at("elsewhere")).unwrap().count() == 0);
        // The content of a folder, into a folder that is there and one that is not.
        let new = Place::new(&at("new"), "data", true).unwrap();
        new.unpack(archive(&[(FILE, "./data/x", "1")]), "data", &CancellationToken::new()).unwrap();
        let there = Place::new(&at("data"), "data", true).unwrap();
        there.unpack(archive(&[(FILE, "./data/x", "1")]), "data", &CancellationToken::new()).unwrap();
        assert_eq!((read("new/x"), read("data/x")), ("1".into(), "1".into()));
    }

    #[test]
    fn refuses_more_depth_folders_and_attributes_than_fit_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::new(folder.path(), "data", false).unwrap();
        let long = |kind: tar::EntryType, size: usize| {
            let mut builder = tar::Builder::new(tempfile::tempfile().unwrap());
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(kind);
            header.set_path("././@LongLink").unwrap();
            header.set_size(size as u64);
            header.set_cksum();
            builder.append(&header, io::repeat(b'a').take(size as u64)).unwrap();
            let mut file = builder.into_inner().unwrap();
            file.rewind().unwrap();
            place.unpack(file, "data", &CancellationToken::new()).unwrap_err()
        };
        for kind in [tar::EntryType::GNULongName, tar::EntryType::GNULongLink, tar::EntryType::XHeader] {
            assert!(long(kind, 100 << 20).contains("too long"), "{kind:?}");
        }
        let mut builder = tar::Builder::new(tempfile::tempfile().unwrap());
        let mut header = tar::Header::new_gnu();
        header.set_size(0);
        let deep = format!("data/{}", "d/".repeat(200));
        builder.append_data(&mut header, format!("{deep}x"), io::empty()).unwrap();
        let mut file = builder.into_inner().unwrap();
        file.rewind().unwrap();
        assert!(place.unpack(file, "data", &CancellationToken::new()).unwrap_err().contains("deep"));
        let stop = CancellationToken::new();
        stop.cancel();
        assert!(place.unpack(archive(&[(FILE, "./data/x", "1")]), "data", &stop).unwrap_err().contains("interrupted"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn refuses_paths_outside_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::new(folder.path(), "data", false).unwrap();
        for path in ["../x", "./data/../../x", "/etc/x", "other", "./data/../x", ".."] {
            let why = place
                .unpack(archive(&[(DIR, "./data/", ""), (FILE, path, "evil")]), "data", &CancellationToken::new())
                .unwrap_err();
            assert!(why.contains("outside"), "{path}: {why}");
        }
        assert!(place.unpack(archive(&[(LINK, "./data", "/etc")]), "data", &CancellationToken::new()).is_err());
        let twice = [(FILE, "./data", "1"), (FILE, "./data", "2")];
        assert!(place.unpack(archive(&twice), "data", &CancellationToken::new()).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_link_in_place_of_the_target_is_replaced_and_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let victim = folder.path().join("victim");
        File::create(&victim).unwrap().write_all(b"mine").unwrap();
        let target = folder.path().join("target");
        std::os::unix::fs::symlink(&victim, &target).unwrap();
        let place = Place::new(&target, "data", false).unwrap();
        place.unpack(archive(&[(FILE, "data", "new")]), "data", &CancellationToken::new()).unwrap();
        assert_eq!((fs::read(&victim).unwrap(), fs::read(&target).unwrap()), (b"mine".into(), b"new".into()));
    }
}
