//! Parameters of the built-in steps at the broker. Data only.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::value::given_json;

/// A login at the broker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AmqpLogin {
    /// User; its generated password is used unless `password` is given.
    pub user: String,
    /// Another password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// Virtual host.
    pub vhost: String,
    /// The login must be refused (default false).
    #[serde(default)]
    pub refused: bool,
}

/// A message to publish. The step fails if no queue receives it, unless `unrouted` is true.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Publish {
    /// User of the broker.
    pub user: String,
    /// Virtual host.
    pub vhost: String,
    /// Exchange (empty: the default exchange).
    #[serde(default)]
    pub exchange: String,
    /// Routing key.
    #[serde(default)]
    pub key: String,
    /// Body as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Body as JSON.
    #[serde(default, deserialize_with = "given_json", skip_serializing_if = "Option::is_none")]
    pub json: Option<Value>,
    /// `message_id` (default: a fresh one).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// How many times the same message is published (default 1).
    #[serde(default = "once")]
    pub times: u16,
    /// Pass even if no queue receives the message (default false).
    #[serde(default)]
    pub unrouted: bool,
}

fn once() -> u16 {
    1
}

/// Collect the messages that an exchange delivers from now on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Listen {
    /// Name by which `expect` refers to it.
    #[serde(rename = "as")]
    pub name: String,
    /// User of the broker; it must be allowed to declare and read queues that begin with `dayfly.`.
    pub user: String,
    /// Virtual host.
    pub vhost: String,
    /// Exchange.
    pub exchange: String,
    /// Binding key (default `#`).
    #[serde(default = "everything")]
    pub key: String,
}

fn everything() -> String {
    "#".into()
}

/// Wait for messages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Expect {
    /// The `listen` that collects them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<String>,
    /// Instead of `on`: a queue to consume from, with `user` and `vhost`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// User, for `queue`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Virtual host, for `queue`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vhost: Option<String>,
    /// Exactly this many messages that match (default 1).
    #[serde(default = "once")]
    pub count: u16,
    /// Exact routing key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// JSON that the body must contain (objects may have more keys).
    #[serde(default, deserialize_with = "given_json", skip_serializing_if = "Option::is_none")]
    pub json: Option<Value>,
    /// The body must be JSON with exactly these keys; `data.path` stands for the key `path` of the object `data`.
    #[serde(default)]
    pub only_keys: Vec<String>,
    /// Text that no collected message may contain, headers included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lacks: Option<String>,
    /// Properties that must be set, such as `message_id`, `timestamp`, `persistent`.
    #[serde(default)]
    pub properties: Vec<String>,
    /// Variables set from the first match: name to where (`$.a.b` in the body, `key`, `message_id`).
    #[serde(default)]
    pub capture: BTreeMap<String, String>,
}

/// Expect no message for some time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExpectNothing {
    /// The `listen` that collects.
    pub on: String,
    /// For how long, such as `2s`.
    #[serde(rename = "for")]
    #[schemars(example = &"2s")]
    pub duration: String,
}

/// An operation at the broker that is refused without permission.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AmqpTry {
    /// User of the broker.
    pub user: String,
    /// Virtual host.
    pub vhost: String,
    /// The operation.
    pub operation: AmqpOperation,
    /// Exchange, for `publish`, `bind` and `declare-exchange`.
    #[serde(default)]
    pub exchange: String,
    /// Queue, for `consume`, `bind` and `declare-queue`.
    #[serde(default)]
    pub queue: String,
    /// Routing key, for `publish` and `bind`.
    #[serde(default)]
    pub key: String,
    /// It must be refused with ACCESS_REFUSED (default false).
    #[serde(default)]
    pub refused: bool,
}

/// The operation to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AmqpOperation {
    /// Publish a message that expires at once.
    Publish,
    /// Open a consumer and cancel it without taking a message.
    Consume,
    /// Bind the queue to the exchange.
    Bind,
    /// Declare a queue.
    DeclareQueue,
    /// Declare an exchange.
    DeclareExchange,
}

/// Expected numbers of messages and consumers of a queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct QueueDepth {
    /// User of the broker.
    pub user: String,
    /// Virtual host.
    pub vhost: String,
    /// Queue.
    pub queue: String,
    /// Messages that are ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messages: Option<u32>,
    /// Consumers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumers: Option<u32>,
}
