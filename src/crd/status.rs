//! What the object's status says. `run` is written by the run's runner, the rest by the controller.

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::crd::StoredEvidence;
use crate::model::{Outcome, Verdict};
use crate::spec::model::SuiteKind;

/// What is known of a TestEnvironment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TestEnvironmentStatus {
    /// The generation that the rest is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The commit that the rest is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_commit: Option<String>,
    /// How far it is, in a word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// The milestones: Validated, Provisioned, Ready, Tested, Sealed, Released.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions")]
    pub conditions: Vec<Condition>,
    /// Name of the environment and of its namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// SHA-256 of what a run of this generation depends on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// How many runs must end before this one begins, from 1; none when it does not wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_position: Option<u32>,
    /// Since when it waits for its turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time")]
    pub queued: Option<Timestamp>,
    /// What it waits for and should not, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked: Option<String>,
    /// The latest run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunStatus>,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Phase {
    /// The description has faults; it waits for a change.
    Invalid,
    /// It waits for its turn.
    Queued,
    /// Its runner begins.
    Starting,
    /// The environment comes up.
    Provisioning,
    /// Suites run.
    Testing,
    /// The report is signed, and the environment removed.
    Removing,
    /// The run has ended and the environment stays for now.
    Kept,
    /// The run has ended and nothing of the environment is left.
    Done,
}

impl Phase {
    /// All of them, in order.
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

/// One milestone, in the usual form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// Which.
    #[serde(rename = "type")]
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// Why, in one word.
    pub reason: String,
    /// Why, in a sentence.
    pub message: String,
    /// When `status` last changed.
    #[schemars(schema_with = "time")]
    pub last_transition_time: Timestamp,
    /// The generation that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

/// One run, as its runner reports it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunStatus {
    /// Run id (UUIDv7).
    pub id: String,
    /// Environment that it has.
    pub environment: String,
    /// What it depends on, as `status.input`.
    pub input: String,
    /// The commit under test.
    pub commit: String,
    /// The generation that it is a run of.
    pub generation: i64,
    /// When the controller began it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time")]
    pub began: Option<Timestamp>,
    /// Uid of the pod that performs it; only one ever does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<String>,
    /// How far it is.
    #[serde(default)]
    pub stage: Stage,
    /// `3/5`: how many services are ready, of how many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub services: Option<String>,
    /// What is not ready yet, and what was last seen of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<String>,
    /// When every service was ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time")]
    pub ready: Option<Timestamp>,
    /// Where its services listen, while they run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<Endpoint>,
    /// What each suite found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suites: Vec<SuiteStatus>,
    /// How it went: PASSED, FAILED, INCONCLUSIVE, ERROR or ABORTED; none while it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// The exit code that `dayfly run` would have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<u8>,
    /// Every cause of an outcome other than PASSED.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// The signed evidence, and where it lies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<StoredEvidence>,
    /// Why the environment stays, when it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<String>,
    /// Until when the environment may live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time")]
    pub expires: Option<Timestamp>,
    /// When the run ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time")]
    pub finished: Option<Timestamp>,
    /// When nothing of its environment was left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time")]
    pub released: Option<Timestamp>,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Stage {
    /// No runner has taken it yet.
    #[default]
    Waiting,
    /// The environment comes up.
    Provisioning,
    /// Suites run.
    Testing,
    /// The report is signed, and the environment removed.
    Removing,
    /// It has ended.
    Ended,
}

/// A service's address in the cluster; `dayfly forward` leads there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    /// Name of the service.
    pub name: String,
    /// `service.namespace.svc:port`.
    pub address: String,
}

/// What a suite found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SuiteStatus {
    /// Name.
    pub name: String,
    /// `acceptance` or `security`.
    pub kind: SuiteKind,
    /// `passed`, `failed` or `inconclusive`; none while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// Cases that passed.
    pub passed: u32,
    /// Cases that failed.
    pub failed: u32,
    /// Cases that could not be judged.
    pub inconclusive: u32,
    /// Why, when it is not simply the worst of its cases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

fn time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "format": "date-time", "nullable": true})
}

/// Conditions are a list by `type`.
fn conditions(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = Vec::<Condition>::json_schema(generator);
    schema.insert("x-kubernetes-list-type".into(), "map".into());
    schema.insert("x-kubernetes-list-map-keys".into(), serde_json::json!(["type"]));
    schema
}
