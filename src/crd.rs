//! What a platform's users create: `TestEnvironment`, one for each pull request. The CRD is generated from these types.

use std::collections::BTreeMap;

use kube::{CustomResource, CustomResourceExt, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod evidence;
mod status;
pub mod summary;

pub use evidence::StoredEvidence;
pub use status::*;
pub use summary::{REAPED, SummarySpec, TestEnvironmentSummary};

use crate::model::Keep;

/// Asks for a private environment for a pull request, and for its suites to be run in it.
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
    doc = "A private environment for a pull request: it is brought up, its suites are run, the report is signed, and it is removed.",
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
    /// The description of the environment.
    pub description: DescriptionSource,
    /// Number of the pull request.
    #[schemars(range(min = 1))]
    pub pull_request: u32,
    /// Head commit of the pull request. Another one preempts the run of the one before.
    #[schemars(regex(pattern = r"^[0-9a-f]{7,64}$"))]
    pub commit: String,
    /// Address of the repository, for the report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub repository: Option<String>,
    /// Values of the description that are overridden.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, String>,
    /// Images in place of the description's, by service, broker, database or container suite.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub images: BTreeMap<String, String>,
    /// How long the environment may live, such as 4h, in place of the description's `ttl`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub ttl: Option<String>,
    /// The suites to run; all of the description when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suites: Vec<String>,
    /// When the environment stays after the run, until its ttl is over.
    #[serde(default)]
    pub keep: Keep,
    /// A higher number runs the same once more.
    #[serde(default = "first")]
    #[schemars(range(min = 1))]
    pub attempt: u32,
    /// Who asks, for the report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<RequestedBy>,
}

fn first() -> u32 {
    1
}

/// Where the description is: in the object itself, or in a ConfigMap of the same namespace.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("has(self.inline) != has(self.configMap)", "exactly one of inline and configMap is needed"))]
#[x_kube(validation = ("!has(self.files) || has(self.inline)", "files go with inline; a ConfigMap holds its own"))]
#[x_kube(validation = ("!has(self.binaryFiles) || has(self.inline)", "binaryFiles go with inline; a ConfigMap holds its own"))]
pub struct DescriptionSource {
    /// The description as text (YAML).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inline: Option<String>,
    /// Text files that it refers to, by the path it uses.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, String>,
    /// Other files that it refers to, by the path it uses, as base64.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub binary_files: BTreeMap<String, String>,
    /// A ConfigMap that holds it, and the files that it refers to by their path with `__` for `/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map: Option<ConfigMapSource>,
    /// How it is called in reports and messages.
    #[serde(default = "default_path")]
    #[schemars(length(min = 1, max = 1024))]
    pub path: String,
}

fn default_path() -> String {
    "environment.yaml".into()
}

/// A ConfigMap, and the key of the description in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigMapSource {
    /// Name of the ConfigMap.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Key of the description.
    #[serde(default = "default_path")]
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

/// The CI job behind a request.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequestedBy {
    /// Address of the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub job: Option<String>,
    /// Who triggered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub actor: Option<String>,
}

impl TestEnvironmentSpec {
    /// SHA-256 of everything that a run depends on: as long as it is the same, a run is not repeated.
    pub fn input(&self) -> String {
        let Ok(mut value) = serde_json::to_value(self) else { return String::new() };
        if let Some(spec) = value.as_object_mut() {
            for later in ["ttl", "keep", "requestedBy"] {
                spec.remove(later);
            }
        }
        crate::spec::canonical_sha256(&value)
    }
}

/// The CustomResourceDefinition as `manifests/install/crd.yaml` holds it.
pub fn definition() -> Result<String, String> {
    let mut crd = serde_json::to_value(TestEnvironment::crd()).map_err(|e| e.to_string())?;
    crd["metadata"]["labels"] = serde_json::json!({"app.kubernetes.io/name": "dayfly"});
    forget_formats(&mut crd);
    let yaml = serde_yaml::to_string(&crd).map_err(|e| e.to_string())?;
    Ok(format!(
        "# Generated from src/controller/crd.rs; do not change it here (CONTRIBUTING.md says how it is made again).\n{yaml}"
    ))
}

/// The API server knows no formats for numbers without a sign; `minimum` says the same.
fn forget_formats(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(map) => {
            if map.get("format").and_then(|f| f.as_str()).is_some_and(|f| f.starts_with("uint")) {
                map.remove("format");
            }
            map.values_mut().for_each(forget_formats);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(forget_formats),
        _ => {}
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
    fn what_a_run_depends_on_makes_another_input_and_what_comes_after_it_does_not() {
        let same = spec(|_| {}).input();
        assert_eq!(spec(|s| s.keep = Keep::Always).input(), same);
        assert_eq!(spec(|s| s.ttl = Some("9h".into())).input(), same);
        let different: [fn(&mut TestEnvironmentSpec); 5] = [
            |s| s.commit = "4d1f0c3".into(),
            |s| s.attempt = 2,
            |s| s.suites = vec!["a".into()],
            |s| drop(s.images.insert("a".into(), "b".into())),
            |s| s.description.inline = Some("y".into()),
        ];
        for change in different {
            assert_ne!(spec(change).input(), same);
        }
    }
}
