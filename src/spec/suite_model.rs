//! What a user writes about suites: containers, or cases made of built-in steps.
//!
//! Data only, as in `model`; a step is also what travels to the agent that performs it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use super::action_model::*;
pub use super::amqp_model::*;

/// One suite: either `image` (a container that judges) or `cases` (built-in steps).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Suite {
    /// What a failure means: exit code 5 for acceptance, 6 for security.
    pub kind: SuiteKind,
    /// Services that it may call; it reaches nothing else.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Secrets delivered as `/run/secrets/<name>`; also `{{secret "name"}}` in steps.
    #[serde(default)]
    pub secrets: Vec<String>,
    /// May run beside other suites that say the same (default false).
    #[serde(default)]
    pub parallel: bool,
    /// Longest time for the whole suite (default `10m`).
    #[serde(default = "default_timeout")]
    #[schemars(example = &"10m")]
    pub timeout: String,
    /// How often a failed case (or container) is tried again; shown as flaky when it then passes (default 0).
    #[serde(default)]
    #[schemars(range(min = 0, max = 5))]
    pub retries: u8,
    /// Image of a container suite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Command of a container suite, in place of the image's own.
    #[serde(default)]
    pub command: Vec<String>,
    /// Environment variables of a container suite.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Folder of a container suite whose files are collected (default `/results`); JUnit XML in it is read.
    #[serde(default = "default_results")]
    pub results: String,
    /// What judges a container suite (default `junit`).
    #[serde(default)]
    pub verdict: VerdictSource,
    /// Limits of a container suite.
    #[serde(default)]
    pub resources: super::model::Resources,
    /// Departures of a container suite from the secure defaults.
    #[serde(default)]
    pub security: super::model::Security,
    /// The cases of a suite of built-in steps, in their order.
    #[serde(default)]
    pub cases: Vec<Case>,
}

fn default_timeout() -> String {
    "10m".into()
}
fn default_results() -> String {
    "/results".into()
}

/// Acceptance or security.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SuiteKind {
    /// Does it do what it should?
    Acceptance,
    /// Does it refuse what it should?
    Security,
}

/// What decides the verdict of a container suite.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum VerdictSource {
    /// JUnit XML in the results folder, and the exit code.
    #[default]
    Junit,
    /// The exit code alone: one case.
    ExitCode,
}

/// One judgement: steps in order; the first that fails ends it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Case {
    /// Short id, unique in the suite, such as `A1`.
    #[schemars(example = &"A1")]
    pub id: String,
    /// A sentence that says what holds when it passes.
    pub name: String,
    /// The steps.
    pub steps: Vec<Step>,
    /// Steps that run at the end whatever happened before; their failure fails the case.
    #[serde(default)]
    pub cleanup: Vec<Step>,
}

/// One step: exactly one action, and how it is run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = super::schema::one_action)]
pub struct Step {
    /// A name that a refusal can point at as its positive control; unique in the suite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The positive control of a refusal: the name of an earlier step of this suite, which must have passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<String>,
    /// Run from inside this service's network position instead of the suite's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Repeat until it holds, at most this long, such as `5s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"5s")]
    pub within: Option<String>,
    /// What to do.
    #[serde(flatten)]
    pub action: Action,
}

/// The actions that dayfly's agent knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// Send an HTTP request and compare the answer.
    Http(Http),
    /// Open a TCP connection; expected to work, or with `refused: true` to fail.
    Tcp(Tcp),
    /// Resolve a name; expected to work, or with `refused: true` to fail.
    Resolve(Resolve),
    /// Log in to the broker; expected to work, or with `refused: true` to be refused.
    AmqpLogin(AmqpLogin),
    /// Publish a message and wait for the broker's confirmation.
    Publish(Publish),
    /// Begin to collect messages of an exchange into a private queue.
    Listen(Listen),
    /// Wait for messages that a `listen` collected, or for messages of a queue.
    Expect(Expect),
    /// Let some time pass and demand that a `listen` collected nothing.
    ExpectNothing(ExpectNothing),
    /// Try an operation that the broker must refuse (or, as a control, allow).
    AmqpTry(AmqpTry),
    /// Demand a number of messages or consumers of a queue.
    QueueDepth(QueueDepth),
    /// Run SQL and compare the rows.
    Sql(Sql),
    /// Stop a service and wait until it is stopped.
    Stop(ServiceRef),
    /// Start a stopped or late service and wait until it is ready.
    Start(ServiceRef),
    /// Stop, start and wait until ready.
    Restart(ServiceRef),
    /// Let time pass where the passing of time is what is tested.
    Wait(Wait),
    /// Demand how a running container is confined, as its kernel reports it.
    Confined(Confined),
    /// Demand that services reach neither the host, nor the outside, nor outside names; makes its own controls.
    NoWayOut(NoWayOut),
    /// Demand that services cannot reach another environment by address or name; makes its own control.
    NoNeighbour(NoWayOut),
    /// Demand that no generated secret stands in any log or argument list of the environment.
    NoSecretsLeaked(NoSecretsLeaked),
}

impl Action {
    /// Whether the step passes because something was refused; it then needs a positive control.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Http(h) => {
                !h.expect.status.is_empty() && h.expect.status.iter().all(|s| matches!(s, 401 | 403 | 404 | 405))
            }
            Self::Tcp(a) => a.refused,
            Self::Resolve(a) => a.refused,
            Self::AmqpLogin(a) => a.refused,
            Self::AmqpTry(a) => a.refused,
            Self::Sql(a) => a.refused,
            _ => false,
        }
    }
}
