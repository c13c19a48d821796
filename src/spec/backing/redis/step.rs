//! The step `redis`. Data, and what follows from it. Pure.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// The user that every Redis has; its password is the secret `<name>.password`.
pub const DEFAULT_USER: &str = "default";
/// Commands that change nothing.
const READING: [&str; 24] = [
    "ping", "echo", "get", "mget", "getrange", "strlen", "exists", "ttl", "pttl", "type", "keys", "scan", "dbsize",
    "info", "hget", "hgetall", "hlen", "llen", "lrange", "scard", "smembers", "zcard", "zrange", "xlen",
];

/// A command to a Redis, and its expected reply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RedisStep {
    /// Name of the Redis under `redis`.
    pub service: String,
    /// User to log in as (default `default`).
    #[serde(default = "default_user")]
    pub user: String,
    /// Password instead of the user's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// Number of the database within the Redis (default 0).
    #[serde(default)]
    pub db: u16,
    /// The command with its arguments.
    pub command: Vec<String>,
    /// Expected reply: texts and numbers compare as text, lists element by element, and null is no value.
    #[serde(default, deserialize_with = "also_null", skip_serializing_if = "Option::is_none")]
    pub reply: Option<Value>,
    /// Text that the reply contains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contains: Option<String>,
    /// Code of the error that it must reply, such as `WRONGTYPE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The server must refuse it: `NOAUTH`, `WRONGPASS` or `NOPERM` (default false).
    #[serde(default)]
    pub refused: bool,
    /// Variables set from the reply: name to where (`$` is the whole, `$[0]` its first element).
    #[serde(default)]
    pub capture: BTreeMap<String, String>,
}

fn default_user() -> String {
    DEFAULT_USER.to_owned()
}

/// Reads null as a value and not as its absence.
fn also_null<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

impl RedisStep {
    /// Returns true if the command changes nothing.
    pub fn only_reads(&self) -> bool {
        self.command.first().is_some_and(|word| READING.contains(&word.to_ascii_lowercase().as_str()))
    }
}
