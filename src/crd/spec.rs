//! The TestEnvironment and its spec: what users create.

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::sources::{BuiltFromSpec, LinkedChangeSpec};
use super::status::TestEnvironmentStatus;
use crate::model::{BuiltFrom, Digest, Keep, LinkedChange};

/// The wanted environment and run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(
    group = "dayfly.dev",
    version = "v1alpha1",
    kind = "TestEnvironment",
    namespaced,
    status = "TestEnvironmentStatus",
    shortname = "tenv",
    category = "dayfly",
    derive = "PartialEq",
    doc = "A private test environment for a pull request: dayfly brings it up, runs its suites, signs the report and removes it.",
    printcolumn = r#"{"name":"PR","type":"integer","jsonPath":".spec.pullRequest"}"#,
    printcolumn = r#"{"name":"Phase","type":"string","jsonPath":".status.phase"}"#,
    printcolumn = r#"{"name":"Outcome","type":"string","jsonPath":".status.run.outcome"}"#,
    printcolumn = r#"{"name":"Services","type":"string","jsonPath":".status.run.services"}"#,
    printcolumn = r#"{"name":"Queue","type":"integer","jsonPath":".status.queuePosition"}"#,
    printcolumn = r#"{"name":"Environment","type":"string","jsonPath":".status.environment"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#,
    printcolumn = r#"{"name":"Commit","type":"string","jsonPath":".spec.commit","priority":1}"#,
    printcolumn = r#"{"name":"Blocked","type":"string","jsonPath":".status.blocked","priority":1}"#,
    printcolumn = r#"{"name":"Run","type":"string","jsonPath":".status.run.id","priority":1}"#,
    selectable = ".spec.pullRequest"
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("self.pullRequest == oldSelf.pullRequest", "pullRequest cannot change: create another TestEnvironment"))]
pub struct TestEnvironmentSpec {
    /// Description of the environment.
    pub description: DescriptionSource,
    /// Description of the protected base, whose suites replace those of the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suites_from: Option<BaseSource>,
    /// Number of the pull request.
    #[schemars(range(min = 1))]
    pub pull_request: u32,
    /// Head commit of the pull request. A new commit preempts the run of the previous one.
    #[schemars(length(max = 64), regex(pattern = r"^[0-9a-f]{7,64}$"))]
    pub commit: String,
    /// URL of the repository, for the report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub repository: Option<String>,
    /// Identity token of the CI job for the audience `dayfly/NAMESPACE` of this namespace. It proves the repository; see
    /// docs/policy.md.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16_384))]
    pub identity_token: Option<String>,
    /// Overrides of values in the description.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "values")]
    pub values: BTreeMap<String, String>,
    /// Overrides of images, by service, broker, database or container suite.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "values")]
    pub images: BTreeMap<String, String>,
    /// Commits that images were built from, by service, broker, database or container suite, for the report.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "sources")]
    pub built_from: BTreeMap<String, BuiltFromSpec>,
    /// Pull requests of other repositories that are tested together with this one, for the report.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub with: Vec<LinkedChangeSpec>,
    /// Lifetime of the environment, such as 4h; overrides the description's `ttl`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub ttl: Option<String>,
    /// Suites to run; all if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "suites")]
    pub suites: Vec<String>,
    /// When to keep the environment after the run, until its ttl expires.
    #[serde(default)]
    pub keep: Keep,
    /// Keep the environment at least until this time after the run, if `keep` keeps it; at most as long after the start of the
    /// run as the operator's policy lets an environment live. It never shortens the ttl.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time")]
    pub extend_until: Option<String>,
    /// Increment to re-run unchanged inputs.
    #[serde(default = "first")]
    #[schemars(range(min = 1))]
    pub attempt: u32,
    /// Who requested the run, for the report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<RequestedBy>,
}

/// Annotation of a TestEnvironment: the user who last wrote its spec. A policy of the installation compares it with the user of
/// the request.
pub const USER: &str = "dayfly.dev/user";

/// Values and images by name.
fn values(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "maxProperties": 100, "additionalProperties": {"type": "string", "maxLength": 4096}})
}

/// Names of suites.
fn suites(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "array", "maxItems": 100, "items": {"type": "string", "maxLength": 253}})
}

/// Commits by name.
fn sources(generator: &mut SchemaGenerator) -> Schema {
    let from = generator.subschema_for::<BuiltFromSpec>();
    json_schema!({"type": "object", "maxProperties": 100, "additionalProperties": from})
}

/// Contents of files by path.
fn files(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "maxProperties": 200, "additionalProperties": {"type": "string", "maxLength": 524_288}})
}

fn time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "format": "date-time", "maxLength": 64, "nullable": true})
}

fn first() -> u32 {
    1
}

