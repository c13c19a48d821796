//! Rendered objects, checked against the type of their kind and against forbidden pod settings.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{
    ConfigMap, LimitRange, Namespace, Pod, PodSpec, ResourceQuota, Secret, Service, ServiceAccount, Volume,
};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::model::{Digest, hex};
use crate::render::labels::{self, Role};

/// Annotation with the hash of the rendered object; an object with an equal hash is not replaced.
pub const HASH: &str = "dayfly.dev/hash";
/// The field of a pod with its hosts entries.
pub const HOSTS: &str = "hostAliases";

/// The kinds of objects in an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The environment itself.
    Namespace,
    /// Total size of the environment.
    ResourceQuota,
    /// Default and maximum size of a container.
    LimitRange,
    /// The account of all pods.
    ServiceAccount,
    /// Permitted connections.
    NetworkPolicy,
    /// Secrets of a unit or suite.
    Secret,
    /// Files of a unit.
    ConfigMap,
    /// A unit's stable address.
    Service,
    /// A copy of a unit, or an agent.
    Pod,
    /// A container suite.
    Job,
}

/// A rendered object.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// The whole object.
    pub value: Value,
}

impl Object {
    /// Checks a parsed object: its kind, namespace, label, fields and pod settings.
    pub fn checked(kind: Kind, value: Value, environment: &str) -> Result<Self, String> {
        let typed = round_trip_kind(kind, &value)?;
        if let Some(field) = unknown_field(&value, &typed, "") {
            return Err(format!("unknown field {field} of {kind:?}"));
        }
        let at = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let (name, place) = (at("/metadata/name").to_owned(), at("/metadata/namespace"));
        if name.is_empty() {
            return Err("metadata.name is missing".into());
        }
        let home = if kind == Kind::Namespace { name.as_str() } else { place };
        if home != environment {
            return Err(format!("its namespace is `{home}`, not `{environment}`"));
        }
        let label = value.pointer("/metadata/labels").and_then(|l| l.get(labels::ENVIRONMENT)).and_then(Value::as_str);
        if label != Some(environment) {
            return Err(format!("its label {} must be `{environment}`", labels::ENVIRONMENT));
        }
        if let Some(spec) = pod_spec(kind, &value) {
            check_pod_security(&spec)?;
        }
        Ok(Self { kind, name, value: with_hash(value) })
    }

    /// Returns the hash in its annotation.
    pub fn hash(&self) -> &str {
        hash_of(&self.value).unwrap_or_default()
    }
}

/// Returns the hash in the annotation of an object.
pub fn hash_of(value: &Value) -> Option<&str> {
    value.pointer("/metadata/annotations")?.get(HASH)?.as_str()
}

/// Adds the hash annotation. Maps are sorted, so that equal content has an equal hash.
fn with_hash(mut value: Value) -> Value {
    let mut content = value.clone();
    // The addresses of callees are unknown until they run, so they are compared separately.
    if value.pointer("/metadata/labels").and_then(|l| l.get(labels::ROLE)).and_then(Value::as_str)
        == Some(Role::Unit.as_str())
        && let Some(spec) = content.get_mut("spec").and_then(Value::as_object_mut)
    {
        spec.remove(HOSTS);
    }
    let hash = fingerprint(&content);
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        let annotations = metadata.entry("annotations").or_insert_with(|| json!({}));
        if let Some(annotations) = annotations.as_object_mut() {
            annotations.insert(HASH.to_owned(), hash.into());
        }
    }
    value
}

/// Returns the first half of the digest of JSON.
pub fn fingerprint(content: &Value) -> String {
    hex(&Digest::compute_json(content).as_bytes()[..16])
}

fn round_trip_kind(kind: Kind, value: &Value) -> Result<Value, String> {
    match kind {
        Kind::Namespace => round_trip::<Namespace>(value),
        Kind::ResourceQuota => round_trip::<ResourceQuota>(value),
        Kind::LimitRange => round_trip::<LimitRange>(value),
        Kind::ServiceAccount => round_trip::<ServiceAccount>(value),
        Kind::NetworkPolicy => round_trip::<NetworkPolicy>(value),
        Kind::Secret => round_trip::<Secret>(value),
        Kind::ConfigMap => round_trip::<ConfigMap>(value),
        Kind::Service => round_trip::<Service>(value),
        Kind::Pod => round_trip::<Pod>(value),
        Kind::Job => round_trip::<Job>(value),
    }
}

fn round_trip<T: DeserializeOwned + Serialize>(value: &Value) -> Result<Value, String> {
    let typed: T = serde_json::from_value(value.clone()).map_err(|e| e.to_string())?;
    serde_json::to_value(&typed).map_err(|e| e.to_string())
}

