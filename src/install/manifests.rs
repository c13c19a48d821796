//! The objects of manifests/install, in the order in which they are applied. Pure.

use k8s_openapi::api::admissionregistration::v1::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::CronJob;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::core::ApiResource;
use serde_json::{Value, json};

use super::InstallError;

/// The image that the manifests name.
pub const IMAGE: &str = concat!("localhost/dayfly/dayfly:", env!("CARGO_PKG_VERSION"));

macro_rules! embedded {
    ($($name:literal),+) => { [$(($name, include_str!(concat!("../../manifests/install/", $name)))),+] };
}

/// In the order of kustomization.yaml: dependencies first, and policies before the rights that they limit.
const FILES: [(&str, &str); 13] = embedded![
    "namespace.yaml",
    "crd.yaml",
    "admission.yaml",
    "pod-security.yaml",
    "rbac-cli.yaml",
    "rbac-submit.yaml",
    "rbac-controller.yaml",
    "rbac-runner.yaml",
    "rbac-reaper.yaml",
    "network.yaml",
    "service.yaml",
    "controller.yaml",
    "reaper.yaml"
];

/// Kind and name of objects that only earlier versions installed. Installing and uninstalling removes them, so that rights do
/// not outlive their use.
const OBSOLETE: [(&str, &str); 1] = [("ClusterRoleBinding", "dayfly-runner-cli")];

/// One object to install.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// The object.
    pub value: Value,
    /// Its API resource.
    pub resource: ApiResource,
    /// Its name.
    pub name: String,
    /// Its namespace, if it is namespaced.
    pub namespace: Option<String>,
}

impl std::fmt::Display for Manifest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.resource.kind, self.name)
    }
}

/// All objects, with this image of dayfly.
pub fn all(image: &str) -> Result<Vec<Manifest>, InstallError> {
    let mut all = vec![];
    for (file, text) in FILES {
        for document in text.split("\n---\n") {
            let broken = |why: String| InstallError::Manifest(format!("{file}: {why}"));
            let mut value: Value = serde_yaml::from_str(document).map_err(|e| broken(e.to_string()))?;
            name_image(&mut value, image);
            all.push(manifest(value).map_err(broken)?);
        }
    }
    Ok(all)
}

/// Objects that are no longer installed.
pub fn obsolete() -> Vec<Manifest> {
    let named = |(kind, name): (&str, &str)| manifest(json!({"kind": kind, "metadata": {"name": name}})).ok();
    OBSOLETE.into_iter().filter_map(named).collect()
}

impl Manifest {
    /// Returns true if only earlier versions installed it.
    pub fn is_obsolete(&self) -> bool {
        OBSOLETE.contains(&(self.resource.kind.as_str(), self.name.as_str()))
    }
}

/// All objects as one YAML text, for kubectl.
pub fn yaml(all: &[Manifest]) -> Result<String, InstallError> {
    let texts = all.iter().map(|m| serde_yaml::to_string(&m.value));
    let texts = texts.collect::<Result<Vec<_>, _>>().map_err(|e| InstallError::Manifest(e.to_string()))?;
    Ok(texts.iter().map(|t| format!("---\n{}\n", t.trim_end())).collect())
}

/// An object to install. The error says what it lacks.
pub(super) fn manifest(value: Value) -> Result<Manifest, String> {
    let at = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let kind = at("/kind").ok_or("kind is missing")?;
    let resource = resource(&kind).ok_or_else(|| format!("{kind} is not an installed kind"))?;
    let name = at("/metadata/name").ok_or("metadata.name is missing")?;
    let namespace = at("/metadata/namespace");
    Ok(Manifest { value, resource, name, namespace })
}

fn resource(kind: &str) -> Option<ApiResource> {
    Some(match kind {
        "Namespace" => ApiResource::erase::<Namespace>(&()),
        "CustomResourceDefinition" => ApiResource::erase::<CustomResourceDefinition>(&()),
        "ValidatingAdmissionPolicy" => ApiResource::erase::<ValidatingAdmissionPolicy>(&()),
        "ValidatingAdmissionPolicyBinding" => ApiResource::erase::<ValidatingAdmissionPolicyBinding>(&()),
        "ConfigMap" => ApiResource::erase::<ConfigMap>(&()),
        "ServiceAccount" => ApiResource::erase::<ServiceAccount>(&()),
        "ClusterRole" => ApiResource::erase::<ClusterRole>(&()),
        "ClusterRoleBinding" => ApiResource::erase::<ClusterRoleBinding>(&()),
        "Role" => ApiResource::erase::<Role>(&()),
        "RoleBinding" => ApiResource::erase::<RoleBinding>(&()),
        "NetworkPolicy" => ApiResource::erase::<NetworkPolicy>(&()),
        "Service" => ApiResource::erase::<Service>(&()),
        "Deployment" => ApiResource::erase::<Deployment>(&()),
        "PodDisruptionBudget" => ApiResource::erase::<PodDisruptionBudget>(&()),
        "CronJob" => ApiResource::erase::<CronJob>(&()),
        _ => return None,
    })
}

/// Sets the image of the controller and the reaper; runners use the controller's.
fn name_image(value: &mut Value, image: &str) {
    if image == IMAGE {
        return;
    }
    for pointer in ["/spec/template/spec/containers", "/spec/jobTemplate/spec/template/spec/containers"] {
        for container in value.pointer_mut(pointer).and_then(Value::as_array_mut).into_iter().flatten() {
            container["image"] = json!(image);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn find<'a>(all: &'a [Manifest], kind: &str) -> &'a Value {
        &all.iter().find(|m| m.resource.kind == kind).unwrap().value
    }

    #[test]
    fn sets_the_image_of_the_controller_and_the_reaper() {
        let all = all("r.test/dayfly@sha256:1").unwrap();
        let controller = &find(&all, "Deployment")["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(controller["image"], "r.test/dayfly@sha256:1");
        let reaper = &find(&all, "CronJob")["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(reaper["image"], "r.test/dayfly@sha256:1");
    }

    #[test]
    fn dependencies_come_first() {
        let kinds: Vec<String> = all(IMAGE).unwrap().into_iter().map(|m| m.resource.kind).collect();
        let place = |kind: &str| kinds.iter().position(|k| k == kind).unwrap();
        assert!(place("Namespace") == 0 && place("CustomResourceDefinition") == 1);
        assert!(place("ValidatingAdmissionPolicyBinding") < place("ClusterRoleBinding"));
        assert!(place("ClusterRoleBinding") < place("Deployment"));
    }
}
