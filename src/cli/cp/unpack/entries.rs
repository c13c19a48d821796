//! The entries of an archive that a service has sent: bounded, without links, and inside one new folder.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use tokio_util::sync::CancellationToken;

use super::super::copied::{Copied, MAX_BYTES, MAX_ENTRIES, PIECE};

/// Deepest folder of a copy.
const MAX_DEPTH: usize = 100;
/// Most bytes before the content of an entry: its header, its long names and its other attributes.
const MAX_HEADER: u64 = 256 << 10;

/// The words of an error.
pub fn words(error: io::Error) -> String {
    error.to_string()
}

/// An archive that is unpacked into a new folder.
pub struct Unpacking<'a> {
    top: &'a Path,
    stop: &'a CancellationToken,
    /// Folders that were made.
    folders: BTreeSet<PathBuf>,
    copied: Copied,
}

impl<'a> Unpacking<'a> {
    /// Into this folder or file.
    pub fn new(top: &'a Path, stop: &'a CancellationToken) -> Self {
        Self { top, stop, folders: BTreeSet::new(), copied: Copied::default() }
    }

    /// Unpacks all entries of `name`.
    pub fn all(mut self, archive: File, name: &str) -> Result<Copied, String> {
        let room = Rc::new(Cell::new(u64::MAX));
        let mut archive = tar::Archive::new(Bounded { inner: io::BufReader::new(archive), room: room.clone() });
        let mut entries = archive.entries().map_err(words)?;
        for number in 0.. {
            // The library keeps names and attributes in memory, however long they are.
            room.set(MAX_HEADER);
            let Some(entry) = entries.next() else { break };
            let mut entry = entry.map_err(words)?;
            room.set(u64::MAX);
            if number + self.folders.len() >= MAX_ENTRIES {
                return Err(format!("it has more than {MAX_ENTRIES} files and folders; copy a part of it"));
            }
            let path = place_of(&entry.path_bytes(), name, self.top)?;
            let kind = entry.header().entry_type();
            if kind.is_dir() {
                self.folder(&path)?;
            } else if kind.is_file() || kind.is_gnu_sparse() {
                self.folder(path.parent().filter(|parent| parent.starts_with(self.top)).unwrap_or(Path::new("")))?;
                self.file(&mut entry, &path)?;
            } else {
                self.copied.skipped += 1;
            }
            // What is left of it is no part of the next header.
            io::copy(&mut entry, &mut io::sink()).map_err(words)?;
        }
        Ok(self.copied)
    }

    /// Makes a folder and those above it, down from the top.
    fn folder(&mut self, path: &Path) -> Result<(), String> {
        let missing = path.ancestors().take_while(|f| f.starts_with(self.top) && !self.folders.contains(*f));
        let missing: Vec<PathBuf> = missing.map(Path::to_owned).collect();
        for folder in missing.into_iter().rev() {
            if self.folders.len() >= MAX_ENTRIES {
                return Err(format!("it has more than {MAX_ENTRIES} folders; copy a part of it"));
            }
            fs::create_dir(&folder).map_err(words)?;
            self.folders.insert(folder);
        }
        Ok(())
    }

    fn file(&mut self, entry: &mut tar::Entry<'_, impl Read>, path: &Path) -> Result<(), String> {
        let executable = entry.header().mode().is_ok_and(|mode| mode & 0o100 != 0);
        let mode = if executable { 0o755 } else { 0o644 };
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(words)?;
        let mut buffer = vec![0; PIECE];
        loop {
            if self.stop.is_cancelled() {
                return Err("interrupted".into());
            }
            let length = match entry.read(&mut buffer).map_err(words)? {
                0 => break,
                length => length,
            };
            self.copied.bytes += length as u64;
            if self.copied.bytes > MAX_BYTES {
                return Err(format!("it is larger than {} MiB; copy a part of it", MAX_BYTES >> 20));
            }
            file.write_all(&buffer[..length]).map_err(words)?;
        }
        self.copied.files += 1;
        Ok(())
    }
}

/// A reader that gives no more than there is room for.
struct Bounded<R> {
    inner: R,
    room: Rc<Cell<u64>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        let left = self.room.get().checked_sub(length as u64);
        self.room.set(left.ok_or_else(|| io::Error::other("the service sent a name or attributes that are too long"))?);
        Ok(length)
    }
}

/// The path of an entry below the top; the archive holds nothing else.
fn place_of(path: &[u8], name: &str, top: &Path) -> Result<PathBuf, String> {
    let outside = || Err("the service sent a path that leads outside of what was asked for".to_owned());
    let mut parts = Path::new(OsStr::from_bytes(path)).components().filter(|part| *part != Component::CurDir);
    if parts.next() != Some(Component::Normal(OsStr::new(name))) {
        return outside();
    }
    let mut place = top.to_owned();
    for (depth, part) in parts.enumerate() {
        if depth >= MAX_DEPTH {
            return Err(format!("it has folders that are more than {MAX_DEPTH} deep; copy a part of it"));
        }
        match part {
            Component::Normal(part) => place.push(part),
            _ => return outside(),
        }
    }
    Ok(place)
}
