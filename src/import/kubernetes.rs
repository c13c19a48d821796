//! Drafts from rendered Kubernetes manifests: the output of `helm template` or `kustomize build`.

use std::collections::BTreeMap;
use std::path::Path;

use super::context::{Context, MAX_UNITS};
use super::draft::Draft;
use super::imported::{Imported, finish};
use super::names;
use super::product::{self, Product};
use super::source::Folder;
use super::tree::Tree;
use crate::spec::Diagnostics;

mod container;
mod data;
mod databases;
mod probes;
mod reasons;
mod stream;
mod variables;
mod volumes;
mod workload;

use data::Data;
use workload::Workload;

/// Writes a draft of a stream of documents.
pub fn import(file: &Path, bytes: &[u8], name: Option<&str>) -> Result<Imported, Diagnostics> {
    let mut cx = Context::new(Folder::none());
    let objects = stream::objects(file, bytes, &mut cx.notes)?;
    let data = Data::collect(&objects);
    let mut workloads = workload::all(&objects, &mut cx.notes);
    if workloads.is_empty() {
        let help = "name rendered manifests with Deployments, StatefulSets, DaemonSets or Pods; charts are rendered with `helm template`";
        return Err(Diagnostics::whole_file(file, "the manifests have no workload that becomes a service", help));
    }
    if workloads.len() > MAX_UNITS {
        let message =
            format!("the manifests have {} workloads, and an environment at most {MAX_UNITS} units", workloads.len());
        return Err(Diagnostics::whole_file(file, message, "import the manifests of one application"));
    }
    let services: Vec<&Tree> = objects.iter().filter(|o| o.word("kind") == Some("Service")).collect();
    workload::name(&mut workloads, &services, &mut cx);
    for object in &objects {
        reasons::drop(object, &mut cx.notes);
    }
    let mut draft = Draft { name: description_name(&objects, name), ..Draft::default() };
    let products = products(&workloads, &mut draft);
    for workload in &workloads {
        match products.get(&workload.unit) {
            Some(Product::PostgreSql) => draft.databases.push(databases::database(workload, &data, &mut cx)),
            Some(Product::RabbitMq) => draft.broker = Some(databases::broker(workload, &data, &mut cx)),
            Some(Product::Backing(kind)) => draft.backing.push(databases::backing(*kind, workload, &data, &mut cx)),
            None => {}
        }
    }
    for workload in workloads.iter().filter(|w| !products.contains_key(&w.unit)) {
        let service = container::service(workload, &data, &mut cx);
        draft.services.push(service);
    }
    draft.entries = entries(&objects, &cx);
    Ok(finish(draft, cx, file))
}

/// The products of workloads; a second broker stays a service.
fn products(workloads: &[Workload<'_>], draft: &mut Draft) -> BTreeMap<String, Product> {
    let mut all = BTreeMap::new();
    for workload in workloads {
        let Some(product) = workload.container().and_then(|c| c.word("image")).and_then(product::of) else { continue };
        if product == Product::RabbitMq && all.values().any(|known| *known == product) {
            draft.questions.push(format!(
                "an environment has one broker, and {} is another RabbitMQ: can both be one, with a virtual host each?",
                workload.unit
            ));
            continue;
        }
        all.insert(workload.unit.clone(), product);
    }
    all
}

/// The name of the application or release, which most objects carry.
fn description_name(objects: &[Tree], given: Option<&str>) -> String {
    let label = |key: &str| objects.iter().find_map(|o| o.at(&["metadata", "labels"])?.word(key));
    let keys = ["app.kubernetes.io/instance", "release", "app.kubernetes.io/part-of", "app.kubernetes.io/name", "app"];
    names::description(given.or_else(|| keys.into_iter().find_map(label)).unwrap_or_default())
}

/// Units behind Ingresses and load balancers.
fn entries(objects: &[Tree], cx: &Context) -> Vec<String> {
    let mut found = vec![];
    for object in objects {
        match object.word("kind") {
            Some("Ingress") => {
                for rule in object.at(&["spec"]).map(|s| s.list("rules")).unwrap_or_default() {
                    for path in rule.at(&["http"]).map(|h| h.list("paths")).unwrap_or_default() {
                        found.extend(path.at(&["backend", "service"]).and_then(|s| s.word("name")));
                    }
                }
            }
            Some("Service")
                if object
                    .at(&["spec"])
                    .is_some_and(|s| matches!(s.word("type"), Some("LoadBalancer" | "NodePort"))) =>
            {
                found.extend(object.at(&["metadata"]).and_then(|m| m.word("name")));
            }
            _ => {}
        }
    }
    found.into_iter().filter_map(|name| cx.names.unit(name).map(str::to_owned)).collect()
}