/// Source of the description: inline, or a ConfigMap in the same namespace.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("has(self.inline) != has(self.configMap)", "exactly one of inline and configMap is required"))]
#[x_kube(validation = ("!has(self.files) || has(self.inline)", "files requires inline; a ConfigMap holds its own files"))]
#[x_kube(validation = ("!has(self.binaryFiles) || has(self.inline)", "binaryFiles requires inline; a ConfigMap holds its own files"))]
pub struct DescriptionSource {
    /// The description, as YAML text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 524_288))]
    pub inline: Option<String>,
    /// Text files that the description refers to, by path.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "files")]
    pub files: BTreeMap<String, String>,
    /// Binary files that the description refers to, by path, in base64.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "files")]
    pub binary_files: BTreeMap<String, String>,
    /// ConfigMap that holds the description and its files; a key is the path with `__` for `/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map: Option<ConfigMapSource>,
    /// Name of the description in reports and messages.
    #[serde(default = "default_path")]
    #[schemars(length(min = 1, max = 1024))]
    pub path: String,
}

fn default_path() -> String {
    "environment.yaml".into()
}

/// Source of the base's description: inline, or a ConfigMap in the same namespace.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("has(self.inline) != has(self.configMap)", "exactly one of inline and configMap is required"))]
#[x_kube(validation = ("!has(self.files) || has(self.inline)", "files requires inline; a ConfigMap holds its own files"))]
#[x_kube(validation = ("!has(self.binaryFiles) || has(self.inline)", "binaryFiles requires inline; a ConfigMap holds its own files"))]
pub struct BaseSource {
    /// The description, as YAML text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inline: Option<String>,
    /// Text files that its suites refer to, by path.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "files")]
    pub files: BTreeMap<String, String>,
    /// Binary files that its suites refer to, by path, in base64.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "files")]
    pub binary_files: BTreeMap<String, String>,
    /// ConfigMap that holds the description and the files of its suites; a key is the path with `__` for `/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map: Option<ConfigMapSource>,
    /// Path of the description in the base, for reports and messages.
    #[serde(default = "default_path")]
    #[schemars(length(min = 1, max = 1024))]
    pub path: String,
    /// Commit of the base, as the submitter declares it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), regex(pattern = r"^[0-9a-f]{7,64}$"))]
    pub revision: Option<String>,
}

/// Reference to a description in a ConfigMap.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigMapSource {
    /// Name of the ConfigMap.
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"))]
    pub name: String,
    /// Key of the description.
    #[serde(default = "default_path")]
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[A-Za-z0-9._-]+$"))]
    pub key: String,
}

/// Origin of a request.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequestedBy {
    /// URL of the CI job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub job: Option<String>,
    /// Who triggered the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub actor: Option<String>,
}

/// Commits by unit or suite, and further pull requests.
pub type Sources = (BTreeMap<String, BuiltFrom>, Vec<LinkedChange>);

impl TestEnvironmentSpec {
    /// What the requester says of where images come from, checked.
    pub fn sources(&self) -> Result<Sources, String> {
        let built_from = self.built_from.iter().map(|(name, from)| {
            let checked = BuiltFrom::new(&from.repository, &from.commit);
            Ok((name.clone(), checked.map_err(|why| format!("builtFrom.{name}: {why}"))?))
        });
        let linked = self.with.iter().map(|linked| {
            let text = format!("{}#{}", linked.repository, linked.pull_request);
            LinkedChange::parse(&text).map_err(|why| format!("with: {why}"))
        });
        Ok((built_from.collect::<Result<_, String>>()?, linked.collect::<Result<_, _>>()?))
    }

    /// SHA-256 of the inputs of a run; a run is not repeated while it is the same.
    pub fn input_digest(&self) -> String {
        let Ok(mut value) = serde_json::to_value(self) else { return String::new() };
        if let Some(spec) = value.as_object_mut() {
            for later in ["ttl", "keep", "extendUntil", "requestedBy", "identityToken"] {
                spec.remove(later);
            }
        }
        Digest::compute_json(&value).hex()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn spec(change: impl FnOnce(&mut TestEnvironmentSpec)) -> TestEnvironmentSpec {
        let text = serde_json::json!({"description": {"inline": "x"}, "pullRequest": 7, "commit": "4d1f0c2"});
        let mut spec: TestEnvironmentSpec = serde_json::from_value(text).unwrap();
        change(&mut spec);
        spec
    }

    #[test]
    fn only_inputs_of_the_run_change_the_input_digest() {
        let same = spec(|_| {}).input_digest();
        assert_eq!(spec(|s| s.keep = Keep::Always).input_digest(), same);
        assert_eq!(spec(|s| s.extend_until = Some("2026-01-01T00:00:00Z".into())).input_digest(), same);
        assert_eq!(spec(|s| s.ttl = Some("9h".into())).input_digest(), same);
        assert_eq!(spec(|s| s.identity_token = Some("x".into())).input_digest(), same);
        let different: [fn(&mut TestEnvironmentSpec); 8] = [
            |s| s.commit = "4d1f0c3".into(),
            |s| s.attempt = 2,
            |s| s.suites = vec!["a".into()],
            |s| drop(s.images.insert("a".into(), "b".into())),
            |s| s.with = vec![LinkedChangeSpec { repository: "a/b".into(), pull_request: 1 }],
            |s| {
                let from = BuiltFromSpec { repository: "a/b".into(), commit: "4d1f0c3".into() };
                drop(s.built_from.insert("a".into(), from));
            },
            |s| s.description.inline = Some("y".into()),
            |s| s.suites_from = Some(BaseSource { inline: Some("x".into()), ..BaseSource::default() }),
        ];
        for change in different {
            assert_ne!(spec(change).input_digest(), same);
        }
    }
}
