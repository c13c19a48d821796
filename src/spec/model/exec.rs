//! Parameters of the step that runs a command inside a unit. Data only.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::value::given_json;

/// A command inside a unit, and what it must return.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Exec {
    /// The service, database, broker or backing service; of several replicas the first.
    pub service: String,
    /// Program and arguments; no shell is involved unless it is named. No secrets: others can read arguments.
    #[schemars(length(min = 1, max = 256))]
    pub command: Vec<String>,
    /// Longest time (default `30s`).
    #[serde(default = "default_timeout")]
    #[schemars(example = &"30s")]
    pub timeout: String,
    /// Expected exit code and output.
    #[serde(default)]
    pub expect: ExecExpect,
    /// Variables set from the result: name to where (`$.a.b` in JSON on standard output, `stdout`, `stderr`, `exitCode`);
    /// newlines at the end of the output are left out.
    #[serde(default)]
    pub capture: BTreeMap<String, String>,
}

fn default_timeout() -> String {
    "30s".into()
}

/// Requirements for the end of a command.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExecExpect {
    /// Exit code (default 0); 128 and the number of the signal that ended it.
    #[serde(default)]
    #[schemars(range(min = 0, max = 255))]
    pub exit_code: u8,
    /// Standard output.
    #[serde(default)]
    pub stdout: OutputExpect,
    /// Standard error.
    #[serde(default)]
    pub stderr: OutputExpect,
}

/// Requirements for a stream of output.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OutputExpect {
    /// JSON that the output must contain (objects may have more keys).
    #[serde(default, deserialize_with = "given_json", skip_serializing_if = "Option::is_none")]
    pub json: Option<Value>,
    /// Exact output, without newlines at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Text that the output contains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contains: Option<String>,
    /// Text that the output must not contain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lacks: Option<String>,
}
