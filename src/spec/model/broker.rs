//! The message broker and its topology.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::container::{Resources, Security, default_within};
use super::service::FileSource;
use super::value::Scalar;

/// A single-node RabbitMQ and its topology.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Broker {
    /// Host name of the broker (default `mq`).
    #[serde(default = "default_broker_name")]
    pub name: String,
    /// Image of RabbitMQ; it must read `RABBITMQ_CONFIG_FILE`.
    pub image: String,
    /// Listens with TLS on 5671 only, instead of plain on 5672 (default false).
    #[serde(default)]
    pub tls: bool,
    /// Virtual hosts by name.
    #[serde(default)]
    pub vhosts: BTreeMap<String, Vhost>,
    /// Users by name; each gets a generated password, delivered as the secret `<broker>.<user>`.
    #[serde(default)]
    pub users: BTreeMap<String, BrokerUser>,
    /// Keys of `rabbitmq.conf`, such as `consumer_timeout`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub config: BTreeMap<String, Scalar>,
    /// Environment variables beside those that dayfly sets; never put a secret here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Files given to it, by absolute path under `/etc/dayfly/`; they hold no secrets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, FileSource>,
    /// Further services and suites that may call it.
    #[serde(default)]
    pub callers: Vec<String>,
    /// Limits (memory is `512Mi` unless given).
    #[serde(default = "broker_resources")]
    pub resources: Resources,
    /// Time limit for readiness (default `60s`).
    #[serde(default = "default_within")]
    #[schemars(example = &"60s")]
    pub within: String,
    /// Departures from the secure defaults.
    #[serde(default)]
    pub security: Security,
    /// Not started with the environment: a suite starts it (default false).
    #[serde(default)]
    pub start_late: bool,
}

fn default_broker_name() -> String {
    "mq".into()
}
fn broker_resources() -> Resources {
    Resources { memory: "512Mi".into(), ..Resources::default() }
}

/// A virtual host: its exchanges, queues and bindings.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Vhost {
    /// Durable exchanges by name.
    #[serde(default)]
    pub exchanges: BTreeMap<String, Exchange>,
    /// Durable queues by name.
    #[serde(default)]
    pub queues: BTreeMap<String, Queue>,
    /// Bindings of exchanges to queues or other exchanges.
    #[serde(default)]
    pub bindings: Vec<Binding>,
}

/// A durable exchange.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Exchange {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: ExchangeKind,
    /// Exchange that receives messages without a matching binding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alternate: Option<String>,
}

/// The four types that every RabbitMQ has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExchangeKind {
    /// By exact routing key.
    Direct,
    /// To every binding.
    Fanout,
    /// By patterns on the routing key.
    Topic,
    /// By message headers.
    Headers,
}

impl ExchangeKind {
    /// The name in AMQP.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Fanout => "fanout",
            Self::Topic => "topic",
            Self::Headers => "headers",
        }
    }
}

/// A durable queue.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Queue {
    /// Exchange for messages that were rejected or expired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_letter: Option<String>,
    /// Further queue arguments, such as `x-max-length`.
    #[serde(default)]
    pub arguments: BTreeMap<String, Scalar>,
}

/// One binding, from an exchange to a queue or an exchange.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Binding {
    /// The exchange that messages come from.
    pub from: String,
    /// The queue, or else the exchange, that they go to.
    pub to: String,
    /// Routing key or pattern (default empty).
    #[serde(default)]
    pub key: String,
}

/// One user of the broker: permissions by virtual host.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BrokerUser {
    /// Permissions by virtual host; other virtual hosts refuse the user.
    pub permissions: BTreeMap<String, Permission>,
}

/// Regular expressions over the names of exchanges and queues; empty means none.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Permission {
    /// What it may declare and delete.
    #[serde(default)]
    pub configure: String,
    /// What it may publish to or bind.
    #[serde(default)]
    pub write: String,
    /// What it may consume from or bind to.
    #[serde(default)]
    pub read: String,
}
