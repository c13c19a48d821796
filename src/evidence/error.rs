//! Errors of signing and storing evidence.

use std::io;
use std::path::PathBuf;

use crate::model::RunId;
use crate::tlog::LogError;

/// An error of signing or storing evidence (exit code 8). Messages complete "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// The run used the fake engine.
    #[error("sign evidence of the fake engine: it runs nothing")]
    Fake,
    /// Suites ran, but the run has no opening entry.
    #[error("seal run {0}: it has no opening entry, so missing suites could not be detected")]
    NotOpened(
        /// Run id.
        RunId,
    ),
    /// The run already has an opening entry.
    #[error(
        "open run {0}: it is already open; use a new run id for another attempt, so that a pass cannot replace a failure"
    )]
    AlreadyOpened(
        /// Run id.
        RunId,
    ),
    /// A result differs from the one sealed earlier.
    #[error("seal run {run} again: {what} differs from the version sealed earlier")]
    Changed {
        /// Run id.
        run: RunId,
        /// File.
        what: String,
    },
    /// The run is sealed, so `report.json` alone cannot change.
    #[error("save the report of run {0}: the run is already sealed; seal it again with the new report")]
    Sealed(
        /// Run id.
        RunId,
    ),
    /// The content of a raw file that the report names is missing.
    #[error("store raw result {name:?} of suite {suite:?}: its content (SHA-256 {sha256}) is missing")]
    RawMissing {
        /// Suite.
        suite: String,
        /// File.
        name: String,
        /// Digest.
        sha256: String,
    },
    /// The content of a raw file does not match its digest.
    #[error("store a raw result: its content does not match SHA-256 {0}")]
    RawDigest(
        /// Expected digest.
        String,
    ),
    /// A name that cannot be a file name.
    #[error(
        "store evidence: {what} {name:?} cannot be a file name; use letters, digits, `.`, `_` and `-`, without a leading `.`"
    )]
    Name {
        /// The owner of the name.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// Storing evidence in the cluster, or reading it back, failed.
    #[error("access evidence in the cluster: {0}")]
    ConfigMapStore(
        /// Why.
        String,
    ),
    /// Reading or writing the log failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A statement cannot be an entry of the log.
    #[error("record {} in the log: {why}", path.display())]
    Unlogged {
        /// File.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Encoding or decoding a statement failed.
    #[error("encode the evidence: {0}")]
    Encode(
        /// Why.
        String,
    ),
    /// A file is not one that evidence consists of, or is too large.
    #[error("read {}: {why}", path.display())]
    UnsafeFile {
        /// Where.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A file operation failed.
    #[error("{doing} {}: {}", path.display(), explain(source))]
    Io {
        /// `write`, `read` or `create the folder`.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The system's error, with a remedy for common ones.
fn explain(e: &io::Error) -> String {
    match e.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            format!("{e}; free some space or choose another evidence folder")
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            format!("{e}; make the folder writable for this user or choose another evidence folder")
        }
        _ => e.to_string(),
    }
}
