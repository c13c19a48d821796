//! Leases: who owns an environment, stored on the environment itself. Pure.

use serde::{Deserialize, Serialize};

use crate::model::RunId;
use crate::plan::Plan;

mod owner;
pub mod retention;

pub use owner::{Owner, TakenOver, described as owner_in_words};
pub use retention::{Hold, Retention, RetentionChange, RetentionUpdate};

/// The ownership of an environment by a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lease {
    /// `<description>-pr-<number>`.
    pub environment: String,
    /// Run id (UUIDv7, so that a later run sorts after an earlier one).
    pub run: RunId,
    /// Head commit, as given; may be empty for `up`.
    pub commit: String,
    /// Repository of the pull request, if known: its number is unique only there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// `namespace/name` of the TestEnvironment that requested it, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requester: Option<String>,
    /// Whom the environment belongs to; none in the lease of an earlier version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// A run performs it, and marks it as used once a minute until it removes it or leaves it behind.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub attended: bool,
    /// Creation time.
    pub created: jiff::Timestamp,
    /// Initial expiry; `Retention` has the current one.
    pub expires: jiff::Timestamp,
    /// The plan, so that `test`, `status` and `down` need no description file.
    pub plan: Plan,
}

impl Lease {
    /// Returns true if an environment with this owner may be claimed as a matter of course.
    pub fn has_same_owner(&self, found: Option<&Owner>) -> bool {
        self.owner.as_ref().is_some_and(|owner| owner.is_same_owner(found))
    }
}
