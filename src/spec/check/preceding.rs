//! The steps of a suite that precede the one under check, and the secrets that it may use.

use std::collections::{BTreeMap, BTreeSet};

/// Names that later steps of a suite may refer to.
#[derive(Default)]
pub(super) struct PrecedingSteps<'a> {
    /// Secrets of the suite.
    pub(super) secrets: &'a [String],
    /// Named steps, and whether each is a refusal.
    pub(super) named: BTreeMap<&'a str, bool>,
    /// Names of `listen` steps.
    pub(super) listens: BTreeSet<&'a str>,
}
