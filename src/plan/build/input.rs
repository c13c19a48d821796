//! Files and quantities of a description.

use super::error::PlanError;
use crate::spec::{ValidDescription, quantity};

/// Content of a file that the description refers to.
pub(super) fn file(of: &str, path: &str, valid: &ValidDescription) -> Result<Vec<u8>, PlanError> {
    let missing = || PlanError::File { of: of.to_owned(), path: path.to_owned() };
    valid.files.get(path).cloned().ok_or_else(missing)
}

/// A duration in milliseconds, at most `most`.
pub(super) fn milliseconds(of: &str, text: &str, most: u64) -> Result<u64, PlanError> {
    quantity::duration_ms(text, most).map_err(|why| unreadable(of, text, why))
}

pub(super) fn unreadable(of: &str, text: &str, why: String) -> PlanError {
    PlanError::Quantity { of: of.to_owned(), text: text.to_owned(), why }
}
