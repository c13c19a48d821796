//! Errors of planning.

/// A description that cannot be planned; messages complete "failed to …". It means a check is missing in `spec`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Text that should be a duration, memory or processors.
    #[error("plan {of}: cannot read `{text}`: {why}")]
    Quantity {
        /// Unit or suite.
        of: String,
        /// As written.
        text: String,
        /// What is accepted.
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
    /// Something else that the checks should have refused.
    #[error("plan {of}: {why}")]
    Unsound {
        /// Unit or suite.
        of: String,
        /// What.
        why: String,
    },
}
