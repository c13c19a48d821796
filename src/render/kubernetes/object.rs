//! One rendered object: of a known kind, checked against that kind's type and against what no template may ask for.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{
    ConfigMap, LimitRange, Namespace, Pod, PodSpec, ResourceQuota, Secret, Service, ServiceAccount,
};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::model::{Digest, hex};
use crate::render::labels::{self, Role};

/// Annotation with the hash of an object as rendered; an object with an equal hash stays as it is.
pub const HASH: &str = "dayfly.dev/hash";
/// The field of a pod with the addresses of what it may call.
pub const HOSTS: &str = "hostAliases";

/// Kinds of objects that an environment is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The environment.
    Namespace,
    /// Its size.
    ResourceQuota,
    /// Sizes of containers that name none.
    LimitRange,
    /// What pods run as.
    ServiceAccount,
    /// Who reaches whom.
    NetworkPolicy,
    /// Secrets of a unit or suite.
    Secret,
    /// Files of a unit.
    ConfigMap,
    /// A unit's address.
    Service,
    /// A copy of a unit, or an agent.
    Pod,
    /// A container suite.
    Job,
}

/// An object as it is sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// All of it.
    pub value: Value,
}

impl Object {
    /// From parsed text: must be this kind, carry this environment's labels, and hold nothing that the type lacks.
    pub fn checked(kind: Kind, value: Value, environment: &str) -> Result<Self, String> {
        let typed = typed(kind, &value)?;
        if let Some(field) = lost(&value, &typed, "") {
            return Err(format!("{field} is no field of {kind:?}"));
        }
        let at = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let (name, place) = (at("/metadata/name").to_owned(), at("/metadata/namespace"));
        if name.is_empty() {
            return Err("metadata.name is missing".into());
        }
        let home = if kind == Kind::Namespace { name.as_str() } else { place };
        if home != environment {
            return Err(format!("it belongs to namespace `{home}`, and this environment's is `{environment}`"));
        }
        let label = value.pointer("/metadata/labels").and_then(|l| l.get(labels::ENVIRONMENT)).and_then(Value::as_str);
        if label != Some(environment) {
            return Err(format!("its label {} must be `{environment}`", labels::ENVIRONMENT));
        }
        if let Some(spec) = pod_spec(kind, &value) {
            harmless(&spec)?;
        }
        Ok(Self { kind, name, value: stamped(value) })
    }

    /// Hash of its content, as `stamped` noted it.
    pub fn hash(&self) -> &str {
        hash_of(&self.value).unwrap_or_default()
    }
}

/// The hash that an object carries.
pub fn hash_of(value: &Value) -> Option<&str> {
    value.pointer("/metadata/annotations")?.get(HASH)?.as_str()
}

/// Adds the hash of everything in it. Maps are sorted, so equal content has an equal hash.
fn stamped(mut value: Value) -> Value {
    let mut content = value.clone();
    // Addresses of other units are looked at apart: they are not known before those units run.
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

/// The first half of the digest of JSON: enough to tell contents apart.
pub fn fingerprint(content: &Value) -> String {
    hex(&Digest::compute_json(content).as_bytes()[..16])
}

fn typed(kind: Kind, value: &Value) -> Result<Value, String> {
    match kind {
        Kind::Namespace => through::<Namespace>(value),
        Kind::ResourceQuota => through::<ResourceQuota>(value),
        Kind::LimitRange => through::<LimitRange>(value),
        Kind::ServiceAccount => through::<ServiceAccount>(value),
        Kind::NetworkPolicy => through::<NetworkPolicy>(value),
        Kind::Secret => through::<Secret>(value),
        Kind::ConfigMap => through::<ConfigMap>(value),
        Kind::Service => through::<Service>(value),
        Kind::Pod => through::<Pod>(value),
        Kind::Job => through::<Job>(value),
    }
}

fn through<T: DeserializeOwned + Serialize>(value: &Value) -> Result<Value, String> {
    let typed: T = serde_json::from_value(value.clone()).map_err(|e| e.to_string())?;
    serde_json::to_value(&typed).map_err(|e| e.to_string())
}

/// The first field that is in `before` and not in `after`: one that the type does not know.
fn lost(before: &Value, after: &Value, at: &str) -> Option<String> {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => before.iter().find_map(|(key, value)| {
            let here = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
            match after.get(key) {
                Some(kept) => lost(value, kept, &here),
                // Empty things may be left out.
                None => (!empty(value)).then_some(here),
            }
        }),
        (Value::Array(before), Value::Array(after)) => {
            before.iter().zip(after).enumerate().find_map(|(i, (b, a))| lost(b, a, &format!("{at}[{i}]")))
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

/// Whatever a template says: no pod gets at its node, and none has a token.
fn harmless(spec: &PodSpec) -> Result<(), String> {
    let refused = |what: &str| Err(format!("{what} is never allowed in an environment"));
    if spec.host_network == Some(true) || spec.host_pid == Some(true) || spec.host_ipc == Some(true) {
        return refused("a namespace of the node (hostNetwork, hostPID, hostIPC)");
    }
    if spec.automount_service_account_token != Some(false) {
        return refused("a service-account token (automountServiceAccountToken must be false)");
    }
    if spec.volumes.iter().flatten().any(|v| v.host_path.is_some()) {
        return refused("a folder of the node (hostPath)");
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
    fn an_object_carries_the_hash_of_its_content() {
        let (one, same) = (pod(|_| ()).unwrap(), pod(|_| ()).unwrap());
        assert_eq!((one.hash().len(), one.hash()), (32, same.hash()));
        assert_ne!(pod(|v| v["spec"]["containers"][0]["image"] = json!("j")).unwrap().hash(), one.hash());
    }

    #[test]
    fn what_the_type_does_not_know_is_named() {
        let why = pod(|v| v["spec"]["containers"][0]["comand"] = json!(["x"])).unwrap_err();
        assert_eq!(why, "spec.containers[0].comand is no field of Pod");
    }

    #[test]
    fn an_object_of_another_namespace_or_kind_is_refused() {
        assert!(pod(|v| v["metadata"]["namespace"] = json!("kube-system")).unwrap_err().contains("kube-system"));
        assert!(pod(|v| v["kind"] = json!("Secret")).is_err());
        assert!(pod(|v| v["metadata"]["labels"] = json!({})).unwrap_err().contains("dayfly.dev/environment"));
    }

    #[test]
    fn no_template_gets_at_the_node_or_a_token() {
        type Change = fn(&mut Value);
        let changes: [Change; 5] = [
            |v| v["spec"]["hostNetwork"] = json!(true),
            |v| v["spec"]["automountServiceAccountToken"] = json!(true),
            |v| v["spec"]["volumes"] = json!([{"name": "h", "hostPath": {"path": "/"}}]),
            |v| v["spec"]["containers"][0]["securityContext"]["privileged"] = json!(true),
            |v| v["spec"]["containers"][0]["securityContext"] = json!({}),
        ];
        for change in changes {
            assert!(pod(change).unwrap_err().contains("never allowed"));
        }
    }
}
