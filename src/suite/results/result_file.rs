//! The content of one result file, as every format gives it.

use crate::report::facts::CaseFact;

/// The content of one file.
#[derive(Default)]
pub(super) struct ResultFile {
    pub(super) cases: Vec<CaseFact>,
    pub(super) problem: Option<Problem>,
}

/// Why a file was not read, or not to its end.
pub(super) enum Problem {
    /// It is not a file of the format.
    Foreign(String),
    /// It is one, but damaged.
    Unreadable(String),
}

impl ResultFile {
    /// A file without cases.
    pub(super) fn unreadable(why: String) -> Self {
        Self { cases: vec![], problem: Some(Problem::Unreadable(why)) }
    }
}
