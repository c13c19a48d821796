//! Services.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::container::{Resources, Security, default_within};

/// One service: its image, its needs and its callers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Service {
    /// Image reference; `--image service=ref` overrides.
    #[schemars(example = &"registry.example/shop/api:1.4")]
    pub image: String,
    /// The port it listens on; readiness and callers use it. Of several `ports` it is the main one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub port: Option<u16>,
    /// Ports by name, such as `{ http: 8080, admin: 9090 }`. `needs` and `callers` may name one, as in `api:admin`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = &serde_json::json!({ "http": 8080, "admin": 9090 }))]
    pub ports: BTreeMap<String, u16>,
    /// Process to run, in place of the image's: entrypoint and arguments in one.
    #[serde(default)]
    pub command: Vec<String>,
    /// Entrypoint in place of the image's, whose arguments do not count then; `args` are its arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entrypoint: Vec<String>,
    /// Arguments in place of the image's; they follow `command`, `entrypoint` or the image's entrypoint.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Absolute path of the folder in which the process begins (default: the image's own).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<String>,
    /// Environment variables; never put a secret here.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Environment variables that contain secrets of the service, such as `postgres://app:{{secret "pg.app"}}@pg/app`; who may
    /// inspect its container can read them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secret_env: BTreeMap<String, String>,
    /// Files given to the service, by absolute path under `/etc/dayfly/`.
    #[serde(default)]
    pub files: BTreeMap<String, FileSource>,
    /// Secrets delivered as `/run/secrets/<name>`: names under `secrets`, `<broker>.<user>`, `<database>.<role>`, or those of
    /// a backing service.
    #[serde(default)]
    pub secrets: Vec<String>,
    /// A certificate for its name, delivered as `/run/secrets/tls.crt` and `tls.key`; every service gets `ca.crt`.
    #[serde(default)]
    pub tls: bool,
    /// Services, databases, broker or backing services that must be ready first, and that this service may call: all their
    /// ports, or one, as in `api:admin`.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Further services and suites that may call this one; does not affect the start order. `ops:admin` lets `ops` call the port
    /// `admin` of this service alone.
    #[serde(default)]
    pub callers: Vec<String>,
    /// Readiness check (default: a TCP connection to `port` is accepted; without a port, its process stays up for 1s).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<Ready>,
    /// Limits on memory, CPU and processes.
    #[serde(default)]
    pub resources: Resources,
    /// Signal that asks its process to end, such as `SIGQUIT` (default: the image's own, otherwise `SIGTERM`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"SIGQUIT")]
    pub stop_signal: Option<String>,
    /// Time that its process has to end after that signal, before it is killed (default `10s`, at most `2m`).
    #[serde(default = "default_stop_grace")]
    #[schemars(example = &"10s")]
    pub stop_grace: String,
    /// What restarts its process after it ended by itself (default `never`).
    #[serde(default)]
    pub restart: Restart,
    /// How many copies run (default 1).
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 9))]
    pub replicas: u8,
    /// Absolute paths it may write to, beside `/tmp`; empty at the start, and removed at the end.
    #[serde(default)]
    pub writable: Vec<String>,
    /// Departures from the secure defaults; each is shown in the report.
    #[serde(default)]
    pub security: Security,
    /// Not started with the environment: a suite starts it (default false).
    #[serde(default)]
    pub start_late: bool,
}

/// What restarts a process after it ended by itself. A suite's own `stop` and `start` are not affected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Restart {
    /// Nothing.
    #[default]
    Never,
    /// The engine, after an exit code other than 0.
    OnFailure,
    /// The engine, after any end.
    Always,
}

fn default_stop_grace() -> String {
    "10s".into()
}
fn one() -> u8 {
    1
}

/// Where a file's content comes from: exactly one of `text` and `path`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FileSource {
    /// The content itself; `{{secret "name"}}` inserts a secret that its unit receives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// A file beside the description, by relative path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// A port of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PortRef {
    /// Its number.
    Number(u16),
    /// Its name under `ports`.
    Name(String),
}

impl JsonSchema for PortRef {
    fn schema_name() -> Cow<'static, str> {
        "PortRef".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A port: its number, or a name under `ports`.",
            "type": ["integer", "string"], "minimum": 1, "maximum": 65535,
        })
    }
}

/// When a service counts as ready: exactly one of `http`, `tcp`, `consumers`, `exec` and `stayUp`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ready {
    /// A path that answers with a status from 200 to 299, such as `/healthz`; over TLS when `tls` is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"/healthz")]
    pub http: Option<String>,
    /// A port that accepts a connection: its number, or a name under `ports`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tcp: Option<PortRef>,
    /// The port that `http` asks: its number, or a name under `ports` (default: the service's `port`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<PortRef>,
    /// A queue of the broker that has at least one consumer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumers: Option<ConsumersReady>,
    /// A command that ends with exit code 0 in the container of its first copy; no shell reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exec: Option<Vec<String>>,
    /// Time for which its process must run without an end, such as `2s`; for a service that nobody can ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"2s")]
    pub stay_up: Option<String>,
    /// Time limit, such as `60s` (default `60s`).
    #[serde(default = "default_within")]
    #[schemars(example = &"60s")]
    pub within: String,
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
