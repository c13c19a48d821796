//! The objects of a unit: Secret, files, Service, and a pod for each copy.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::object::{Kind, Object, fingerprint};
use super::{Addresses, INPUTS, RenderError, RenderInput, env_name, files_name, parts, unit_name};
use crate::plan::{ReadyPlan, Unit};
use crate::render::container::FILES_DIR;
use crate::render::labels;
use crate::secrets::{Secrets, SecretsError};
use crate::spec::model::Restart;

/// Failures that a startup probe tolerates: practically unlimited, because only dayfly decides on readiness.
const UNLIMITED_FAILURES: i32 = 100_000_000;
/// Size limit of each writable folder.
const WRITABLE_SIZE: &str = "2Gi";

/// Renders the unit's Secrets, its files if it has any, and its Service if it has a port.
pub fn objects(input: &RenderInput<'_>, unit: &Unit, secrets: &Secrets) -> Result<Vec<Object>, RenderError> {
    let mut all = vec![secret(
        input,
        &unit_name(&unit.name),
        &input.unit_labels(&unit.name),
        "Opaque",
        &secret_files(secrets, &unit.name),
    )?];
    if !unit.files.is_empty() {
        all.push(files(input, unit)?);
    }
    let labels = input.unit_labels(&unit.name);
    if !unit.secret_files.is_empty() {
        let filled = secrets.files_of(unit).map_err(|e| unfilled(&unit.name, &e))?;
        let keyed = filled.into_values().enumerate().map(|(n, bytes)| (format!("f{n}"), bytes)).collect();
        all.push(secret(input, &files_name(&unit.name), &labels, "Opaque", &keyed)?);
    }
    if !unit.secret_env.is_empty() {
        let filled = secrets.env_of_unit(unit).map_err(|e| unfilled(&unit.name, &e))?;
        all.push(env_secret(input, &unit.name, &labels, filled)?);
    }
    if !unit.open_ports().is_empty() {
        all.push(service(input, unit)?);
    }
    Ok(all)
}

/// Returns the secret files of a unit or suite by name, always with the CA certificate.
pub fn secret_files(secrets: &Secrets, owner: &str) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::from([("ca.crt".to_owned(), secrets.ca.clone().into_bytes())]);
    files.extend(secrets.files.get(owner).into_iter().flatten().map(|(name, bytes)| (name.clone(), bytes.clone())));
    files
}

/// Renders a Secret with these files.
pub fn secret(
    input: &RenderInput<'_>,
    name: &str,
    labels: &BTreeMap<String, String>,
    of_type: &str,
    files: &BTreeMap<String, Vec<u8>>,
) -> Result<Object, RenderError> {
    let data: BTreeMap<&String, String> = files.iter().map(|(n, bytes)| (n, STANDARD.encode(bytes))).collect();
    let context = json!({
        "name": name, "namespace": input.namespace(), "labels": labels, "annotations": {}, "type": of_type, "data": data,
    });
    input.templates.render("secret", Kind::Secret, &context, input.namespace())
}

/// Renders the Secret with the variables of a unit or suite.
pub fn env_secret(
    input: &RenderInput<'_>,
    owner: &str,
    labels: &BTreeMap<String, String>,
    filled: BTreeMap<String, String>,
) -> Result<Object, RenderError> {
    let values = filled.into_iter().map(|(name, value)| (name, value.into_bytes())).collect();
    secret(input, &env_name(owner), labels, "Opaque", &values)
}

/// The error of a text whose secrets could not be filled in.
pub fn unfilled(owner: &str, e: &SecretsError) -> RenderError {
    RenderError::Object { template: "secret".into(), why: format!("{owner}: failed to {e}") }
}

fn files(input: &RenderInput<'_>, unit: &Unit) -> Result<Object, RenderError> {
    let data: BTreeMap<String, String> =
        unit.files.values().enumerate().map(|(n, bytes)| (format!("f{n}"), STANDARD.encode(bytes))).collect();
    let context = json!({
        "name": unit_name(&unit.name), "namespace": input.namespace(), "labels": input.unit_labels(&unit.name),
        "annotations": {}, "data": data,
    });
    input.templates.render("files", Kind::ConfigMap, &context, input.namespace())
}

