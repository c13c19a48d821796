//! Errors of the import. Messages complete "failed to …".

use std::io;
use std::path::PathBuf;

/// Why advisories cannot be imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A file or a folder cannot be read.
    #[error("read {}: {source}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An archive cannot be read.
    #[error("read {}: {why}", path.display())]
    Archive {
        /// Where.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Records that cannot be read.
    #[error(
        "import {count} record(s); without them, scans would pass wrongly; correct them, or leave them out with --skip-invalid:\n{}",
        first.join("\n")
    )]
    Invalid {
        /// How many.
        count: usize,
        /// The first of them, with the reason.
        first: Vec<String>,
    },
    /// A source without any record.
    #[error("import {}: it holds no advisory; expected OSV records (.json, .yaml, .zip) or RustSec's (.md)", path.display())]
    Empty {
        /// Where.
        path: PathBuf,
    },
    /// A list cannot be read.
    #[error("read the {what} {}: {why}", path.display())]
    List {
        /// Which.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Something is larger than dayfly reads.
    #[error("read {}: {what}", path.display())]
    TooLarge {
        /// Where.
        path: PathBuf,
        /// What.
        what: String,
    },
}
