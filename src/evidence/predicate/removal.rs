//! The predicate of removals by the reaper or the controller. Data only.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{DigestSet, PullRequest, Repo, RunnerId};
use crate::engine::{EngineKind, Residual};
use crate::model::RunId;

/// Predicate of a removal, signed before it begins and after it ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemovalPredicate {
    /// Schema version.
    pub schema_version: u32,
    /// Its id (UUIDv7), the same in both statements.
    pub removal_id: uuid::Uuid,
    /// State.
    pub state: RemovalState,
    /// Reason.
    pub reason: RemovalReason,
    /// The removed environment.
    pub environment: RemovedEnvironment,
    /// The remover.
    pub remover: Remover,
    /// When it began, by the remover's clock.
    pub begun_on: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_on: Option<Timestamp>,
    /// Objects that could not be removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub residual: Vec<Residual>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// SHA-256 of the payload of the first statement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun_digest: Option<DigestSet>,
}

/// State of a removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RemovalState {
    /// The removal is about to begin. Without a later statement the remover died or could not write.
    Begun,
    /// Everything was removed.
    Removed,
    /// Objects remain, or the removal failed.
    Incomplete,
}

/// Reason of a removal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovalReason {
    /// `expired`, `idle`, `closed`, `orphan`; of the controller `expired`, `deleted`, `unwanted`, `replaced`, `unfinished`.
    pub kind: String,
    /// Description.
    pub text: String,
}

/// The removed environment; only the name is known of remnants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemovedEnvironment {
    /// `<description>-pr-<number>`.
    pub id: String,
    /// Kind of engine.
    pub engine: EngineKind,
    /// Product and version.
    pub engine_version: String,
    /// Endpoint.
    pub endpoint: String,
    /// The run that owns it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<RunId>,
    /// SHA-256 of the description as resolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description_digest: Option<DigestSet>,
    /// Repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repo: Option<Repo>,
    /// Pull request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pr: Option<PullRequest>,
    /// When it was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_on: Option<Timestamp>,
    /// When it expired or would have expired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_on: Option<Timestamp>,
    /// When it was last used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_on: Option<Timestamp>,
}

/// The remover.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remover {
    /// The program.
    #[serde(flatten)]
    pub program: RunnerId,
    /// `user@host` of the process.
    pub host: String,
    /// Its account in the engine, such as a user or service account of the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Address of the CI job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// The actor that triggered the CI job, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
}
