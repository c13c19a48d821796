//! What a user writes: the description, as plain data.
//!
//! These types are the contract: the JSON Schema is generated from them and every check works on them.
//! They hold no behaviour beyond defaults, and never touch files, clocks or engines.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use super::data_model::*;
pub use super::suite_model::*;

/// The one accepted value of `apiVersion`.
pub const API_VERSION: &str = "dayfly.dev/v1alpha1";
/// The one accepted value of `kind`.
pub const KIND: &str = "Environment";

/// A whole description: `apiVersion: dayfly.dev/v1alpha1`, `kind: Environment`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Environment {
    /// Always `dayfly.dev/v1alpha1`.
    pub api_version: String,
    /// Always `Environment`.
    pub kind: String,
    /// Name of the description: a DNS label of at most 30 characters.
    pub name: String,
    /// How long an environment may live after it was created, such as `4h` (default `4h`).
    #[serde(default = "default_ttl")]
    #[schemars(example = &"4h")]
    pub ttl: String,
    /// Values with defaults; `--set name=value` overrides; used as `{{name}}` in string scalars.
    #[serde(default)]
    pub values: BTreeMap<String, Scalar>,
    /// Generated secrets by name, delivered as files to the services and suites that list them.
    #[serde(default)]
    pub secrets: BTreeMap<String, Secret>,
    /// The services by name.
    #[serde(default)]
    pub services: BTreeMap<String, Service>,
    /// The message broker, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broker: Option<Broker>,
    /// The databases by name.
    #[serde(default)]
    pub databases: BTreeMap<String, Database>,
    /// The suites by name.
    #[serde(default)]
    pub suites: BTreeMap<String, Suite>,
}

fn default_ttl() -> String {
    "4h".into()
}

/// A value that a template may insert: text, a number or a truth value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Scalar {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other text.
    Text(String),
}

/// A secret that is made afresh for each environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Secret {
    /// Number of random bytes, written as hexadecimal text (default 32).
    #[serde(default = "default_secret_bytes")]
    #[schemars(range(min = 16, max = 128))]
    pub bytes: u16,
}

fn default_secret_bytes() -> u16 {
    32
}

/// One service: an image, what it needs and who may call it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Service {
    /// Image reference; `--image service=ref` overrides.
    #[schemars(example = &"registry.example/shop/api:1.4")]
    pub image: String,
    /// The port it listens on; readiness and callers use it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub port: Option<u16>,
    /// Command and arguments in place of the image's own.
    #[serde(default)]
    pub command: Vec<String>,
    /// Environment variables; never put a secret here.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Files given to the service, by absolute path under `/etc/dayfly/`.
    #[serde(default)]
    pub files: BTreeMap<String, FileSource>,
    /// Secrets delivered as `/run/secrets/<name>`: names under `secrets`, `<broker>.<user>` or `<database>.<role>`.
    #[serde(default)]
    pub secrets: Vec<String>,
    /// A certificate for its name, delivered as `/run/secrets/tls.crt` and `tls.key`; every service gets `ca.crt`.
    #[serde(default)]
    pub tls: bool,
    /// Services, broker or databases that must be ready first; a need is also a right to call.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Further services and suites that may call this one, without an order of start.
    #[serde(default)]
    pub callers: Vec<String>,
    /// What makes it ready (default: a TCP connection to `port` is accepted).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<Ready>,
    /// Limits on memory, CPU and processes.
    #[serde(default)]
    pub resources: Resources,
    /// How many copies run (default 1).
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 9))]
    pub replicas: u8,
    /// Absolute paths it may write to; each is empty at the start and gone at the end. `/tmp` is always one.
    #[serde(default)]
    pub writable: Vec<String>,
    /// Departures from the secure defaults; each is shown in the report.
    #[serde(default)]
    pub security: Security,
    /// When true it is not started with the environment: a suite starts it (default false).
    #[serde(default)]
    pub start_late: bool,
}

fn one() -> u8 {
    1
}

/// Where a file's content comes from: exactly one of `text` and `path`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FileSource {
    /// The content itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// A file beside the description, by relative path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// When a service counts as ready: exactly one of `http`, `tcp` and `consumers`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ready {
    /// A path that answers with a status from 200 to 299, such as `/healthz`; over TLS when `tls` is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"/healthz")]
    pub http: Option<String>,
    /// A port that accepts a connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub tcp: Option<u16>,
    /// A queue of the broker that has at least one consumer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumers: Option<ConsumersReady>,
    /// How long it may take, such as `60s` (default `60s`).
    #[serde(default = "default_within")]
    #[schemars(example = &"60s")]
    pub within: String,
}

pub(super) fn default_within() -> String {
    "60s".into()
}

/// A queue that must have at least one consumer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConsumersReady {
    /// Virtual host of the queue.
    pub vhost: String,
    /// Name of the queue.
    pub queue: String,
}

/// Limits for each copy of a service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Resources {
    /// Memory such as `256Mi` (default `256Mi`).
    #[serde(default = "default_memory")]
    #[schemars(example = &"256Mi")]
    pub memory: String,
    /// Processors such as `500m` or `1` (default `1`).
    #[serde(default = "default_cpu")]
    #[schemars(example = &"500m")]
    pub cpu: String,
    /// Highest number of processes and threads (default 256).
    #[serde(default = "default_pids")]
    #[schemars(range(min = 1, max = 32768))]
    pub pids: u32,
}

impl Default for Resources {
    fn default() -> Self {
        Self { memory: default_memory(), cpu: default_cpu(), pids: default_pids() }
    }
}

fn default_memory() -> String {
    "256Mi".into()
}
fn default_cpu() -> String {
    "1".into()
}
fn default_pids() -> u32 {
    256
}

/// Departures from: not root, read-only root, no capabilities, no new privileges.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Security {
    /// Numeric user, or `user:group`, to run as (default: the image's own, which must not be root).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"1000:1000")]
    pub user: Option<String>,
    /// May run as root (default false).
    #[serde(default)]
    pub root: bool,
    /// May write to the image's own files (default false).
    #[serde(default)]
    pub writable_root: bool,
    /// Capabilities it keeps, such as `NET_BIND_SERVICE` (default none).
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// Why; required as soon as one of `root`, `writableRoot` and `capabilities` is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
