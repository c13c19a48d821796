//! Reads evidence from a folder that may be hostile: regular files of that folder only, of bounded size.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use super::EvidenceError;
use super::store::{RAW, REPORT, STAGED, failed};

/// Maximum size of all files together, in bytes: what a run can store in a cluster, unpacked.
pub const MAX_BYTES: u64 = 512 << 20;
/// Maximum number of entries in a folder.
const MAX_ENTRIES: usize = 20_000;

/// Reads the files that `verify::folder` checks, by path below `dir`: `report.json`, statements, bundles, and everything
/// in `raw`. Ignores files with other names; refuses links, devices, pipes and folders in their place.
pub fn read_run(dir: &Path) -> Result<BTreeMap<String, Vec<u8>>, EvidenceError> {
    let mut files = BTreeMap::new();
    let mut left = MAX_BYTES;
    read_into(&mut files, &mut left, dir, "", |name| {
        name == REPORT || name.ends_with(".intoto.jsonl") || name.ends_with(".sigstore.json")
    })?;
    let raw = dir.join(RAW);
    match fs::symlink_metadata(&raw) {
        Ok(meta) if meta.is_dir() => read_into(&mut files, &mut left, &raw, "raw/", |name| !name.starts_with(STAGED))?,
        Ok(_) => return Err(unsafe_file(&raw, "it is not a folder")),
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(e) => return Err(failed("read", &raw)(e)),
    }
    Ok(files)
}

/// Reads one regular file of at most `MAX_BYTES` bytes. Follows no link in the last part of the path.
pub fn read_file(path: &Path) -> Result<Vec<u8>, EvidenceError> {
    read_regular(path, MAX_BYTES)
}

fn read_into(
    files: &mut BTreeMap<String, Vec<u8>>,
    left: &mut u64,
    dir: &Path,
    prefix: &str,
    wanted: impl Fn(&str) -> bool,
) -> Result<(), EvidenceError> {
    for (count, entry) in fs::read_dir(dir).map_err(failed("read", dir))?.enumerate() {
        if count >= MAX_ENTRIES {
            return Err(unsafe_file(dir, &format!("it has more than {MAX_ENTRIES} entries")));
        }
        let path = entry.map_err(failed("read", dir))?.path();
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        if wanted(&name) {
            let bytes = read_regular(&path, *left)?;
            *left -= bytes.len() as u64;
            files.insert(format!("{prefix}{name}"), bytes);
        }
    }
    Ok(())
}

/// Opens without waiting for a pipe's writer, and checks the opened file itself, so that no exchange can come between.
fn read_regular(path: &Path, most: u64) -> Result<Vec<u8>, EvidenceError> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(rustix::io::Errno::LOOP) => return Err(unsafe_file(path, "it is a symbolic link")),
        // Sockets, and devices without a driver, cannot be opened.
        Err(rustix::io::Errno::NXIO) => return Err(unsafe_file(path, "it is not a regular file")),
        Err(e) => return Err(failed("read", path)(e.into())),
    };
    if !file.metadata().map_err(failed("read", path))?.is_file() {
        return Err(unsafe_file(path, "it is not a regular file"));
    }
    let mut bytes = vec![];
    file.take(most + 1).read_to_end(&mut bytes).map_err(failed("read", path))?;
    if bytes.len() as u64 > most {
        return Err(unsafe_file(path, &format!("evidence is limited to {} MiB in all", MAX_BYTES >> 20)));
    }
    Ok(bytes)
}

fn unsafe_file(path: &Path, why: &str) -> EvidenceError {
    EvidenceError::UnsafeFile { path: path.to_owned(), why: why.to_owned() }
}
