//! The commit that is checked out where a description lies, and the repository's address.

use std::path::Path;

use super::error::BaseError;
use super::git::Revision;
use super::location::Location;
use super::process::Process;
use crate::file::read_regular;

/// Longest description that is compared, in bytes.
const MAX_COMPARED: u64 = 1 << 20;

/// What git knows of the working copy around a description. All of it is a claim of whoever prepared the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkingCopy {
    /// The commit that is checked out.
    pub commit: String,
    /// Address of the remote `origin`.
    pub remote: Option<String>,
    /// The description differs from that of the commit.
    pub is_modified: bool,
}

impl WorkingCopy {
    /// Address of the remote `origin` of the repository around a description, which need not exist.
    pub fn remote_of(description: &Path, process: &Process) -> Option<String> {
        let location = Location::find(description, &process.folder).ok()?;
        Revision::without_commit(&location, process)?.remote()
    }

    /// Looks at the repository of a description; none if it lies in none.
    pub fn find(description: &Path, process: &Process) -> Result<Option<Self>, BaseError> {
        let location = Location::find(description, &process.folder)?;
        if location.top.is_none() {
            return Ok(None);
        }
        let revision = Revision::open("HEAD", &location, process)?;
        let committed = revision.read(&location.path, MAX_COMPARED);
        let own = read_regular(&process.folder.join(description), MAX_COMPARED);
        let is_modified = !matches!((committed, own), (Ok(a), Ok(b)) if a == b);
        Ok(Some(Self { commit: revision.commit().to_owned(), remote: revision.remote(), is_modified }))
    }
}
