//! What belongs to one unit: its Secret, its files, its Service, and a pod for each copy.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::object::{Kind, Object, fingerprint};
use super::{Addresses, INPUTS, RenderError, Stage, parts, ports, unit_name};
use crate::plan::{ReadyPlan, Unit};
use crate::render::container::FILES;
use crate::render::labels;
use crate::secrets::Secrets;

/// So many failed probes end a start: more than a life has seconds, because dayfly alone decides on readiness.
const PATIENT: i32 = 100_000_000;
/// Size of each folder that a unit may write to.
const ROOM: &str = "2Gi";

/// The unit's Secret, its files where it has some, and its Service where it has a port.
pub fn belongings(stage: &Stage<'_>, unit: &Unit, secrets: &Secrets) -> Result<Vec<Object>, RenderError> {
    let mut all = vec![secret(
        stage,
        &unit_name(&unit.name),
        &stage.unit_labels(&unit.name),
        "Opaque",
        &files_of(secrets, &unit.name),
    )?];
    if !unit.files.is_empty() {
        all.push(files(stage, unit)?);
    }
    if !ports(unit).is_empty() {
        all.push(service(stage, unit)?);
    }
    Ok(all)
}

/// A unit's or suite's secret files by name; everybody gets the authority's certificate.
pub fn files_of(secrets: &Secrets, owner: &str) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::from([("ca.crt".to_owned(), secrets.ca.clone().into_bytes())]);
    files.extend(secrets.files.get(owner).into_iter().flatten().map(|(name, bytes)| (name.clone(), bytes.clone())));
    files
}

/// A Secret with these files.
pub fn secret(
    stage: &Stage<'_>,
    name: &str,
    labels: &BTreeMap<String, String>,
    of_type: &str,
    files: &BTreeMap<String, Vec<u8>>,
) -> Result<Object, RenderError> {
    let data: BTreeMap<&String, String> = files.iter().map(|(n, bytes)| (n, STANDARD.encode(bytes))).collect();
    let context = json!({
        "name": name, "namespace": stage.namespace(), "labels": labels, "annotations": {}, "type": of_type, "data": data,
    });
    stage.templates.render("secret", Kind::Secret, &context, stage.namespace())
}

fn files(stage: &Stage<'_>, unit: &Unit) -> Result<Object, RenderError> {
    let data: BTreeMap<String, String> =
        unit.files.values().enumerate().map(|(n, bytes)| (format!("f{n}"), STANDARD.encode(bytes))).collect();
    let context = json!({
        "name": unit_name(&unit.name), "namespace": stage.namespace(), "labels": stage.unit_labels(&unit.name),
        "annotations": {}, "data": data,
    });
    stage.templates.render("files", Kind::ConfigMap, &context, stage.namespace())
}

fn service(stage: &Stage<'_>, unit: &Unit) -> Result<Object, RenderError> {
    let labels = stage.unit_labels(&unit.name);
    let ports: Vec<Value> = ports(unit)
        .into_iter()
        .map(|port| json!({"name": format!("p{port}"), "protocol": "TCP", "port": port, "targetPort": port}))
        .collect();
    let context = json!({
        "name": unit.name, "namespace": stage.namespace(), "labels": labels, "annotations": {},
        "selector": labels, "ports": ports,
    });
    stage.templates.render("service", Kind::Service, &context, stage.namespace())
}

