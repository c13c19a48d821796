//! Reads the description, and the files that it refers to: the only input of this stage.
//!
//! Reads regular files only, never more than a limit, and never outside the description's folder.

use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::diagnostic::{DiagnosticSink, Diagnostics};
use super::span::FieldPath;
use super::yaml::MAX_BYTES;
use crate::file::read_regular;

/// Name of the description in a folder.
const DEFAULT_NAME: &str = "environment.yaml";
/// Longest file that a description may refer to, and most bytes of all of them.
pub const MAX_FILE: usize = 1 << 20;
/// Longest lock file.
const MAX_LOCK_FILE: usize = 8 << 20;
pub const MAX_ALL: usize = 16 << 20;

/// A file that the description refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileReference {
    /// Where.
    pub at: FieldPath,
    /// Relative path as written.
    pub path: String,
    /// What it must be.
    pub content: Content,
}

/// What a file is that a description refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Anything.
    Any,
    /// SQL, so it must be text.
    Sql,
    /// A lock file, which may be larger than others.
    LockFile,
}

impl Content {
    fn most(self) -> usize {
        if self == Self::LockFile { MAX_LOCK_FILE } else { MAX_FILE }
    }
}

pub(super) fn description_file(path: &Path) -> PathBuf {
    if path.is_dir() { path.join(DEFAULT_NAME) } else { path.to_owned() }
}

pub(super) fn read_description(path: &Path) -> Result<(PathBuf, Vec<u8>), Diagnostics> {
    let path = description_file(path);
    match description_path(&path).and_then(|p| read_regular(&p, MAX_BYTES as u64)) {
        Ok(bytes) => Ok((path, bytes)),
        Err(e) => {
            let help = "name a description, or a folder that holds an environment.yaml";
            Err(Diagnostics::whole_file(&path, format!("the description cannot be read: {}", reason(&e)), help))
        }
    }
}

pub(super) fn read_referenced(
    folder: &Path,
    wanted: &[FileReference],
    diagnostics: &mut DiagnosticSink,
) -> BTreeMap<String, Vec<u8>> {
    let help = "files are named relative to the folder of the description and must lie in it";
    collect(wanted, diagnostics, help, |wanted| {
        inside(folder, &wanted.path).and_then(|p| read_regular(&p, wanted.content.most() as u64))
    })
}

/// Reads a lock file below a folder.
pub(super) fn read_lock_file(folder: &Path, path: &str) -> io::Result<Vec<u8>> {
    inside(folder, path).and_then(|p| read_regular(&p, MAX_LOCK_FILE as u64))
}

/// The files that a description refers to, from those that came with it.
pub(super) fn select(
    files: &BTreeMap<String, Vec<u8>>,
    wanted: &[FileReference],
    diagnostics: &mut DiagnosticSink,
) -> BTreeMap<String, Vec<u8>> {
    let help = "give it together with the description";
    collect(wanted, diagnostics, help, |wanted| files.get(&wanted.path).cloned().ok_or(io::ErrorKind::NotFound.into()))
}

fn collect(
    wanted: &[FileReference],
    diagnostics: &mut DiagnosticSink,
    help: &str,
    read: impl Fn(&FileReference) -> io::Result<Vec<u8>>,
) -> BTreeMap<String, Vec<u8>> {
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut total = 0;
    for reference in wanted {
        if files.contains_key(&reference.path) {
            continue;
        }
        match read(reference) {
            Ok(bytes) if reference.content == Content::Sql && std::str::from_utf8(&bytes).is_err() => {
                let message = format!("the file `{}` is not UTF-8 text", reference.path);
                diagnostics.add(&reference.at, message, "save it as UTF-8");
            }
            Ok(bytes) => {
                total += bytes.len();
                if total > MAX_ALL {
                    let help = "bake large files into images";
                    diagnostics.add(&reference.at, "the files together are larger than 16 MiB", help);
                    return files;
                }
                files.insert(reference.path.clone(), bytes);
            }
            Err(e) => {
                let message = format!("the file `{}` cannot be read: {}", reference.path, reason(&e));
                diagnostics.add(&reference.at, message, help);
            }
        }
    }
    files
}

/// Where a relative path leads, links followed; refused when that is outside the folder.
fn inside(folder: &Path, relative: &str) -> io::Result<PathBuf> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let target = folder.join(relative).canonicalize()?;
    if target.starts_with(folder.canonicalize()?) {
        Ok(target)
    } else {
        Err(io::Error::other("a link leads out of the description's folder"))
    }
}

/// Reads an included file: no part of its path may be a link.
pub(super) fn read_included(folder: &Path, relative: &str) -> io::Result<Vec<u8>> {
    let mut path = if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.to_owned() };
    for part in relative.split('/') {
        path.push(part);
        if path.is_symlink() {
            return Err(io::Error::other("a part of its path is a symbolic link"));
        }
    }
    read_regular(&path, MAX_BYTES as u64)
}

/// The path of a description. A relative path without `..` must not lead out of the current folder: who prepared the
/// folder may have put links into it.
fn description_path(path: &Path) -> io::Result<PathBuf> {
    let inside = path.components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir));
    let folder = path.parent().filter(|f| inside && !f.as_os_str().is_empty());
    if let Some(folder) = folder
        && !folder.canonicalize()?.starts_with(Path::new(".").canonicalize()?)
    {
        return Err(io::Error::other("a link leads out of the current folder"));
    }
    Ok(path.to_owned())
}

pub(super) fn reason(e: &io::Error) -> String {
    match e.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => e.to_string(),
    }
}
