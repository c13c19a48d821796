//! Reads the description, and the files that it refers to: the only input of this stage.
//!
//! Reads regular files only, never more than a limit, and never outside the description's folder.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::diagnostic::{DiagnosticSink, Diagnostics};
use super::span::FieldPath;
use super::yaml::MAX_BYTES;

/// Name of the description in a folder.
const DEFAULT_NAME: &str = "environment.yaml";
/// Longest file that a description may refer to, and most bytes of all of them.
const MAX_FILE: usize = 1 << 20;
const MAX_ALL: usize = 16 << 20;

/// A file that the description refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileReference {
    /// Where.
    pub at: FieldPath,
    /// Relative path as written.
    pub path: String,
    /// It is SQL, so it must be text.
    pub is_sql: bool,
}

pub(super) fn read_description(path: &Path) -> Result<(PathBuf, Vec<u8>), Diagnostics> {
    let path = if path.is_dir() { path.join(DEFAULT_NAME) } else { path.to_owned() };
    match read(&path, MAX_BYTES) {
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
    collect(wanted, diagnostics, help, |path| inside(folder, path).and_then(|p| read(&p, MAX_FILE)))
}

/// The files that a description refers to, from those that came with it.
pub(super) fn select(
    files: &BTreeMap<String, Vec<u8>>,
    wanted: &[FileReference],
    diagnostics: &mut DiagnosticSink,
) -> BTreeMap<String, Vec<u8>> {
    let help = "give it together with the description";
    collect(wanted, diagnostics, help, |path| files.get(path).cloned().ok_or(io::ErrorKind::NotFound.into()))
}

fn collect(
    wanted: &[FileReference],
    diagnostics: &mut DiagnosticSink,
    help: &str,
    read: impl Fn(&str) -> io::Result<Vec<u8>>,
) -> BTreeMap<String, Vec<u8>> {
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut total = 0;
    for reference in wanted {
        if files.contains_key(&reference.path) {
            continue;
        }
        match read(&reference.path) {
            Ok(bytes) if reference.is_sql && std::str::from_utf8(&bytes).is_err() => {
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

/// Reads a regular file; one byte more than the limit is enough to refuse it.
fn read(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    if !path.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        return Err(io::Error::other(format!("it is larger than {} KiB", limit >> 10)));
    }
    Ok(bytes)
}

fn reason(e: &io::Error) -> String {
    match e.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => e.to_string(),
    }
}