/// One copy of the unit.
pub fn pod(
    stage: &Stage<'_>,
    unit: &Unit,
    copy: u8,
    addresses: &Addresses,
    secrets: &Secrets,
) -> Result<Object, RenderError> {
    let name = labels::copy(&unit.name, copy);
    let mut labels = stage.unit_labels(&unit.name);
    labels.insert(labels::COPY.to_owned(), copy.to_string());
    let callees = stage.lease.plan.reachable_by(&unit.name).filter(|u| u.name != unit.name);
    let (mounts, volumes): (Vec<Value>, Vec<Value>) = storage(unit).into_iter().unzip();
    let context = json!({
        "name": name, "namespace": stage.namespace(), "labels": labels, "hostname": name,
        "annotations": {INPUTS: inputs(stage, unit, secrets), labels::IMAGE: stage.image(&unit.image)},
        "dns": parts::dns(),
        "hosts": parts::hosts(stage.lease, callees, addresses),
        "podSecurity": parts::pod_security(unit.confinement.root),
        "image": stage.image(&unit.image),
        "command": parts::command(&unit.command),
        "env": parts::env(&unit.env),
        "ports": ports(unit).into_iter().map(|p| json!({"containerPort": p, "protocol": "TCP"})).collect::<Vec<_>>(),
        "resources": parts::resources(&unit.limits),
        "security": parts::security(&unit.confinement),
        "startupProbe": startup_probe(unit),
        "mounts": mounts, "volumes": volumes,
    });
    stage.templates.render("unit", Kind::Pod, &context, stage.namespace())
}

/// Hash of what the unit reads when it starts and what its data is made of: a change of it needs a new pod.
fn inputs(stage: &Stage<'_>, unit: &Unit, secrets: &Secrets) -> String {
    let of = json!({
        "secrets": files_of(secrets, &unit.name), "files": unit.files,
        "database": stage.lease.plan.databases.get(&unit.name),
    });
    fingerprint(&of)
}

fn storage(unit: &Unit) -> Vec<(Value, Value)> {
    let mut all = vec![parts::secrets(&unit_name(&unit.name)), parts::tmp()];
    if !unit.files.is_empty() {
        let below = |path: &String| path.strip_prefix(FILES).map(|p| p.trim_start_matches('/').to_owned());
        let items: Vec<Value> = unit
            .files
            .keys()
            .enumerate()
            .filter_map(|(n, path)| Some(json!({"key": format!("f{n}"), "path": below(path)?})))
            .collect();
        all.push((
            json!({"name": "files", "mountPath": FILES, "readOnly": true}),
            json!({"name": "files", "configMap": {"name": unit_name(&unit.name), "items": items, "defaultMode": parts::READABLE}}),
        ));
    }
    let writable = unit.writable.iter().filter(|path| *path != "/tmp").enumerate();
    all.extend(writable.map(|(n, path)| {
        let name = format!("w{n}");
        (json!({"name": name, "mountPath": path}), json!({"name": name, "emptyDir": {"sizeLimit": ROOM}}))
    }));
    all
}

/// The nearest to the unit's own readiness that a kubelet can ask, once a second until it succeeds.
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
        json!({"periodSeconds": 1, "timeoutSeconds": 1, "failureThreshold": PATIENT}),
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
        let stage =
            Stage { lease: &lease, templates: &templates, images: &images, agent_image: "a", pull_secret: false };
        let mut unit = lease.plan.unit("api").unwrap().clone();
        change(&mut unit);
        pod(&stage, &unit, 2, &Addresses::from([("db".to_owned(), vec!["10.96.0.7".to_owned()])]), secrets).unwrap()
    }

    #[test]
    fn a_pod_knows_the_names_of_what_it_may_call_and_runs_the_pinned_image() {
        let pod = api(|_| (), &Secrets::default());
        assert_eq!(pod.name, "api-2");
        let spec = &pod.value["spec"];
        assert_eq!(spec["hostAliases"][0]["ip"], "10.96.0.7");
        assert_eq!(
            spec["hostAliases"][0]["hostnames"],
            json!(["db", "db.e-pr-1", "db.e-pr-1.svc", "db.e-pr-1.svc.cluster.local"])
        );
        assert_eq!(spec["containers"][0]["image"], "r.test/x@sha256:1");
        // /tmp is one already.
        let mounts: Vec<&str> = spec["containers"][0]["volumeMounts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|m| m["mountPath"].as_str().unwrap())
            .collect();
        assert_eq!(mounts, ["/run/secrets", "/tmp", "/data"]);
    }

    #[test]
    fn a_changed_secret_or_file_makes_another_pod_and_nothing_else_does() {
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
