//! Errors of bundles. Messages complete "failed to …".

use std::io;

/// Why a bundle cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The file cannot be read or written.
    #[error("{doing} the advisories: {source}")]
    Io {
        /// `read` or `write`.
        doing: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The file is not a bundle.
    #[error("read the advisories: this is not a bundle of dayfly; make one with `dayfly advisories import`")]
    Foreign,
    /// The file is cut off or was changed.
    #[error("read the advisories: the bundle is damaged: {0}")]
    Damaged(
        /// What.
        String,
    ),
    /// The signature does not verify.
    #[error("verify the advisories: {0}")]
    Untrusted(
        /// Why.
        String,
    ),
    /// A part is too large for the format.
    #[error("write the advisories: {0}")]
    TooLarge(
        /// What.
        String,
    ),
}

impl BundleError {
    pub(super) fn reading(source: io::Error) -> Self {
        Self::Io { doing: "read", source }
    }

    pub(super) fn writing(source: io::Error) -> Self {
        Self::Io { doing: "write", source }
    }
}
