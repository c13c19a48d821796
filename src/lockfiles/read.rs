//! Reads one lock file.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use super::error::{Fault, LockError};
use super::kind::{LockFile, LockKind, MAX_PACKAGES};
use super::requirements::Include;
use super::{cargo, go, npm, pipfile, poetry, pylock, requirements, uv};
use crate::file::read_regular;
use crate::model::Digest;

/// Longest lock file in bytes.
const MAX_BYTES: u64 = 32 << 20;

/// Reads a lock file of this kind. Files that it includes are read below `root` only.
pub fn read(path: &Path, kind: LockKind, root: &Path) -> Result<LockFile, LockError> {
    let bytes = read_regular(path, MAX_BYTES).map_err(|source| LockError::Io { path: path.to_owned(), source })?;
    let mut include = |from: &str, target: &str| included(root, from, target);
    parse_with(&path.display().to_string(), kind, &bytes, &mut include)
}

/// Parses the bytes of a lock file, without the files that it includes.
pub fn parse(name: &str, kind: LockKind, bytes: &[u8]) -> Result<LockFile, LockError> {
    parse_with(name, kind, bytes, &mut |_: &str, _: &str| Err("it is another file".into()))
}

/// Parses a lock file among others, by its path; those are the only ones that it can include.
pub fn parse_among(path: &str, kind: LockKind, files: &BTreeMap<String, Vec<u8>>) -> Result<LockFile, LockError> {
    let missing = || LockError::Content { path: path.to_owned(), line: None, why: "there is no such file".into() };
    let bytes = files.get(path).ok_or_else(missing)?;
    let mut include = |from: &str, target: &str| {
        let folder = Path::new(from).parent().unwrap_or(Path::new(""));
        let other = plain(&folder.join(target)).display().to_string();
        let bytes = files.get(&other).ok_or_else(|| format!("{other} is not among the lock files that are scanned"))?;
        let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8 text")?;
        Ok((other, text.trim_start_matches('\u{feff}').to_owned()))
    };
    parse_with(path, kind, bytes, &mut include)
}

/// As [`parse`], with the files that it includes.
pub fn parse_with(name: &str, kind: LockKind, bytes: &[u8], include: &mut Include<'_>) -> Result<LockFile, LockError> {
    let fault = |Fault { line, why }: Fault| LockError::Content { path: name.to_owned(), line, why };
    let text = std::str::from_utf8(bytes).map_err(|_| fault("it is not UTF-8 text".into()))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut out = LockFile::empty(name, kind);
    let result = match kind {
        LockKind::Requirements => requirements::read(text, &mut out, include),
        LockKind::Pylock => pylock::read(text, &mut out),
        LockKind::Poetry => poetry::read(text, &mut out),
        LockKind::Uv => uv::read(text, &mut out),
        LockKind::Pipfile => pipfile::read(text, &mut out),
        LockKind::Cargo => cargo::read(text, &mut out),
        LockKind::Npm => npm::read(text, &mut out),
        LockKind::GoMod => go::read_mod(text, &mut out),
        LockKind::GoSum => go::read_sum(text, &mut out),
    };
    result.map_err(fault)?;
    if out.packages.len() > MAX_PACKAGES {
        return Err(fault(format!("it has more than {MAX_PACKAGES} packages").into()));
    }
    out.digest = Some(Digest::compute(bytes));
    out.end();
    Ok(out)
}

/// A file that another one names, by its path relative to that one.
fn included(root: &Path, from: &str, target: &str) -> Result<(String, String), String> {
    // pip takes `file:x` for an address, too.
    if target.contains(':') {
        return Err("it is not a file of the project".into());
    }
    let folder = Path::new(from).parent().unwrap_or(Path::new(""));
    let path = plain(&folder.join(target));
    let real = path.canonicalize().map_err(|e| e.to_string())?;
    let inside = root.canonicalize().is_ok_and(|root| real.starts_with(root));
    if !inside {
        return Err(format!("it is outside of {}", root.display()));
    }
    let bytes = read_regular(&path, MAX_BYTES).map_err(|e| e.to_string())?;
    let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text")?;
    Ok((path.display().to_string(), text.trim_start_matches('\u{feff}').to_owned()))
}

/// The path without `.` and, where that is certain, without `..`.
fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(out.components().next_back(), Some(Component::Normal(_))) => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    out
}

#[cfg(test)]
mod tests;
