//! Backing services: what is the same for every kind. The rest of each kind is in `spec/backing`.

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::container::{Resources, Security, default_within};

/// A backing service: its container, and what is its kind's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "{K}Service", transform = only_these_keys)]
pub struct BackingService<K> {
    /// What is the same for every kind.
    #[serde(flatten)]
    pub container: BackingContainer,
    /// What is the kind's own.
    #[serde(flatten)]
    pub kind: K,
}

/// The container of a backing service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackingContainer {
    /// Its image.
    pub image: String,
    /// Further services and suites that may call it.
    #[serde(default)]
    pub callers: Vec<String>,
    /// Limits.
    #[serde(default)]
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

/// Refuses unknown keys, which serde cannot do in a flattened type: the schema is checked first.
fn only_these_keys(schema: &mut Schema) {
    schema.insert("additionalProperties".into(), json!(false));
}
