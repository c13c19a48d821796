//! Steps and their actions. A step also travels to the agent that performs it.

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::action::*;
use super::amqp::*;
use super::exec::Exec;
use super::jwt::Jwt;
use crate::spec::backing::redis::RedisStep;
use crate::spec::backing::s3::S3Step;

/// One step: exactly one action, and how it is run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = one_action)]
pub struct Step {
    /// Name by which a refusal refers to this step as its positive control; unique in the suite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The positive control of a refusal: the name of an earlier step of this suite, which must have passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<String>,
    /// Run at this service's position in the network instead of the suite's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Repeat until the step passes, at most this long, such as `5s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"5s")]
    pub within: Option<String>,
    /// The action.
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
    /// Start collecting messages of an exchange in a private queue.
    Listen(Listen),
    /// Wait for messages that a `listen` collected, or for messages of a queue.
    Expect(Expect),
    /// Wait for some time, and check that a `listen` collected nothing.
    ExpectNothing(ExpectNothing),
    /// Try an operation that the broker must refuse (or, as a control, allow).
    AmqpTry(AmqpTry),
    /// Check the number of messages or consumers of a queue.
    QueueDepth(QueueDepth),
    /// Run SQL and compare the rows.
    Sql(Sql),
    /// Send a command to a Redis and compare the reply.
    Redis(RedisStep),
    /// Send a signed request to an S3 server and compare the answer.
    S3(S3Step),
    /// Stop a service and wait until it is stopped.
    Stop(ServiceRef),
    /// Start a stopped or late service and wait until it is ready.
    Start(ServiceRef),
    /// Stop, start and wait until ready.
    Restart(ServiceRef),
    /// Run a command inside a service and check its exit code and output.
    Exec(Exec),
    /// Mint a JSON Web Token, right or with one fault, for later steps.
    Jwt(Jwt),
    /// Perform a list of steps several times, or until all of them pass.
    Repeat(Repeat),
    /// Wait, if the passing of time is part of the test.
    Wait(Wait),
    /// Check how running services are confined, as the kernel reports it.
    Confined(Confined),
    /// Check that services reach neither the host, nor the outside, nor outside names; has its own controls.
    NoWayOut(NoWayOut),
    /// Check that services cannot reach another environment by address or name; has its own control.
    NoNeighbour(NoWayOut),
    /// Check that no log or argument list of the environment contains a generated secret.
    NoSecretsLeaked(NoSecretsLeaked),
}

/// Steps that are performed several times, in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Repeat {
    /// How often the steps must pass, one round after the other (default 1); the first that fails ends it.
    #[serde(default = "once")]
    #[schemars(range(min = 1, max = 1000))]
    pub times: u16,
    /// The steps; none may have a name. Variables of a round are known to the next ones, and to later steps. With `within`
    /// beside `repeat`, the rounds begin again until all have passed.
    pub steps: Vec<Step>,
}

fn once() -> u16 {
    1
}

impl Step {
    /// This step, and those that it repeats.
    pub fn with_inner(&self) -> Vec<&Step> {
        let inner = match &self.action {
            Action::Repeat(repeat) => repeat.steps.as_slice(),
            _ => &[],
        };
        std::iter::once(self).chain(inner.iter().flat_map(Step::with_inner)).collect()
    }
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
            Self::Redis(a) => a.refused,
            Self::S3(a) => a.refused,
            _ => false,
        }
    }
}

/// Turns the schema of a step from "one of these objects" into one object with exactly one of the actions,
/// so that editors complete actions and refuse unknown keys.
fn one_action(schema: &mut Schema) {
    let Some(Value::Array(actions)) = schema.remove("oneOf") else { return };
    let mut only = Vec::new();
    let mut properties = schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    for action in actions {
        let Some(named) = action.get("properties").and_then(Value::as_object) else { continue };
        for (name, content) in named {
            let mut content = content.clone();
            if let (Some(c), Some(text)) = (content.as_object_mut(), action.get("description")) {
                c.insert("description".into(), text.clone());
            }
            properties.insert(name.clone(), content);
            only.push(json!({ "required": [name] }));
        }
    }
    schema.insert("properties".into(), Value::Object(properties));
    schema.insert("additionalProperties".into(), json!(false));
    schema.insert("oneOf".into(), Value::Array(only));
}
