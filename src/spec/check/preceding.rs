//! The steps of a suite that precede the one under check.

use std::collections::{BTreeMap, BTreeSet};

/// Names that later steps of a suite may refer to.
#[derive(Default)]
pub(super) struct PrecedingSteps<'a> {
    /// Named steps, and whether each is a refusal.
    pub(super) named: BTreeMap<&'a str, bool>,
    /// Names of `listen` steps.
    pub(super) listens: BTreeSet<&'a str>,
}
