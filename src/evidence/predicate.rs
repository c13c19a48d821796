//! The predicates of signed statements. Data only.
//!
//! Unknown values are absent, never null; readers ignore unknown fields.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::engine::EngineKind;
use crate::model::{RunId, SuiteSource};
use crate::report::facts::Requester;

pub mod decision;
pub mod removal;
pub mod run;
pub mod suite;
pub mod vulns;

pub use decision::{
    AppliedOverride, DecidedRun, DecisionDetail, DecisionPredicate, InputAttestation, RuleResult, RuleState,
    VERIFICATION_SUMMARY, Verifier,
};
pub use removal::{RemovalPredicate, RemovalReason, RemovalState, RemovedEnvironment, Remover};
pub use run::{Access, Image, RunPredicate, RunSuite, Teardown, UnitSummary};
pub use suite::{CaseSummary, Counts, RawReport, SuitePredicate, SuiteSummary};
pub use vulns::{RunScan, VulnsPredicate};

/// `_type` of every statement.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// Predicate type of the results of a suite or a run; `scope` distinguishes them.
pub const TEST_RESULT: &str = "https://in-toto.io/attestation/test-result/v0.1";
/// Predicate type of the scan of an image or a lock file.
pub const VULNS: &str = "https://in-toto.io/attestation/vulns/v0.2";
/// Predicate type of the opening entry of a run.
pub const RUN_OPENED: &str = "https://dayfly.dev/run-opened/v1";

/// Predicate type of a removal by the reaper or the controller.
pub const ENVIRONMENT_REMOVED: &str = "https://dayfly.dev/environment-removed/v1";

/// An in-toto statement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Statement<P = Value> {
    /// `STATEMENT_TYPE`.
    #[serde(rename = "_type")]
    pub kind: String,
    /// Images, head commit and description. Consumers match only the digests.
    pub subject: Vec<Subject>,
    /// `TEST_RESULT`, `VULNS`, `RUN_OPENED`, `ENVIRONMENT_REMOVED` or `VERIFICATION_SUMMARY`.
    pub predicate_type: String,
    /// The predicate.
    pub predicate: P,
}

/// One subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// Human-readable name.
    pub name: String,
    /// Digest that consumers match.
    pub digest: DigestSet,
}

/// A digest by algorithm.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DigestSet {
    /// Lower-case hexadecimal SHA-256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Lower-case hexadecimal commit id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_commit: Option<String>,
}

impl DigestSet {
    /// A SHA-256.
    pub fn sha256(hex: &str) -> Self {
        Self { sha256: Some(hex.to_ascii_lowercase()), git_commit: None }
    }
}

/// A named thing with its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// Name.
    pub name: String,
    /// Digest.
    pub digest: DigestSet,
}

/// PASSED or FAILED; dayfly never uses WARNED, the third value (see `statement`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum TestOutcome {
    /// The test passed.
    Passed,
    /// The test failed or could not be judged.
    Failed,
}

/// The fields that the test-result predicate itself defines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TestResult {
    /// The verdict.
    pub result: TestOutcome,
    /// The description and the suites, by digest.
    pub configuration: Vec<Named>,
    /// The CI job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Cases that passed at the first attempt.
    pub passed_tests: Vec<String>,
    /// Cases that passed at a later attempt only.
    pub warned_tests: Vec<String>,
    /// Cases that failed or could not be judged.
    pub failed_tests: Vec<String>,
}

/// The scope of a test result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// The whole run.
    Run,
    /// One suite.
    Suite,
}

/// The context of a run, in each of its statements.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Context {
    /// Schema version of the facts.
    pub schema_version: u32,
    /// Run id.
    pub run_id: RunId,
    /// Repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repo: Option<Repo>,
    /// Pull request.
    pub pr: PullRequest,
    /// The environment.
    pub environment: Environment,
    /// The policy that the description was checked against; absent if dayfly's built-in limits held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Policy>,
    /// The program.
    pub runner: RunnerId,
    /// The actor that triggered the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Who requested it; absent in evidence of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requester: Option<Requester>,
    /// What the requester only declared: `repository`, `pull request`, `commit`, `actor`, `job`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub declared: Vec<String>,
    /// When it began, by the runner's clock.
    pub started_on: Timestamp,
}

/// A policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Its file, or `configmap://NAMESPACE/NAME/KEY`.
    pub uri: String,
    /// SHA-256 of its bytes.
    pub digest: DigestSet,
}

/// A repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repo {
    /// Its address.
    pub uri: String,
}

/// The change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PullRequest {
    /// Number.
    pub number: u32,
    /// Head commit as given; also a subject if it is a commit id.
    pub head_sha: String,
}

/// The environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Environment {
    /// `<description>-pr-<number>`.
    pub id: String,
    /// Name of the description.
    pub description: String,
    /// SHA-256 of the description as resolved.
    pub description_digest: DigestSet,
    /// Kind of engine.
    pub engine: EngineKind,
    /// Product and version, if the engine answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine_version: Option<String>,
    /// Known gaps in enforcement, one sentence each.
    pub engine_cannot: Vec<String>,
}

/// The program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunnerId {
    /// `dayfly`.
    pub name: String,
    /// Version.
    pub version: String,
}

/// Predicate of the opening entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Opened {
    /// Context of the run.
    #[serde(flatten)]
    pub context: Context,
    /// Planned suites, with the digest of their part of the description.
    pub planned_suites: Vec<PlannedSuite>,
}

/// Where a suite comes from, and how the change treats it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Origin {
    /// The description that it was read from.
    pub source_ref: SuiteSourceRef,
    /// The change has another version of it than the base, or one of the two does not have it; absent without a base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_in_pr: Option<bool>,
    /// Ids of the cases that the base has and the change does not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost_cases: Vec<String>,
}

/// A description in the change or in the protected base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuiteSourceRef {
    /// `base` or `change`.
    pub from: SuiteSource,
    /// Commit of the base, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Path of the description.
    pub path: String,
    /// SHA-256 of the file.
    pub digest: DigestSet,
}

/// A planned suite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedSuite {
    /// Name and digest.
    #[serde(flatten)]
    pub named: Named,
    /// Where it comes from, where known.
    #[serde(flatten)]
    pub origin: Option<Origin>,
}

/// A departure from the secure defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Departure {
    /// Runs as root.
    pub root: bool,
    /// Has a writable root file system.
    pub writable_root: bool,
    /// Capabilities.
    pub capabilities: Vec<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
