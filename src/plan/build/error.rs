//! Errors of planning.

/// An error of planning: a check is missing in `spec`. Messages complete "failed to …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Text that should be a duration, memory or processors.
    #[error("plan {of}: cannot read `{text}`: {why}")]
    Quantity {
        /// Unit or suite.
        of: String,
        /// As written.
        text: String,
        /// The accepted form.
        why: String,
    },
    /// A file of the description whose content is not there.
    #[error("plan {of}: the file `{path}` was not read")]
    File {
        /// Unit.
        of: String,
        /// Relative path.
        path: String,
    },
    /// Another error that the checks should have found.
    #[error("plan {of}: {why}")]
    Unsound {
        /// Unit or suite.
        of: String,
        /// What.
        why: String,
    },
}
