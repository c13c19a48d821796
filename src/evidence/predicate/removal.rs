//! What is said of the removal of an environment that no run did for itself: by the janitor, or by a controller. Data only.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{DigestSet, PullRequest, Repo, RunnerId};
use crate::engine::{EngineKind, Residual};

/// Predicate of a removal: once before it begins, once when it is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemovalPredicate {
    /// Version of this shape.
    pub schema_version: u32,
    /// Its id (UUIDv7), the same in both statements.
    pub removal_id: uuid::Uuid,
    /// How far it is.
    pub state: RemovalState,
    /// Why it is removed.
    pub reason: RemovalReason,
    /// What is removed.
    pub environment: RemovedEnvironment,
    /// Who removes it.
    pub remover: Remover,
    /// When it began, by the remover's clock.
    pub begun_on: Timestamp,
    /// When it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_on: Option<Timestamp>,
    /// What could not be removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub residual: Vec<Residual>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// SHA-256 of the payload of the statement with which it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun_digest: Option<DigestSet>,
}

/// How far a removal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RemovalState {
    /// It is about to begin; when nothing follows, whoever removed died, or could not write any more.
    Begun,
    /// Everything is gone.
    Removed,
    /// Something is left, or it failed.
    Incomplete,
}

/// Why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovalReason {
    /// `expired`, `idle`, `closed`, `orphan`; of the controller `expired`, `deleted`, `unwanted`, `replaced`, `unfinished`.
    pub kind: String,
    /// In a sentence.
    pub text: String,
}

/// What is removed; of what nobody has, no more than the name is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemovedEnvironment {
    /// `<description>-pr-<number>`.
    pub id: String,
    /// Kind of engine.
    pub engine: EngineKind,
    /// Product and version.
    pub engine_version: String,
    /// Where it answers.
    pub endpoint: String,
    /// The run that has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<uuid::Uuid>,
    /// SHA-256 of the description as resolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description_digest: Option<DigestSet>,
    /// Repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repo: Option<Repo>,
    /// Pull request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pr: Option<PullRequest>,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_on: Option<Timestamp>,
    /// Until when it was to live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_on: Option<Timestamp>,
    /// When it was last used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_on: Option<Timestamp>,
}

/// Who removes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remover {
    /// The program.
    #[serde(flatten)]
    pub program: RunnerId,
    /// `user@host` of the process.
    pub host: String,
    /// The name under which the engine knows it, such as a cluster's user or service account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Address of the CI job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// Who triggered it, where CI says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
}
