//! Errors of reading the base. Messages are whole sentences.

/// Why the base, or a file of it, cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BaseError {
    /// Git is not installed.
    #[error(
        "git is not installed, and a revision is read with it; install git, or name a folder with the base's checkout (as \
         ./FOLDER)"
    )]
    NoGit,
    /// The description lies in no repository.
    #[error("{0} does not lie in a git repository; name a folder with the base's checkout (as ./FOLDER)")]
    NoRepository(
        /// The description.
        String,
    ),
    /// The text cannot name a revision.
    #[error("{0:?} cannot be a revision; name a commit, or a folder as ./FOLDER")]
    NotARevision(
        /// As given.
        String,
    ),
    /// The repository does not have the revision.
    #[error("the repository has no revision {0}; a shallow clone must fetch it first: git fetch --depth=1 origin {0}")]
    UnknownRevision(
        /// As given.
        String,
    ),
    /// The base has no such file.
    #[error("the base {base} has no file {path}; a new file must be in the base before anything can come from there")]
    NoFile {
        /// Revision or folder.
        base: String,
        /// Path below the top.
        path: String,
    },
    /// A file of the base is not a regular file, too large, or unreadable.
    #[error("{path} of the base {base} cannot be read: {why}")]
    Unreadable {
        /// Revision or folder.
        base: String,
        /// Path below the top.
        path: String,
        /// Why.
        why: String,
    },
    /// The folder is not there, or no folder.
    #[error("{folder} is not a folder with the base's checkout: {why}")]
    NotAFolder {
        /// As resolved.
        folder: String,
        /// Why.
        why: String,
    },
    /// The folder may have come with the change.
    #[error("{0} lies in the repository of the change, which may have brought it; check the base out elsewhere")]
    OfTheChange(
        /// The folder.
        String,
    ),
    /// The path of the description cannot be trusted.
    #[error("{path} {why}, so its place in the base is unknown; name the description by a path without it")]
    Path {
        /// The path.
        path: String,
        /// Why.
        why: &'static str,
    },
    /// The repository of the description is a submodule.
    #[error("{0} lies in a submodule, whose content the change chooses; keep the description in the repository itself")]
    Submodule(
        /// The description.
        String,
    ),
    /// Two revisions have no common commit, as far as the repository knows.
    #[error(
        "{0} and {1} have no common commit here; a shallow clone must fetch more first: git fetch --unshallow origin"
    )]
    NoMergeBase(
        /// The base.
        String,
        /// The head.
        String,
    ),
    /// A revision is compared with a folder.
    #[error("{0} and {1} are a revision and a folder; name two revisions, or two folders (as ./FOLDER)")]
    DifferentKinds(
        /// The base.
        String,
        /// The head.
        String,
    ),
    /// Git failed.
    #[error("git failed to {doing}: {why}")]
    Git {
        /// The attempted action.
        doing: &'static str,
        /// Its message.
        why: String,
    },
}
