//! Finds the lock files of a folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::error::LockError;
use super::go;
use super::kind::LockKind;
use crate::file::read_regular;
use crate::packages::{Gap, Place};

/// Deepest folder.
const MAX_DEPTH: usize = 16;
/// Most files and folders that are looked at.
const MAX_ENTRIES: usize = 500_000;
/// Most lock files.
const MAX_LOCKS: usize = 1000;
/// Longest `go.mod` in bytes.
const MAX_GO_MOD: u64 = 4 << 20;
/// Folders of what is installed or built, which is not what the project names.
const SKIPPED: [&str; 5] = ["node_modules", "target", "vendor", "__pycache__", "site-packages"];

const NOT_READ: &str = "it names packages, and dayfly does not read files of this kind";

/// Files that name packages, and that are not read.
const UNREAD: [&str; 20] = [
    "Gemfile.lock",
    "Package.resolved",
    "Podfile.lock",
    "buildscript-gradle.lockfile",
    "bun.lock",
    "bun.lockb",
    "composer.lock",
    "conda-lock.yaml",
    "conda-lock.yml",
    "deno.lock",
    "gems.locked",
    "go.work",
    "gradle.lockfile",
    "mix.lock",
    "packages.lock.json",
    "pdm.lock",
    "pixi.lock",
    "pnpm-lock.yaml",
    "pubspec.lock",
    "yarn.lock",
];

/// Lock files that were found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The files to read, sorted.
    pub files: Vec<(PathBuf, LockKind)>,
    /// Those that are not read, sorted.
    pub gaps: Vec<Gap>,
}

/// Returns true for a folder in which nothing is looked for: hidden ones, and those of what is installed or built.
pub fn is_left_out(folder: &str) -> bool {
    folder.starts_with('.') || SKIPPED.contains(&folder)
}

/// What a file of a folder is by its path below it: a lock file, or why one is not read; none for every other file.
pub fn candidate(path: &Path) -> Option<Result<LockKind, &'static str>> {
    let name = path.file_name()?.to_str()?;
    let mut folders = path.parent().into_iter().flat_map(Path::components);
    if folders.any(|part| part.as_os_str().to_str().is_none_or(is_left_out)) {
        return None;
    }
    if UNREAD.contains(&name) {
        return Some(Err(NOT_READ));
    }
    LockKind::at(path).map(Ok)
}

/// The lock file at a path, or those of a folder. Links are not followed, and hidden folders are left out.
pub fn find(path: &Path) -> Result<Found, LockError> {
    let io = |source| LockError::Io { path: path.to_owned(), source };
    if !fs::metadata(path).map_err(io)?.is_dir() {
        let kind = LockKind::at(path).ok_or_else(|| LockError::UnknownName(path.to_owned()))?;
        return Ok(Found { files: vec![(path.to_owned(), kind)], gaps: vec![] });
    }
    let mut walk = Walk { top: path, entries: 0, files: vec![], gaps: vec![] };
    walk.folder(path, 0)?;
    let mut files = without_doubles(walk.files)?;
    files.sort();
    walk.gaps.sort();
    Ok(Found { files, gaps: walk.gaps })
}

struct Walk<'a> {
    top: &'a Path,
    entries: usize,
    files: Vec<(PathBuf, LockKind)>,
    gaps: Vec<Gap>,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, depth: usize) -> Result<(), LockError> {
        let io = |source| LockError::Io { path: folder.to_owned(), source };
        if depth > MAX_DEPTH {
            return Err(self.too_large("its folders are too deep"));
        }
        for entry in fs::read_dir(folder).map_err(io)? {
            let entry = entry.map_err(io)?;
            self.entries += 1;
            if self.entries > MAX_ENTRIES || self.files.len() + self.gaps.len() > MAX_LOCKS {
                return Err(self.too_large("it has too many files; name a lock file, or a smaller folder"));
            }
            let name = entry.file_name().to_string_lossy().into_owned();
            let found = entry.file_type().map_err(io)?;
            if found.is_dir() && !is_left_out(&name) {
                self.folder(&entry.path(), depth + 1)?;
            } else if !found.is_dir() {
                self.file(&entry.path(), &name, found.is_file());
            }
        }
        Ok(())
    }

    /// Notes a lock file, or why it is not read.
    fn file(&mut self, path: &Path, name: &str, is_regular: bool) {
        let kind = LockKind::at(&path.with_file_name(name));
        let why = match kind {
            _ if UNREAD.contains(&name) => NOT_READ,
            None => return,
            Some(_) if !is_regular => "it is a link, or no ordinary file, and is not read",
            Some(_) if path.to_str().is_none() => "its path is not UTF-8 text, and it is not read",
            Some(kind) => return self.files.push((path.to_owned(), kind)),
        };
        let place = Place { file: path.display().to_string(), line: None };
        self.gaps.push(Gap { place, reason: why.to_owned() });
    }

    fn too_large(&self, what: &str) -> LockError {
        LockError::TooLarge { path: self.top.to_owned(), what: what.to_owned() }
    }
}

