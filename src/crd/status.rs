//! The status of a TestEnvironment. The runner writes `run`, the controller the rest.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::evidence::StoredEvidence;
use crate::model::{Outcome, Proof, Verdict};
use crate::spec::model::SuiteKind;

/// Observed state of a TestEnvironment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TestEnvironmentStatus {
    /// The generation that was checked last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The commit that was checked last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_commit: Option<String>,
    /// Summary of the progress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// Milestones: Validated, Provisioned, Ready, Tested, Sealed, Removed; and Finished, true at every end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions")]
    pub conditions: Vec<Condition>,
    /// Name of the environment, which is also its namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// SHA-256 of the inputs of the wanted run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_digest: Option<String>,
    /// SHA-256 of the description as resolved when it was checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description_digest: Option<String>,
    /// The proof of the identity token, which may expire before the run starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<VerifiedIdentity>,
    /// Number of runs that must end before this one starts; absent if it does not wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_position: Option<u32>,
    /// When the run was queued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time")]
    pub queued_time: Option<Timestamp>,
    /// Why progress is blocked, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked: Option<String>,
    /// When the pod of the run in progress was found missing; its last report is awaited for a minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time")]
    pub runner_missing_time: Option<Timestamp>,
    /// The latest run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunStatus>,
}

/// An identity token that was verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VerifiedIdentity {
    /// SHA-256 of the token and the claims that it was compared with.
    pub of: String,
    /// The proof.
    pub proof: Proof,
}

/// Summary of the progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Phase {
    /// The description is invalid.
    Invalid,
    /// The run waits in the queue.
    Queued,
    /// The runner is starting.
    Starting,
    /// The environment is starting.
    Provisioning,
    /// Suites are running.
    Testing,
    /// The report is being signed and the environment removed.
    Removing,
    /// The run has ended and the environment is kept.
    Kept,
    /// The run has ended and the environment was removed.
    Done,
}

impl Phase {
    /// All phases, in order.
    pub const ALL: [Self; 8] = [
        Self::Invalid,
        Self::Queued,
        Self::Starting,
        Self::Provisioning,
        Self::Testing,
        Self::Removing,
        Self::Kept,
        Self::Done,
    ];
}

/// The latest run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunStatus {
    /// Id of the run (UUIDv7).
    pub id: String,
    /// Name of its environment.
    pub environment: String,
    /// SHA-256 of its inputs.
    #[serde(default)]
    pub input_digest: String,
    /// SHA-256 of the description as the controller checked it; the runner refuses another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description_digest: Option<String>,
    /// Commit under test.
    pub commit: String,
    /// Generation of the spec that it runs.
    pub generation: i64,
    /// When the run started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time")]
    pub start_time: Option<Timestamp>,
    /// Uid of the pod that performs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_uid: Option<String>,
    /// Stage of the run.
    #[serde(default)]
    pub stage: Stage,
    /// Ready services and all services, such as 3/5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub services: Option<String>,
    /// What the run waits for, and its last state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<String>,
    /// When all services were ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time")]
    pub ready_time: Option<Timestamp>,
    /// Addresses of the services, while they run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<Endpoint>,
    /// Results of the suites.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suites: Vec<SuiteStatus>,
    /// PASSED, FAILED, INCONCLUSIVE, ERROR or ABORTED; absent while the run is in progress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Exit code of `dayfly run` for the same result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<u8>,
    /// Causes of an outcome other than PASSED.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// The signed opening entry and its location, stored before anything is created. It is the only evidence of a run
    /// whose runner was killed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opening_entry: Option<StoredEvidence>,
    /// The signed evidence and its location.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<StoredEvidence>,
    /// Why the environment is kept, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_reason: Option<String>,
    /// When the environment expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time")]
    pub expiration_time: Option<Timestamp>,
    /// When the run ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time")]
    pub completion_time: Option<Timestamp>,
    /// When the environment was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time")]
    pub removal_time: Option<Timestamp>,
    /// Why the environment was removed after the run, and by whom; absent if the run removed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removal_reason: Option<RemovalReason>,
}

/// Why an environment was removed after its run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RemovalReason {
    /// The kind, as in removal records; `gone` if neither the controller nor the reaper removed it.
    pub kind: String,
    /// Explanation.
    pub text: String,
}

impl RemovalReason {
    /// Kind of a removal that the controller only noticed.
    pub const GONE: &str = "gone";
}

/// Stage of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Stage {
    /// No runner has claimed the run yet.
    #[default]
    Waiting,
    /// The environment is starting.
    Provisioning,
    /// Suites are running.
    Testing,
    /// The report is being signed and the environment removed.
    Removing,
    /// The run has ended.
    Ended,
}

/// Address of a service in the cluster; `dayfly forward` opens it locally.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    /// Name of the service.
    pub name: String,
    /// `service.namespace.svc:port`.
    pub address: String,
}

/// Result of a suite.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SuiteStatus {
    /// Name of the suite.
    pub name: String,
    /// `acceptance`, `security` or `dependencies`.
    pub kind: SuiteKind,
    /// `passed`, `failed` or `inconclusive`; absent while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// Number of passed cases.
    pub passed: u32,
    /// Number of failed cases.
    pub failed: u32,
    /// Number of inconclusive cases.
    pub inconclusive: u32,
    /// Reason of a verdict that does not follow from the cases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

fn time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "format": "date-time", "nullable": true})
}

/// The schema of Kubernetes' conditions, a list by `type`.
fn conditions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"],
        "items": {"type": "object", "required": ["type", "status", "reason", "message", "lastTransitionTime"], "properties": {
            "type": {"type": "string", "description": "Type of the condition."},
            "status": {"type": "string", "enum": ["True", "False", "Unknown"], "description": "Status of the condition."},
            "reason": {"type": "string", "description": "Reason of the last transition, in CamelCase."},
            "message": {"type": "string", "description": "Details about the last transition."},
            "lastTransitionTime": {"type": "string", "format": "date-time", "description": "When the status last changed."},
            "observedGeneration": {"type": "integer", "format": "int64", "description": "The generation that the condition is about."},
        }},
    })
}
