//! Errors of lock files. Messages complete "failed to …".

use std::io;
use std::path::PathBuf;

/// Why a lock file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// The file or the folder cannot be read.
    #[error("read {}: {source}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The name says nothing.
    #[error("read {}: its name is not that of a lock file; dayfly reads requirements*.txt, requirements/*.txt, pylock.toml, poetry.lock, uv.lock, Pipfile.lock, Cargo.lock, package-lock.json, go.mod and go.sum", .0.display())]
    UnknownName(
        /// The file.
        PathBuf,
    ),
    /// The content is not that of the kind.
    #[error("read {path}{}: {why}", line.map(|l| format!(":{l}")).unwrap_or_default())]
    Content {
        /// The file.
        path: String,
        /// Line from 1, where known.
        line: Option<usize>,
        /// Why.
        why: String,
    },
    /// A folder has more than dayfly reads.
    #[error("read {}: {what}", path.display())]
    TooLarge {
        /// Where.
        path: PathBuf,
        /// What.
        what: String,
    },
}

/// Why the content of a file is not that of its kind; the file is added by the caller.
pub(super) struct Fault {
    pub line: Option<usize>,
    pub why: String,
}

impl From<String> for Fault {
    fn from(why: String) -> Self {
        Self { line: None, why }
    }
}

impl From<&str> for Fault {
    fn from(why: &str) -> Self {
        why.to_owned().into()
    }
}
