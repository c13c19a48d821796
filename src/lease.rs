//! Leases: who owns an environment, stored on the environment itself. Pure.

use std::collections::BTreeMap;

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
    /// Objects of earlier runs that an update left in place.
    #[serde(default, skip_serializing_if = "Inherited::is_empty")]
    pub inherited: Inherited,
    /// The plan, so that `test`, `status` and `down` need no description file.
    pub plan: Plan,
}

/// Objects of earlier runs that an update left in place, with the run in their names. Engines whose objects do not bear the
/// name of their run have none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inherited {
    /// Units: their containers and volumes.
    #[serde(default)]
    pub units: BTreeMap<String, RunId>,
    /// Networks, by the end of their name.
    #[serde(default)]
    pub networks: BTreeMap<String, RunId>,
}

impl Inherited {
    /// Returns true if nothing is inherited.
    pub fn is_empty(&self) -> bool {
        self.units.is_empty() && self.networks.is_empty()
    }
}

impl Lease {
    /// Returns the run that created the objects of a unit.
    pub fn run_of(&self, unit: &str) -> RunId {
        self.inherited.units.get(unit).copied().unwrap_or(self.run)
    }

    /// Returns true if an environment with this owner may be claimed as a matter of course.
    pub fn has_same_owner(&self, found: Option<&Owner>) -> bool {
        self.owner.as_ref().is_some_and(|owner| owner.is_same_owner(found))
    }
}
