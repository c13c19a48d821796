//! Where a description lies in the repository of the change.

use std::path::{Component, Path, PathBuf};

use super::error::BaseError;
use crate::file::read_regular;

/// Longest `.git` file, which names the folder of a worktree.
const MAX_GIT_FILE: u64 = 4096;

/// The place of a description.
#[derive(Debug)]
pub(super) struct Location {
    /// Top of the repository; none if the description lies in none.
    pub(super) top: Option<PathBuf>,
    /// Where paths begin: the top, or without a repository the working folder.
    root: PathBuf,
    /// The working folder.
    folder: PathBuf,
    /// Path of the description below `root`, with slashes.
    pub(super) path: String,
    /// The description as the user named it.
    pub(super) named: String,
}

impl Location {
    /// Finds the place by names alone: links of the change must not lead to another repository or description.
    pub(super) fn find(description: &Path, folder: &Path) -> Result<Self, BaseError> {
        let named = description.display().to_string();
        let file = absolute(description, folder);
        let top = top(&file)?;
        if let Some(top) = &top {
            refuse_submodule(top, &named)?;
        }
        let root = top.clone().unwrap_or_else(|| folder.to_owned());
        let path = below(&file, &root).ok_or_else(|| BaseError::NoRepository(named.clone()))?;
        Ok(Self { top, root, folder: folder.to_owned(), path, named })
    }

    /// Path of a file below the root; none if it lies elsewhere.
    pub(super) fn inner_path(&self, file: &Path) -> Option<String> {
        below(&absolute(file, &self.folder), &self.root)
    }
}

/// The folder above a file that holds `.git`.
fn top(file: &Path) -> Result<Option<PathBuf>, BaseError> {
    for folder in file.ancestors().skip(1) {
        // A link to a folder with a `.git` would be taken for a repository.
        if folder.is_symlink() {
            let path = folder.display().to_string();
            return Err(BaseError::Path { path, why: "is a symbolic link" });
        }
        if folder.join(".git").symlink_metadata().is_ok() {
            return Ok(Some(folder.to_owned()));
        }
    }
    Ok(None)
}

fn refuse_submodule(top: &Path, named: &str) -> Result<(), BaseError> {
    let Ok(bytes) = read_regular(&top.join(".git"), MAX_GIT_FILE) else { return Ok(()) };
    let text = String::from_utf8_lossy(&bytes);
    let target = Path::new(text.trim().trim_start_matches("gitdir:").trim());
    match target.components().any(|c| c.as_os_str() == "modules") {
        true => Err(BaseError::Submodule(named.to_owned())),
        false => Ok(()),
    }
}

/// An absolute path without `.` and `..`; links are not looked at.
pub(super) fn absolute(path: &Path, folder: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in folder.join(path).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(out.pop()),
            other => out.push(other),
        }
    }
    out
}

fn below(file: &Path, root: &Path) -> Option<String> {
    let inner = file.strip_prefix(root).ok()?.to_str()?;
    (!inner.is_empty()).then(|| inner.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn finds_the_path_below_the_top_by_names_alone() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().canonicalize().unwrap();
        std::fs::create_dir_all(top.join(".git")).unwrap();
        std::fs::create_dir_all(top.join("a/b")).unwrap();
        let path = |of: &str, from: &str| Location::find(Path::new(of), &top.join(from)).unwrap().path;
        assert_eq!(path("a/b/environment.yaml", ""), "a/b/environment.yaml");
        assert_eq!(path("./b/../b/environment.yaml", "a"), "a/b/environment.yaml");
        assert_eq!(path("../environment.yaml", "a"), "environment.yaml");
        std::os::unix::fs::symlink(top.join("a"), top.join("link")).unwrap();
        let error = Location::find(Path::new("link/b/environment.yaml"), &top).unwrap_err();
        assert!(error.to_string().contains("link is a symbolic link"), "{error}");
    }

    #[test]
    fn refuses_a_submodule_and_accepts_a_worktree() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().canonicalize().unwrap();
        std::fs::write(top.join(".git"), "gitdir: /src/shop/.git/worktrees/a\n").unwrap();
        assert!(Location::find(Path::new("environment.yaml"), &top).is_ok());
        std::fs::write(top.join(".git"), "gitdir: ../.git/modules/environments\n").unwrap();
        let error = Location::find(Path::new("environment.yaml"), &top).unwrap_err();
        assert_eq!(error, BaseError::Submodule("environment.yaml".into()));
    }
}