fn service(input: &RenderInput<'_>, unit: &Unit) -> Result<Object, RenderError> {
    let labels = input.unit_labels(&unit.name);
    let ports: Vec<Value> = unit
        .open_ports()
        .into_iter()
        .map(|port| json!({"name": format!("p{port}"), "protocol": "TCP", "port": port, "targetPort": port}))
        .collect();
    let context = json!({
        "name": unit.name, "namespace": input.namespace(), "labels": labels, "annotations": {},
        "selector": labels, "ports": ports,
    });
    input.templates.render("service", Kind::Service, &context, input.namespace())
}

/// Renders the pod of a copy.
pub fn pod(
    input: &RenderInput<'_>,
    unit: &Unit,
    copy: u8,
    addresses: &Addresses,
    secrets: &Secrets,
) -> Result<Object, RenderError> {
    let name = labels::copy_name(&unit.name, copy);
    let mut labels = input.unit_labels(&unit.name);
    labels.insert(labels::COPY.to_owned(), copy.to_string());
    let callees = input.lease.plan.reachable_by(&unit.name).filter(|u| u.name != unit.name);
    let (mounts, volumes): (Vec<Value>, Vec<Value>) = storage(unit).into_iter().unzip();
    let context = json!({
        "name": name, "namespace": input.namespace(), "labels": labels, "hostname": name,
        "annotations": {INPUTS: inputs(input, unit, secrets), labels::IMAGE: input.image(&unit.image)},
        "restart": restart_policy(input, unit),
        "dns": parts::dns(),
        "hosts": parts::hosts(input.lease, callees, addresses),
        "podSecurity": parts::pod_security(unit.confinement.root),
        "image": input.image(&unit.image),
        "command": parts::command(&unit.command),
        "args": parts::command(&unit.args),
        "workingDir": unit.working_dir,
        "stopGrace": unit.stop_grace_secs,
        // A cluster accepts a signal only for a pod that says its system.
        "os": unit.stop_signal.as_ref().map(|_| json!({"name": "linux"})),
        "lifecycle": unit.stop_signal.as_ref().map(|signal| json!({"stopSignal": signal})),
        "env": parts::env(&unit.env, &env_name(&unit.name), unit.secret_env.keys()),
        "ports": unit.open_ports().into_iter().map(|p| json!({"containerPort": p, "protocol": "TCP"})).collect::<Vec<_>>(),
        "resources": parts::resources(&unit.limits),
        "security": parts::security(&unit.confinement),
        "startupProbe": startup_probe(unit),
        "mounts": mounts, "volumes": volumes,
    });
    input.templates.render("unit", Kind::Pod, &context, input.namespace())
}

/// Returns the restart policy of a pod. The kubelet starts a process that a suite stopped only if it would also restart one
/// that ended by itself.
fn restart_policy(input: &RenderInput<'_>, unit: &Unit) -> &'static str {
    match unit.restart {
        _ if input.lease.plan.is_stopped_by_suites(&unit.name) => "Always",
        Restart::Never => "Never",
        Restart::OnFailure => "OnFailure",
        Restart::Always => "Always",
    }
}

/// Returns the hash of a pod's external inputs; a change requires a new pod.
fn inputs(input: &RenderInput<'_>, unit: &Unit, secrets: &Secrets) -> String {
    let mut of = json!({
        "secrets": secret_files(secrets, &unit.name), "files": unit.files,
        "texts": [&unit.secret_files, &unit.secret_env],
        "database": input.lease.plan.databases.get(&unit.name),
    });
    if let Some(kind) = input.lease.plan.backing.get(&unit.name) {
        of["backing"] = json!(kind);
    }
    fingerprint(&of)
}

fn storage(unit: &Unit) -> Vec<(Value, Value)> {
    let mut all = vec![parts::secrets(&unit_name(&unit.name)), parts::tmp()];
    if let Some(volume) = files_volume(unit) {
        all.push((json!({"name": "files", "mountPath": FILES_DIR, "readOnly": true}), volume));
    }
    let writable = unit.writable.iter().filter(|path| *path != "/tmp").enumerate();
    all.extend(writable.map(|(n, path)| {
        let name = format!("w{n}");
        (json!({"name": name, "mountPath": path}), json!({"name": name, "emptyDir": {"sizeLimit": WRITABLE_SIZE}}))
    }));
    all
}

/// Renders the volume of a unit's files: the ConfigMap, the Secret, or both.
fn files_volume(unit: &Unit) -> Option<Value> {
    fn items<'a>(paths: impl Iterator<Item = &'a String>) -> Vec<Value> {
        let below = |path: &String| path.strip_prefix(FILES_DIR).map(|p| p.trim_start_matches('/').to_owned());
        let item = |(n, path)| Some(json!({"key": format!("f{n}"), "path": below(path)?}));
        paths.enumerate().filter_map(item).collect()
    }
    let plain = (!unit.files.is_empty()).then(|| ("configMap", unit_name(&unit.name), items(unit.files.keys())));
    let secret =
        (!unit.secret_files.is_empty()).then(|| ("secret", files_name(&unit.name), items(unit.secret_files.keys())));
    match (plain, secret) {
        (None, None) => None,
        (Some((_, name, items)), None) => {
            Some(json!({"name": "files", "configMap": {"name": name, "items": items, "defaultMode": parts::READABLE}}))
        }
        (plain, secret) => {
            let sources: Vec<Value> = plain
                .into_iter()
                .chain(secret)
                .map(|(kind, name, items)| json!({kind: {"name": name, "items": items}}))
                .collect();
            Some(json!({"name": "files", "projected": {"sources": sources, "defaultMode": parts::READABLE}}))
        }
    }
}

