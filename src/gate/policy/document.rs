//! The policy of the gate as it is written. Data only.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::spec::model::SuiteKind;

/// Where the schema says it is from.
pub const ID: &str = "https://dayfly.dev/v1alpha1/gate-policy.schema.json";

/// What may be installed: `apiVersion: dayfly.dev/v1alpha1`, `kind: GatePolicy`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GatePolicyDocument {
    /// Always `dayfly.dev/v1alpha1`.
    pub api_version: String,
    /// Always `GatePolicy`.
    pub kind: String,
    /// Public keys whose evidence counts: PEM files, relative to this file.
    #[schemars(example = &["ci-key.pem.pub"])]
    pub keys: Vec<String>,
    /// The log that must have every run (default: none).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<LogDocument>,
    /// What is required of the run that tested an image, beside that it passed.
    #[serde(default)]
    pub require: Required,
    /// Times in which nothing is installed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub freezes: Vec<Freeze>,
    /// Day or time from which a rule denies, by its code; until then it warns.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub effective_on: BTreeMap<String, String>,
}

/// A log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LogDocument {
    /// Its public key as `dayfly log create` prints it, or a file with it, relative to this file.
    pub public_key: String,
}

/// What is required of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Required {
    /// The run is for one of these repositories: URL, or OWNER/NAME.
    pub repositories: Vec<String>,
    /// One of these requested the run: NAMESPACE[/USER] of a TestEnvironment, or /USER for the command line.
    pub requesters: Vec<String>,
    /// The operator's policy or an identity token proves the repository.
    pub proven: bool,
    /// These suites passed.
    pub suites: Vec<RequiredSuite>,
    /// A suite of each of these kinds passed.
    pub kinds: Vec<SuiteKind>,
    /// Only suites of the protected base count, and all of them passed.
    pub base_suites: bool,
    /// Suites that need not run if their condition leaves them out.
    pub may_leave_out: Vec<String>,
    /// The run was under one of these policies for descriptions, by digest.
    pub run_policies: Vec<String>,
    /// Most time since the run ended.
    #[schemars(example = &"30d")]
    pub max_age: Option<String>,
    /// No service and no suite departs from the secure defaults.
    pub secure_defaults: bool,
    /// The run removed its environment completely.
    pub removed: bool,
    /// A suite of kind `dependencies` scanned the image, and accepted it.
    pub scanned: Option<Scanned>,
    /// The service as which an image ran, by name of the image without tag and digest. An image that is not named is denied.
    pub units: BTreeMap<String, String>,
    /// One run tested all images that are installed together.
    pub together: bool,
}

/// A suite.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequiredSuite {
    /// Name.
    pub name: String,
    /// Digest of its part of the description (default: any).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// A scan.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Scanned {
    /// Most age of the advisories when the image is installed (default: any).
    #[schemars(example = &"7d")]
    pub max_age: Option<String>,
}

/// A time in which nothing is installed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Freeze {
    /// First day, or begin.
    #[schemars(example = &"2026-12-20")]
    pub from: String,
    /// Last day, or end.
    #[schemars(example = &"2027-01-03")]
    pub until: String,
    /// Why.
    pub reason: String,
}
