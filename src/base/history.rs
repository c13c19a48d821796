//! The history of a branch.

use std::path::Path;

use super::error::BaseError;
use super::git::Revision;
use super::location::Location;
use super::process::Process;

/// A commit on the first line of parents of a branch. All texts are as its author and committer wrote them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Id.
    pub id: String,
    /// Ids of its parents.
    pub parents: Vec<String>,
    /// When it was committed, in RFC 3339.
    pub on: String,
    /// Author.
    pub author: String,
    /// First line of its message.
    pub subject: String,
}

/// The commits on the first line of parents of a branch that were committed in a time (RFC 3339), the newest first, and the address
/// of the remote `origin`. The repository is the one around the working folder.
pub fn history(
    branch: &str,
    process: &Process,
    from: &str,
    until: &str,
) -> Result<(Vec<Commit>, Option<String>), BaseError> {
    let location = Location::find(Path::new("history"), &process.folder)?;
    let revision = Revision::open(branch, &location, process)?;
    let text = revision.history(from, until)?;
    let mut fields = text.split('\0').map(|field| field.trim_start_matches('\n'));
    let mut commits = vec![];
    while let (Some(id), Some(parents), Some(on), Some(author), Some(subject)) =
        (fields.next(), fields.next(), fields.next(), fields.next(), fields.next())
    {
        let parents = parents.split(' ').filter(|p| !p.is_empty()).map(str::to_owned).collect();
        let own = str::to_owned;
        commits.push(Commit { id: own(id), parents, on: own(on), author: own(author), subject: own(subject) });
    }
    Ok((commits, revision.remote()))
}
