//! The operator's policy as objects: the policy itself, and the Pod Security levels that admission lets environments have.

use std::collections::BTreeMap;
use std::path::Path;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, Client};
use serde_json::{Value, json};

use super::manifests::{self, Manifest};
use super::{InstallError, NAMESPACE, failed};
use crate::model::PodSecurity;
use crate::policy::{CONFIGMAP, CONFIGMAP_KEY, Policy};

/// Admission policy with the levels that environments may have.
const LEVELS: &str = "dayfly-pod-security";

/// Puts a policy and the key sets that it names among the objects to install, and sets the levels that it allows.
pub fn add(
    all: &mut Vec<Manifest>,
    policy: &Policy,
    text: &str,
    keys: &BTreeMap<String, String>,
) -> Result<(), InstallError> {
    set_level(all, policy.pod_security());
    let labels = json!({"app.kubernetes.io/name": "dayfly"});
    let mut value = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": CONFIGMAP, "namespace": NAMESPACE, "labels": labels},
        "data": keys,
    });
    value["data"][CONFIGMAP_KEY] = text.into();
    all.push(manifests::manifest(value).map_err(InstallError::Manifest)?);
    Ok(())
}

/// Sets the levels that an installed policy allows, so that an upgrade without a policy does not change them. An unusable
/// policy allows nothing.
pub async fn keep(client: &Client, all: &mut [Manifest]) -> Result<(), InstallError> {
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), NAMESPACE);
    let found = maps.get_opt(CONFIGMAP).await.map_err(failed(format!("read ConfigMap {NAMESPACE}/{CONFIGMAP}")))?;
    let text = found.and_then(|m| m.data?.remove(CONFIGMAP_KEY));
    let level = text.and_then(|t| Policy::parse(Path::new(CONFIGMAP_KEY), t.as_bytes()).ok()).map(|p| p.pod_security());
    set_level(all, level.unwrap_or(PodSecurity::Restricted));
    Ok(())
}

fn set_level(all: &mut [Manifest], most: PodSecurity) {
    let names: Vec<_> = PodSecurity::ALL.iter().filter(|l| **l <= most).map(|l| format!("'{}'", l.name())).collect();
    for manifest in all.iter_mut().filter(|m| m.name == LEVELS) {
        for variable in
            manifest.value.pointer_mut("/spec/variables").and_then(Value::as_array_mut).into_iter().flatten()
        {
            if variable["name"] == "allowed" {
                variable["expression"] = json!(format!("[{}]", names.join(", ")));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn admission_gets_the_levels_of_the_policy() {
        let text = "apiVersion: dayfly.dev/v1alpha1\nkind: Policy\ndefault: { departures: [root] }\n";
        let policy = Policy::parse(Path::new("policy.yaml"), text.as_bytes()).unwrap();
        let mut all = manifests::all(manifests::IMAGE).unwrap();
        let levels = |all: &[Manifest]| {
            let found = all.iter().find(|m| m.name == LEVELS).unwrap();
            found.value["spec"]["variables"][0]["expression"].clone()
        };
        assert_eq!(levels(&all), "['restricted']");
        add(&mut all, &policy, text, &BTreeMap::new()).unwrap();
        assert_eq!(levels(&all), "['restricted', 'baseline']");
        let written = all.iter().find(|m| m.name == CONFIGMAP).unwrap();
        assert_eq!(written.value["data"][CONFIGMAP_KEY], text);
    }
}
