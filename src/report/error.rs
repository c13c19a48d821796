//! The errors of reading and rendering a report.

use super::facts::SCHEMA_VERSION;

/// An error of reading or rendering a report. Messages complete "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The report has another schema version.
    #[error(
        "read the report: it has schema version {found}, but this dayfly supports only version {}; use the dayfly version that wrote it",
        SCHEMA_VERSION
    )]
    Version {
        /// Its version, as JSON.
        found: String,
    },
    /// The file is not a report.
    #[error("read the report: the file is not a dayfly report ({0})")]
    NotFacts(
        /// The parser's error.
        serde_json::Error,
    ),
    /// Rendering failed.
    #[error("render the report as {view}: {why}")]
    Render {
        /// Format.
        view: &'static str,
        /// Why.
        why: String,
    },
}
