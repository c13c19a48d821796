//! Who has an environment, and until when: kept on the environment itself by every engine. Pure.

use serde::{Deserialize, Serialize};

use crate::model::RunId;
use crate::plan::Plan;

pub mod retention;

pub use retention::{Hold, Retention, RetentionChange, RetentionUpdate};

/// Who owns an environment: kept on the environment itself, never in a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lease {
    /// `<description>-pr-<number>`.
    pub environment: String,
    /// Run id (UUIDv7, so that a later run sorts after an earlier one).
    pub run: RunId,
    /// Head commit, as given (may be empty for a developer's `up`).
    pub commit: String,
    /// Repository of the pull request, where known: only in it does its number mean anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// `namespace/name` of the TestEnvironment that asked for it, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requester: Option<String>,
    /// When it was made.
    pub created: jiff::Timestamp,
    /// Until when it was to live when it was made; `Retention` says until when it does.
    pub expires: jiff::Timestamp,
    /// The plan, so that `test`, `status` and `down` need no description file.
    pub plan: Plan,
}
