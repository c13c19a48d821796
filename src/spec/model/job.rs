//! Jobs.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::container::{Resources, Security};
use super::service::FileSource;

/// One job: a container that runs to its end, and must end with exit code 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Job {
    /// Image reference; `--image job=ref` overrides.
    #[schemars(example = &"registry.example/shop/migrations:1.4")]
    pub image: String,
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
    /// Environment variables that contain secrets of the job, such as `postgres://app:{{secret "pg.app"}}@pg/app`; who may
    /// inspect its container can read them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secret_env: BTreeMap<String, String>,
    /// Files given to the job, by absolute path under `/etc/dayfly/`.
    #[serde(default)]
    pub files: BTreeMap<String, FileSource>,
    /// Secrets delivered as `/run/secrets/<name>`: names under `secrets`, `<broker>.<user>`, `<database>.<role>`, or those of
    /// a backing service.
    #[serde(default)]
    pub secrets: Vec<String>,
    /// Services, databases, broker or backing services that must be ready first, and that the job may call; jobs that must have
    /// ended first.
    #[serde(default)]
    pub needs: Vec<String>,
    /// When it runs (default `needs`).
    #[serde(default)]
    pub after: After,
    /// Time limit of all its attempts together (default `5m`).
    #[serde(default = "default_timeout")]
    #[schemars(example = &"5m")]
    pub timeout: String,
    /// How often it runs again after an exit code other than 0 (default 0).
    #[serde(default)]
    #[schemars(range(min = 0, max = 5))]
    pub retries: u8,
    /// Limits on memory, CPU and processes.
    #[serde(default)]
    pub resources: Resources,
    /// Absolute paths it may write to, beside `/tmp`; empty at the start, and removed at the end.
    #[serde(default)]
    pub writable: Vec<String>,
    /// Departures from the secure defaults; each is shown in the report.
    #[serde(default)]
    pub security: Security,
}

/// When a job runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum After {
    /// While the environment comes up, as soon as its `needs` are ready.
    #[default]
    Needs,
    /// After the last suite, whatever the suites say.
    Suites,
}

fn default_timeout() -> String {
    "5m".into()
}
