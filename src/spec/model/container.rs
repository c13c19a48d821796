//! Limits, confinement and readiness time of any container.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(super) fn default_within() -> String {
    "60s".into()
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
    /// Maximum number of processes and threads (default 256).
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

/// Departures from the secure defaults: not root, read-only root file system, no capabilities, no new privileges.
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
    /// Reason for the departures; required with `root`, `writableRoot` or `capabilities`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
