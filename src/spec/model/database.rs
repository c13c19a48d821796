//! Databases.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::container::{Resources, Security, default_within};
use super::service::FileSource;
use super::value::Scalar;

/// A PostgreSQL database and its initial content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Database {
    /// Image of PostgreSQL; it must read `POSTGRES_PASSWORD_FILE`, `POSTGRES_DB` and `PGDATA`.
    pub image: String,
    /// Name of the database (default `app`).
    #[serde(default = "default_database")]
    pub database: String,
    /// Login roles; each gets a generated password, delivered as the secret `<database>.<role>`.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Extensions of the image, created before the SQL files run, such as `pgcrypto`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<String>,
    /// SQL files beside the description, run in this order as the superuser after the roles exist.
    #[serde(default)]
    pub sql: Vec<String>,
    /// Parameters of the server, such as `max_connections`.
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

fn default_database() -> String {
    "app".into()
}
