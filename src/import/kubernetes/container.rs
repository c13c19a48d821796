//! One workload of the manifests.

use super::data::Data;
use super::variables::{self, Source, marker};
use super::workload::Workload;
use super::{databases, probes, volumes};
use crate::import::context::Context;
use crate::import::draft::{MAIN_PORT, Service};
use crate::import::tree::Tree;
use crate::import::{images, limits};

pub(super) fn service(workload: &Workload<'_>, data: &Data, cx: &mut Context) -> Service {
    let unit = workload.unit.clone();
    let mut service = Service { name: unit.clone(), ..Service::default() };
    let Some(container) = workload.container() else {
        service.image = images::image(None, &unit, &mut cx.values).0;
        service.ask("image", "the input has no container for it");
        return service;
    };
    let written = container.word("image").map(|image| image.replace('$', "$$"));
    let (image, question) = images::image(written.as_deref(), &unit, &mut cx.values);
    service.image = image;
    question.into_iter().for_each(|q| service.ask("image", q));
    cx.notes.map();
    ports(workload, container, &mut service, cx);
    probes::take(&unit, container, &mut service, &mut cx.notes);
    environment(workload, container, data, &mut service, cx);
    for (key, is_entrypoint) in [("command", true), ("args", false)] {
        let words: Vec<String> =
            container.list(key).iter().filter_map(|w| w.text().map(|t| t.replace('$', "$$"))).collect();
        if words.is_empty() {
            continue;
        }
        cx.notes.map();
        let words = cx.words(&mut service, &words);
        if is_entrypoint { service.entrypoint = words } else { service.args = words }
    }
    let claims = workload.object.at(&["spec"]).map(|s| s.list("volumeClaimTemplates")).unwrap_or_default();
    volumes::take(&unit, workload.pod, claims, container, data, &mut service, cx);
    service.resources = databases::resources(container);
    replicas(workload, &mut service, cx);
    security(workload, container, &mut service, cx);
    others(workload, &mut service, cx);
    service
}

fn ports(workload: &Workload<'_>, container: &Tree, service: &mut Service, cx: &mut Context) {
    for port in container.list("ports") {
        let number = port.number("containerPort").and_then(|p| u16::try_from(p).ok()).filter(|p| *p > 0);
        let is_udp = port.word("protocol") == Some("UDP");
        match number {
            Some(number) if !is_udp && !service.ports.contains(&number) => {
                cx.notes.map();
                service.ports.push(number);
                service.port_names.extend(port.word("name").map(|name| (number, name.to_owned())));
            }
            Some(number) if is_udp => {
                cx.notes.drop(port.line, format!("{}.ports {number}", workload.unit), "access is declared for TCP only")
            }
            _ => {}
        }
    }
    let target = |written: &str| probes::resolve(container, written);
    let of_service = workload.service_ports.iter().find_map(|(_, written)| target(written));
    service.port = of_service.or(service.ports.first().copied());
    for (own, written) in &workload.service_ports {
        let Some(target) = target(written).filter(|target| target != own) else { continue };
        let question = format!(
            "callers used port {own} of the Service, and the container listens on {target}: write {target} wherever they call it"
        );
        service.ask("port", question);
    }
    if service.ports.len() > 1 && of_service.is_none() {
        service.ask("port", MAIN_PORT);
    }
}

fn environment(workload: &Workload<'_>, container: &Tree, data: &Data, service: &mut Service, cx: &mut Context) {
    for variable in variables::of(container, data) {
        let place = format!("{}.env.{}", workload.unit, variable.name);
        match variable.source {
            Source::Text(text) => cx.variable(service, (variable.line, &place), &variable.name, &text),
            Source::Secret(object, key) => {
                let raw = format!("${{{}}}", marker(&object, &key));
                cx.variable(service, (variable.line, &place), &variable.name, &raw);
            }
            Source::Nothing(why) => cx.notes.drop(variable.line, place, why),
        }
    }
}

fn replicas(workload: &Workload<'_>, service: &mut Service, cx: &mut Context) {
    match workload.object.at(&["spec"]).and_then(|s| s.number("replicas")) {
        None | Some(1) => {}
        Some(n) if n <= 9 => {
            cx.notes.map();
            service.replicas = Some(n);
        }
        Some(n) => cx.notes.drop(
            workload.object.line,
            format!("{}.replicas {n}", workload.unit),
            "a service has 1 to 9 replicas",
        ),
    }
}

fn security(workload: &Workload<'_>, container: &Tree, service: &mut Service, cx: &mut Context) {
    let contexts = [container.get("securityContext"), workload.pod.get("securityContext")];
    let first = |key: &str| contexts.iter().flatten().find_map(|c| c.word(key));
    let user = first("runAsUser");
    let user = user.map(|user| first("runAsGroup").map_or_else(|| user.to_owned(), |group| format!("{user}:{group}")));
    match user.as_deref().map(|user| (user, limits::user(user))) {
        Some((_, Some(user))) => {
            cx.notes.map();
            service.user = Some(user);
        }
        Some((written, None)) => {
            let question = format!("it runs as `{written}`: does it need root, and why? See `security`");
            service.ask("security", question);
        }
        None => {}
    }
    for capability in container.at(&["securityContext", "capabilities"]).map(|c| c.list("add")).unwrap_or_default() {
        let name = limits::capability(capability.text().unwrap_or_default());
        service.ask("security", format!("the input adds the capability {name}: does a test need it? See `security`"));
    }
    if container.get("securityContext").is_some_and(|c| c.is_true("privileged")) {
        cx.notes.drop(
            container.line,
            format!("{}.privileged", workload.unit),
            "a container never gets power over the machine",
        );
    }
    for key in ["hostNetwork", "hostPID", "hostIPC"] {
        if workload.pod.is_true(key) {
            cx.notes.drop(
                workload.pod.line,
                format!("{}.{key}", workload.unit),
                "every unit has namespaces of its own",
            );
        }
    }
}

/// Further containers of the pod, and names by which the unit was known.
fn others(workload: &Workload<'_>, service: &mut Service, cx: &mut Context) {
    for container in workload.pod.list("initContainers") {
        let name = container.word("name").unwrap_or_default();
        let why = "it runs before the service: start it within the service, or put its SQL under `sql`; what only waits for others is not needed";
        cx.notes.drop(container.line, format!("{}.{name}", workload.unit), why);
    }
    for container in workload.pod.list("containers").iter().skip(1) {
        let name = container.word("name").unwrap_or_default();
        cx.notes.drop(
            container.line,
            format!("{}.{name}", workload.unit),
            "a unit is one container: make it a service if a test needs it",
        );
    }
    let others: Vec<&str> = cx.names.others(&workload.unit).collect();
    if !others.is_empty() {
        let question = format!(
            "it was also called {}: does anything use these names beside addresses in variables?",
            others.join(", ")
        );
        service.ask("image", question);
    }
}
