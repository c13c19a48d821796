//! The list of keys as it is written. Pure.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::evidence::log::EntryKind;
use crate::spec::document as yaml;
use crate::spec::kind::KEYS;

/// Where the schema says it is from.
pub const ID: &str = "https://dayfly.dev/v1alpha1/keys.schema.json";

/// A list of trusted keys: `apiVersion: dayfly.dev/v1alpha1`, `kind: TrustedKeys`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeysDocument {
    /// Always `dayfly.dev/v1alpha1`.
    pub api_version: String,
    /// Always `TrustedKeys`.
    pub kind: String,
    /// The keys. Those that follow one another may overlap.
    pub keys: Vec<Entry>,
}

/// A key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Entry {
    /// Its id: `SHA256:…` as `dayfly key show` prints it; of a log, the eight digits in its public key.
    pub id: String,
    /// The public key: PEM; of a log, `name+id+key`.
    pub public_key: String,
    /// What it may sign.
    #[serde(rename = "use")]
    pub used: KeyUse,
    /// The first day or time at which it holds.
    #[schemars(example = &"2026-01-01")]
    pub valid_from: String,
    /// The last day, or the time, at which it ends to hold (default: never).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_to: Option<String>,
    /// When it was revoked: from this day or time on, somebody else may have had it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<String>,
    /// Why it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What a key may sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyUse {
    /// Evidence of runs.
    Run,
    /// Records of removals.
    Removal,
    /// Decisions of the gate.
    Gate,
    /// Checkpoints of a log.
    Log,
}

impl fmt::Display for KeyUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Run => "runs",
            Self::Removal => "removals",
            Self::Gate => "decisions of the gate",
            Self::Log => "a log",
        })
    }
}

impl KeyUse {
    /// What a key must be for to sign a statement of this kind.
    pub fn of(kind: EntryKind) -> Self {
        match kind {
            EntryKind::RunOpened | EntryKind::Suite | EntryKind::Scan | EntryKind::Run => Self::Run,
            EntryKind::Removal => Self::Removal,
            EntryKind::Decision => Self::Gate,
        }
    }
}

/// The JSON Schema of a list.
pub fn schema() -> Value {
    yaml::schema_of::<KeysDocument>(&KEYS, ID, "dayfly list of trusted keys")
}
