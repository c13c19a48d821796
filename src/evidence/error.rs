//! The errors of making and storing evidence.

use std::io;
use std::path::PathBuf;

/// Why evidence could not be made or stored (exit code 8); messages complete "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// The facts come from an engine that runs nothing.
    #[error("sign a run of the fake engine: nothing real ran")]
    Fake,
    /// Suites ran before the run was opened.
    #[error("seal run {0}: suites ran before it was opened, so dropped results could not be noticed")]
    NotOpened(
        /// Run id.
        uuid::Uuid,
    ),
    /// A second attempt under the same run id.
    #[error(
        "open run {0}: it was opened before; another attempt needs a run id of its own, or a failure could be replaced by a pass"
    )]
    AlreadyOpened(
        /// Run id.
        uuid::Uuid,
    ),
    /// The results differ from those sealed before.
    #[error("seal run {run} again: {what} differs from what was sealed before")]
    Changed {
        /// Run id.
        run: uuid::Uuid,
        /// File.
        what: String,
    },
    /// `report.json` of a sealed run is not to be changed alone.
    #[error("save the facts of run {0}: it is sealed; seal it again with the final facts instead")]
    Sealed(
        /// Run id.
        uuid::Uuid,
    ),
    /// A raw file that the facts name but nobody supplied.
    #[error("keep raw result {name:?} of suite {suite:?}: its content ({sha256}) was not supplied")]
    RawMissing {
        /// Suite.
        suite: String,
        /// File.
        name: String,
        /// Digest.
        sha256: String,
    },
    /// Content under a digest that is not its own.
    #[error("keep a raw result: the content given for {0} has another SHA-256")]
    RawDigest(
        /// Digest asked for.
        String,
    ),
    /// A name that cannot be a file name.
    #[error("store evidence: {what} {name:?} cannot be a file name (letters, digits, `.`, `_`, `-`; not `.` first)")]
    Name {
        /// What is named.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// The cluster does not keep it, or not as it was laid down.
    #[error("keep evidence in the cluster: {0}")]
    ConfigMapStore(
        /// Why.
        String,
    ),
    /// No JSON could be made of it.
    #[error("write the statement as JSON: {0}")]
    Encode(
        /// Why.
        String,
    ),
    /// The disk refused.
    #[error("{doing} {}: {}", path.display(), explain(source))]
    Io {
        /// `write`, `read`, `make the folder`.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The system's reason, and what to do about the two common ones.
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
