//! Workloads of the input, and the Services before them.

use crate::import::context::Context;
use crate::import::notes::Notes;
use crate::import::tree::Tree;

/// Most labels of a pod, and of a selector, that are looked at.
const MAX_LABELS: usize = 64;

/// A workload that becomes a unit.
#[derive(Debug)]
pub(super) struct Workload<'a> {
    pub(super) object: &'a Tree,
    /// The pod's `spec`.
    pub(super) pod: &'a Tree,
    labels: &'a [(String, Tree)],
    /// Name of the unit.
    pub(super) unit: String,
    /// Ports of its Services: the Service's own, and the target as written.
    pub(super) service_ports: Vec<(u16, String)>,
}

impl<'a> Workload<'a> {
    /// The container that becomes the unit: the first.
    pub(super) fn container(&self) -> Option<&'a Tree> {
        self.pod.list("containers").first()
    }

    /// Name of the object.
    pub(super) fn name(&self) -> &'a str {
        self.object.at(&["metadata"]).and_then(|m| m.word("name")).unwrap_or("unit")
    }
}

/// The workloads of the input; units have no names yet.
pub(super) fn all<'a>(objects: &'a [Tree], notes: &mut Notes) -> Vec<Workload<'a>> {
    let mut found = vec![];
    for object in objects {
        let template = match object.word("kind") {
            Some("Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet") => object.at(&["spec", "template"]),
            Some("Pod") => Some(object),
            _ => continue,
        };
        let name = object.at(&["metadata"]).and_then(|m| m.word("name")).unwrap_or_default();
        let hook = object.at(&["metadata", "annotations"]).and_then(|a| a.word("helm.sh/hook"));
        let Some((template, pod)) = template.and_then(|t| Some((t, t.get("spec")?))) else {
            notes.drop(object.line, name, "it has no pod template");
            continue;
        };
        if let Some(hook) = hook {
            notes.drop(object.line, name, format!("it is a hook of Helm ({hook}): a suite can do what it does"));
            continue;
        }
        if object.at(&["spec"]).and_then(|s| s.number("replicas")) == Some(0) {
            notes.drop(object.line, name, "it has 0 replicas");
            continue;
        }
        notes.map();
        let labels = template.at(&["metadata", "labels"]).map(Tree::entries).unwrap_or_default();
        let labels = &labels[..labels.len().min(MAX_LABELS)];
        found.push(Workload { object, pod, labels, unit: String::new(), service_ports: vec![] });
    }
    found
}

/// Names the units by the Services before them, by which others call them.
pub(super) fn name(workloads: &mut [Workload<'_>], services: &[&Tree], cx: &mut Context) {
    for workload in workloads.iter_mut() {
        let selected: Vec<&&Tree> = services.iter().filter(|s| selects(s, workload)).collect();
        let is_headless = |s: &Tree| s.at(&["spec"]).and_then(|s| s.word("clusterIP")) == Some("None");
        let main = selected.iter().find(|s| !is_headless(s)).or(selected.first());
        let service_name = |s: &Tree| s.at(&["metadata"]).and_then(|m| m.word("name")).map(str::to_owned);
        let name = main.and_then(|s| service_name(s)).unwrap_or_else(|| workload.name().to_owned());
        workload.unit = cx.names.add(&name);
        for service in &selected {
            if let Some(alias) = service_name(service) {
                cx.names.alias(&alias, &workload.unit);
            }
            for port in service.at(&["spec"]).map(|s| s.list("ports")).unwrap_or_default() {
                let Some(own) = port.number("port").and_then(|p| u16::try_from(p).ok()) else { continue };
                let target = port.word("targetPort").map_or_else(|| own.to_string(), str::to_owned);
                workload.service_ports.push((own, target));
            }
        }
    }
    for service in services {
        let selector = service.at(&["spec"]).and_then(|s| s.get("selector"));
        let name = service.at(&["metadata"]).and_then(|m| m.word("name")).unwrap_or_default();
        match selector {
            Some(_) if workloads.iter().any(|w| selects(service, w)) => cx.notes.map(),
            Some(_) => cx.notes.drop(service.line, format!("Service {name}"), "it selects no workload of the input"),
            None => cx.notes.drop(
                service.line,
                format!("Service {name}"),
                "it leads out of the cluster, and nothing leaves an environment",
            ),
        }
    }
}

fn selects(service: &Tree, workload: &Workload<'_>) -> bool {
    let selector = service.at(&["spec", "selector"]).map(Tree::entries).unwrap_or_default();
    let has = |key: &str, value: Option<&str>| workload.labels.iter().any(|(k, v)| k == key && v.text() == value);
    (1..=MAX_LABELS).contains(&selector.len()) && selector.iter().all(|(key, value)| has(key, value.text()))
}