/// Returns the first field that is in `before` but not in `after`: the type does not have it.
fn unknown_field(before: &Value, after: &Value, at: &str) -> Option<String> {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => before.iter().find_map(|(key, value)| {
            let here = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
            match after.get(key) {
                Some(kept) => unknown_field(value, kept, &here),
                // Serialization may omit empty values.
                None => (!empty(value)).then_some(here),
            }
        }),
        (Value::Array(before), Value::Array(after)) => {
            before.iter().zip(after).enumerate().find_map(|(i, (b, a))| unknown_field(b, a, &format!("{at}[{i}]")))
        }
        _ => None,
    }
}

fn empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

fn pod_spec(kind: Kind, value: &Value) -> Option<PodSpec> {
    let pointer = match kind {
        Kind::Pod => "/spec",
        Kind::Job => "/spec/template/spec",
        _ => return None,
    };
    serde_json::from_value(value.pointer(pointer)?.clone()).ok()
}

/// Refuses pods with access to their node, a token, or a way to new privileges.
fn check_pod_security(spec: &PodSpec) -> Result<(), String> {
    let refused = |what: &str| Err(format!("{what} is not allowed in an environment"));
    if spec.host_network == Some(true) || spec.host_pid == Some(true) || spec.host_ipc == Some(true) {
        return refused("a namespace of the node (hostNetwork, hostPID, hostIPC)");
    }
    if spec.automount_service_account_token != Some(false) {
        return refused("a service-account token (automountServiceAccountToken must be false)");
    }
    if spec.volumes.iter().flatten().any(|v| v.host_path.is_some()) {
        return refused("a folder of the node (hostPath)");
    }
    let projects_token = |v: &Volume| {
        let sources = v.projected.iter().flat_map(|p| p.sources.iter().flatten());
        sources.into_iter().any(|s| s.service_account_token.is_some())
    };
    if spec.volumes.iter().flatten().any(projects_token) {
        return refused("a service-account token (a projected volume)");
    }
    let containers = spec.containers.iter().chain(spec.init_containers.iter().flatten());
    for container in containers {
        let security = container.security_context.as_ref();
        if security.and_then(|s| s.privileged) == Some(true) {
            return refused("a privileged container");
        }
        if security.and_then(|s| s.allow_privilege_escalation) != Some(false) {
            return refused("a way to new privileges (allowPrivilegeEscalation must be false)");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn pod(change: impl FnOnce(&mut Value)) -> Result<Object, String> {
        let mut value = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "web", "namespace": "e-pr-1", "labels": {"dayfly.dev/environment": "e-pr-1"}},
            "spec": {"automountServiceAccountToken": false, "containers": [{"name": "unit", "image": "i", "securityContext": {"allowPrivilegeEscalation": false}}]},
        });
        change(&mut value);
        Object::checked(Kind::Pod, value, "e-pr-1")
    }

    #[test]
    fn adds_the_hash_of_the_content() {
        let (one, same) = (pod(|_| ()).unwrap(), pod(|_| ()).unwrap());
        assert_eq!((one.hash().len(), one.hash()), (32, same.hash()));
        assert_ne!(pod(|v| v["spec"]["containers"][0]["image"] = json!("j")).unwrap().hash(), one.hash());
    }

    #[test]
    fn names_an_unknown_field() {
        let why = pod(|v| v["spec"]["containers"][0]["comand"] = json!(["x"])).unwrap_err();
        assert_eq!(why, "unknown field spec.containers[0].comand of Pod");
    }

    #[test]
    fn refuses_an_object_of_another_namespace_or_kind() {
        assert!(pod(|v| v["metadata"]["namespace"] = json!("kube-system")).unwrap_err().contains("kube-system"));
        assert!(pod(|v| v["kind"] = json!("Secret")).is_err());
        assert!(pod(|v| v["metadata"]["labels"] = json!({})).unwrap_err().contains("dayfly.dev/environment"));
    }

    #[test]
    fn refuses_pods_with_access_to_the_node_or_a_token() {
        type Change = fn(&mut Value);
        let changes: [Change; 6] = [
            |v| v["spec"]["hostNetwork"] = json!(true),
            |v| v["spec"]["automountServiceAccountToken"] = json!(true),
            |v| v["spec"]["volumes"] = json!([{"name": "h", "hostPath": {"path": "/"}}]),
            |v| {
                v["spec"]["volumes"] =
                    json!([{"name": "t", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}])
            },
            |v| v["spec"]["containers"][0]["securityContext"]["privileged"] = json!(true),
            |v| v["spec"]["containers"][0]["securityContext"] = json!({}),
        ];
        for change in changes {
            assert!(pod(change).unwrap_err().contains("not allowed"));
        }
    }
}
