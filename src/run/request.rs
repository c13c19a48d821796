//! A checked request for a run, whoever asks for it.

use crate::plan::Plan;
use crate::report::facts::{Change, Runner};
use crate::spec::ValidDescription;

/// A run that can be performed as requested.
pub struct RunRequest {
    /// The description.
    pub valid: ValidDescription,
    /// Its plan.
    pub plan: Plan,
    /// The change under test.
    pub change: Change,
    /// Who asks, for the report.
    pub runner: Runner,
}
