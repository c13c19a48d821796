//! The errors of reading and rendering a report.

use super::facts::SCHEMA_VERSION;

/// Why a report could not be read or rendered; messages complete "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// Written by another version.
    #[error(
        "read the report: it has schema version {found}, this dayfly reads version {}; use the dayfly that wrote it, or a newer one",
        SCHEMA_VERSION
    )]
    Version {
        /// The version it names, as JSON.
        found: String,
    },
    /// Not a report.
    #[error("read the report: it is not the facts of a run ({0})")]
    NotFacts(
        /// The parser's words.
        serde_json::Error,
    ),
    /// A view could not be written.
    #[error("render the report as {view}: {why}")]
    Render {
        /// Which view.
        view: &'static str,
        /// Why.
        why: String,
    },
}
