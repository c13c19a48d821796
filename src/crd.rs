//! The `TestEnvironment` resource: users create one for each pull request. The CRD is generated from these types.

use kube::CustomResourceExt;

mod evidence;
mod sources;
mod spec;
mod status;
pub mod summary;

pub use evidence::StoredEvidence;
pub use sources::{BuiltFromSpec, LinkedChangeSpec};
pub use spec::*;
pub use status::*;
pub use summary::{REAPED, SummarySpec, TestEnvironmentSummary};

/// The text of `manifests/install/crd.yaml`.
pub fn definition() -> Result<String, String> {
    let mut crd = serde_json::to_value(TestEnvironment::crd()).map_err(|e| e.to_string())?;
    crd["metadata"]["labels"] = serde_json::json!({"app.kubernetes.io/name": "dayfly"});
    remove_formats(&mut crd);
    let yaml = serde_yaml::to_string(&crd).map_err(|e| e.to_string())?;
    Ok(format!("# Generated from src/crd; do not edit (CONTRIBUTING.md says how to regenerate it).\n{yaml}"))
}

/// Removes the formats of unsigned numbers, which the API server does not know; `minimum` says the same.
fn remove_formats(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(map) => {
            if map.get("format").and_then(|f| f.as_str()).is_some_and(|f| f.starts_with("uint")) {
                map.remove("format");
            }
            map.values_mut().for_each(remove_formats);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(remove_formats),
        _ => {}
    }
}
