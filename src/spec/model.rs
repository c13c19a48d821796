//! The description that a user writes, as plain data.
//!
//! These types are the contract: the JSON Schema is generated from them and every check works on them.
//! They hold no behaviour beyond defaults, and never touch files, clocks or engines.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::backing::redis::Redis;
use super::backing::s3::S3;

mod action;
mod amqp;
mod backing;
mod broker;
mod container;
mod database;
mod exec;
mod job;
mod jwt;
mod scan;
mod service;
mod step;
mod suite;
mod value;

pub use action::*;
pub use amqp::*;
pub use backing::{BackingContainer, BackingService};
pub use broker::*;
pub use container::{Resources, Security};
pub use database::Database;
pub use exec::*;
pub use job::{After, Job};
pub use jwt::*;
pub use scan::{Scan, ScannedImages};
pub use service::*;
pub use step::{Action, Repeat, Step};
pub use suite::*;
pub use value::{KeyAlgorithm, Scalar, Secret};

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
    /// Lifetime of an environment, such as `4h` (default `4h`).
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
    /// The jobs by name: what must have run to its end before what needs it starts, or runs after the suites.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub jobs: BTreeMap<String, Job>,
    /// The message broker, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broker: Option<Broker>,
    /// The databases by name.
    #[serde(default)]
    pub databases: BTreeMap<String, Database>,
    /// The Redis servers by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub redis: BTreeMap<String, BackingService<Redis>>,
    /// The servers with the interface of S3 by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub s3: BTreeMap<String, BackingService<S3>>,
    /// The suites by name.
    #[serde(default)]
    pub suites: BTreeMap<String, Suite>,
}

fn default_ttl() -> String {
    "4h".into()
}