/// Of `go.mod` and `go.sum` in one folder, one says what is built.
fn without_doubles(files: Vec<(PathBuf, LockKind)>) -> Result<Vec<(PathBuf, LockKind)>, LockError> {
    let mut complete = BTreeMap::new();
    for (path, _) in files.iter().filter(|(_, kind)| *kind == LockKind::GoMod) {
        let bytes = read_regular(path, MAX_GO_MOD).map_err(|source| LockError::Io { path: path.clone(), source })?;
        let has_sum = files.iter().any(|(p, k)| *k == LockKind::GoSum && p.parent() == path.parent());
        let is_complete = go::is_complete(&String::from_utf8_lossy(&bytes)) || !has_sum;
        complete.insert(path.parent().map(Path::to_owned), is_complete);
    }
    let keep = |(path, kind): &(PathBuf, LockKind)| {
        let is_complete = complete.get(&path.parent().map(Path::to_owned));
        match kind {
            LockKind::GoMod => is_complete != Some(&false),
            LockKind::GoSum => is_complete != Some(&true),
            _ => true,
        }
    };
    Ok(files.into_iter().filter(keep).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let found = find(folder).unwrap().files;
        found.iter().map(|(p, _)| p.strip_prefix(folder).unwrap().display().to_string()).collect()
    }

    #[test]
    fn finds_lock_files_but_nothing_installed_hidden_or_linked() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in [
            "app/Cargo.lock",
            "web/package-lock.json",
            "web/node_modules/x/package-lock.json",
            ".venv/uv.lock",
            "requirements/base.txt",
            "a.txt",
        ] {
            fs::create_dir_all(at(name).parent().unwrap()).unwrap();
            fs::write(at(name), "").unwrap();
        }
        std::os::unix::fs::symlink(at("app/Cargo.lock"), at("poetry.lock")).unwrap();
        std::os::unix::fs::symlink(at("app"), at("linked")).unwrap();
        assert_eq!(names(folder.path()), ["app/Cargo.lock", "requirements/base.txt", "web/package-lock.json"]);
        assert!(find(&at("a.txt")).unwrap_err().to_string().contains("not that of a lock file"));
    }

    #[test]
    fn lock_files_that_are_not_read_are_gaps() {
        use std::os::unix::ffi::OsStrExt as _;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("requirements")).unwrap();
        for name in ["pnpm-lock.yaml", "requirements/go.work", "uv.lock", "notes.md"] {
            fs::write(at(name), "").unwrap();
        }
        fs::write(folder.path().join(std::ffi::OsStr::from_bytes(b"requirements-\xff.txt")), "").unwrap();
        fs::write(folder.path().join(std::ffi::OsStr::from_bytes(b"notes-\xff.md")), "").unwrap();
        std::os::unix::fs::symlink("../uv.lock", at("requirements/base.txt")).unwrap();
        let found = find(folder.path()).unwrap();
        assert_eq!((found.files.len(), found.gaps.len()), (1, 4), "{found:?}");
        assert!(found.gaps.iter().any(|g| g.place.file.ends_with("base.txt") && g.reason.starts_with("it is a link")));
    }

    #[test]
    fn of_go_reads_the_file_that_says_what_is_built() {
        let folder = tempfile::tempdir().unwrap();
        let set =
            |version: &str| fs::write(folder.path().join("go.mod"), format!("module x\n\ngo {version}\n")).unwrap();
        set("1.21.3");
        assert_eq!(names(folder.path()), ["go.mod"]);
        fs::write(folder.path().join("go.sum"), "").unwrap();
        assert_eq!(names(folder.path()), ["go.mod"]);
        set("1.16");
        assert_eq!(names(folder.path()), ["go.sum"]);
    }
}