/// Renders the closest equivalent of the unit's readiness that a kubelet can probe, once a second until it succeeds.
fn startup_probe(unit: &Unit) -> Value {
    let ask = match (&unit.ready, unit.port) {
        (ReadyPlan::Http { port, path, tls }, _) => {
            json!({"httpGet": {"path": path, "port": port, "scheme": if *tls { "HTTPS" } else { "HTTP" }}})
        }
        (ReadyPlan::Tcp { port }, _) => json!({"tcpSocket": {"port": port}}),
        (_, Some(port)) => json!({"tcpSocket": {"port": port}}),
        _ => return Value::Null,
    };
    let mut probe = ask;
    super::environment::merge(
        &mut probe,
        json!({"periodSeconds": 1, "timeoutSeconds": 1, "failureThreshold": UNLIMITED_FAILURES}),
    );
    probe
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::render::kubernetes::Templates;
    use crate::render::sample;

    fn api(change: impl FnOnce(&mut Unit), secrets: &Secrets) -> Object {
        let lease = sample::lease();
        let templates = Templates::new(&BTreeMap::new()).unwrap();
        let images = BTreeMap::from([("localhost/api:1".to_owned(), "r.test/x@sha256:1".to_owned())]);
        let input =
            RenderInput { lease: &lease, templates: &templates, images: &images, agent_image: "a", pull_secret: false };
        let mut unit = lease.plan.unit("api").unwrap().clone();
        change(&mut unit);
        pod(&input, &unit, 2, &Addresses::from([("db".to_owned(), vec!["10.96.0.7".to_owned()])]), secrets).unwrap()
    }

    #[test]
    fn a_pod_has_hosts_entries_and_the_pinned_image() {
        let pod = api(|_| (), &Secrets::default());
        assert_eq!(pod.name, "api-2");
        let spec = &pod.value["spec"];
        assert_eq!(spec["hostAliases"][0]["ip"], "10.96.0.7");
        assert_eq!(
            spec["hostAliases"][0]["hostnames"],
            json!(["db", "db.e-pr-1", "db.e-pr-1.svc", "db.e-pr-1.svc.cluster.local"])
        );
        assert_eq!(spec["containers"][0]["image"], "r.test/x@sha256:1");
        // /tmp is mounted only once.
        let mounts: Vec<&str> = spec["containers"][0]["volumeMounts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|m| m["mountPath"].as_str().unwrap())
            .collect();
        assert_eq!(mounts, ["/run/secrets", "/tmp", "/data"]);
    }

    #[test]
    fn a_changed_secret_or_file_changes_the_hash() {
        let plain = api(|_| (), &Secrets::default());
        assert_eq!(plain.hash(), api(|_| (), &Secrets::default()).hash());
        let other = Secrets { ca: "other".into(), ..Secrets::default() };
        assert_ne!(plain.hash(), api(|_| (), &other).hash());
        assert_ne!(
            plain.hash(),
            api(|u| drop(u.files.insert("/etc/dayfly/a/b".into(), vec![1])), &Secrets::default()).hash()
        );
    }
}
