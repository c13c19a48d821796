//! Errors of the log.

use std::io;
use std::path::PathBuf;

use jiff::Timestamp;

/// An error of reading or writing the log. Messages complete "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The folder has no log.
    #[error("open the log in {}: there is none; create one with `dayfly log create`", .0.display())]
    Absent(
        /// Folder of the log.
        PathBuf,
    ),
    /// The folder has a log already.
    #[error("create a log in {}: there is one already", .0.display())]
    Exists(
        /// Folder of the log.
        PathBuf,
    ),
    /// A name or a key that a log cannot have.
    #[error("use the log's {what}: {why}")]
    Invalid {
        /// `origin` or `key`.
        what: &'static str,
        /// Why.
        why: String,
    },
    /// The checkpoint is not one of this log.
    #[error("trust the checkpoint: {0}")]
    Checkpoint(
        /// Why.
        String,
    ),
    /// Files of the log contradict each other.
    #[error("use the log in {}: {why}", dir.display())]
    Damaged {
        /// Folder of the log.
        dir: PathBuf,
        /// Why.
        why: String,
    },
    /// The log does not extend what was seen before.
    #[error("trust the log: {0}")]
    Forked(
        /// What was seen, and what is there.
        String,
    ),
    /// A witness signed at a later time before.
    #[error(
        "sign the checkpoint: it is {now} by the clock of this machine, and this witness signed at {before} already; set the clock"
    )]
    Clock {
        /// When it signed.
        before: Timestamp,
        /// Now.
        now: Timestamp,
    },
    /// An entry, or all of them together, are too large.
    #[error("append to the log: {0}")]
    TooLarge(
        /// What, and the limit.
        String,
    ),
    /// Somebody else is writing for too long.
    #[error("append to the log: another process has kept it locked for {0} seconds")]
    Locked(
        /// Seconds.
        u64,
    ),
    /// A file operation failed.
    #[error("{doing} {}: {source}", path.display())]
    Io {
        /// `write`, `read`, `lock` or `create the folder`.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl LogError {
    /// Names the file in an error of the system.
    pub(super) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { doing, path, source }
    }
}
