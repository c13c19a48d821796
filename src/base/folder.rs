//! The base in a folder.

use std::io;
use std::path::{Path, PathBuf};

use super::error::BaseError;
use super::location::Location;
use crate::file::read_regular;

/// A checkout of the base.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Refuses a folder that belongs to the working tree of the change.
    pub(super) fn open(folder: &Path, location: &Location) -> Result<Self, BaseError> {
        let named = folder.display().to_string();
        let not = |why: String| BaseError::NotAFolder { folder: named.clone(), why };
        let folder = folder.canonicalize().map_err(|e| not(reason(&e)))?;
        if !folder.is_dir() {
            return Err(not("it is a file".into()));
        }
        let own_top = folder.ancestors().find(|f| f.join(".git").symlink_metadata().is_ok());
        let change = location.top.as_ref().map(|t| t.canonicalize().unwrap_or_else(|_| t.clone()));
        if change.is_some() && own_top == change.as_deref() {
            return Err(BaseError::OfTheChange(named));
        }
        Ok(Self(folder))
    }

    /// A folder that the user named, by its real path.
    pub(super) fn of(folder: PathBuf) -> Self {
        Self(folder)
    }

    pub(super) fn read(&self, path: &str, most: u64) -> Result<Vec<u8>, BaseError> {
        let base = self.0.display().to_string();
        let unreadable = |why: String| BaseError::Unreadable { base: base.clone(), path: path.to_owned(), why };
        let mut file = self.0.clone();
        for part in path.split('/') {
            if matches!(part, "" | "." | "..") {
                return Err(unreadable("it does not lie in the folder".into()));
            }
            file.push(part);
            if file.is_symlink() {
                return Err(unreadable(format!("{} is a symbolic link", file.display())));
            }
        }
        read_regular(&file, most).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                BaseError::NoFile { base: base.clone(), path: path.to_owned() }
            }
            _ => unreadable(reason(&e)),
        })
    }
}

fn reason(e: &io::Error) -> String {
    match e.kind() {
        io::ErrorKind::NotFound => "no such folder".to_owned(),
        _ => e.to_string(),
    }
}
