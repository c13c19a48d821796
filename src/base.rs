//! Reads files of the protected base, whose suites a change cannot choose: from a git revision, or a folder with its checkout.
//!
//! The change is hostile: it may hold folders and links of any name. So the repository is the one whose `.git` lies above the
//! description, a folder is only taken for the base if the change cannot have brought it, and nothing follows links.

use std::path::{Component, Path};

mod error;
mod folder;
mod git;
mod head;
mod history;
mod location;
mod process;
mod snapshot;
mod tree_file;

pub use error::BaseError;
use folder::Folder;
use git::Revision;
pub use head::WorkingCopy;
pub use history::{Commit, history};
use location::Location;
pub use process::Process;
pub use snapshot::Snapshot;
pub use tree_file::{FileKind, TreeFile};

/// The protected base of the repository in which a description lies.
#[derive(Debug)]
pub struct Base {
    location: Location,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Revision(Revision),
    Folder(Folder),
}

impl Base {
    /// Opens the base of a description: a folder, if `from` is absolute or begins with `./` or `../`, otherwise a revision.
    ///
    /// A bare name is never a folder: the change could hold a folder with the name of the revision.
    pub fn open(description: &Path, from: &str, process: &Process) -> Result<Self, BaseError> {
        let location = Location::find(description, &process.folder)?;
        let first = Path::new(from).components().next();
        let source = match first {
            Some(Component::RootDir | Component::CurDir | Component::ParentDir) => {
                Source::Folder(Folder::open(&process.folder.join(from), &location)?)
            }
            _ => Source::Revision(Revision::open(from, &location, process)?),
        };
        Ok(Self { location, source })
    }

    /// The commit of the base; none for a folder.
    pub fn commit(&self) -> Option<&str> {
        match &self.source {
            Source::Revision(revision) => Some(revision.commit()),
            Source::Folder(_) => None,
        }
    }

    /// Path of the description below the top of the repository, or of the base's folder.
    pub fn description(&self) -> &str {
        &self.location.path
    }

    /// Path below the top of the repository of a file in the working tree; none if it lies elsewhere.
    pub fn inner_path(&self, file: &Path) -> Option<String> {
        self.location.inner_path(file)
    }

    /// Reads a regular file of the base, of at most `most` bytes, by its path below the top of the repository.
    pub fn read(&self, path: &str, most: u64) -> Result<Vec<u8>, BaseError> {
        match &self.source {
            Source::Revision(revision) => revision.read(path, most),
            Source::Folder(folder) => folder.read(path, most),
        }
    }
}
