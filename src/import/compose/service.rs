//! One service of a Compose file.

use super::{databases, environment, health, ports, reasons, volumes};
use crate::import::context::Context;
use crate::import::draft::Service;
use crate::import::tree::{Tree, Value};
use crate::import::variables::Values;
use crate::import::{command, images, limits};

/// Keys that this file takes over, each with its own rule.
const TAKEN: [&str; 28] = [
    "image",
    "build",
    "command",
    "entrypoint",
    "environment",
    "env_file",
    "depends_on",
    "links",
    "healthcheck",
    "ports",
    "expose",
    "volumes",
    "tmpfs",
    "configs",
    "secrets",
    "profiles",
    "extends",
    "deploy",
    "mem_limit",
    "cpus",
    "pids_limit",
    "restart",
    "user",
    "cap_add",
    "scale",
    "container_name",
    "hostname",
    "networks",
];

pub(super) fn service(unit: &str, tree: &Tree, root: &Tree, cx: &mut Context) -> Service {
    let mut service = Service { name: unit.to_owned(), ..Service::default() };
    let (image, question) = images::image(tree.word("image"), unit, &mut cx.values);
    service.image = image;
    question.into_iter().for_each(|q| service.ask("image", q));
    cx.notes.map();
    words(unit, tree, &mut service, cx);
    service.ports = ports::of(unit, tree, &mut cx.notes);
    service.port = service.ports.first().copied();
    health::take(unit, tree, &mut service, &mut cx.notes);
    for (name, value, line) in environment::variables(unit, tree, cx) {
        cx.variable(&mut service, (line, &format!("{unit}.environment.{name}")), &name, &value);
    }
    depends_on(tree, &mut service, cx);
    volumes::take(unit, tree, root, &mut service, cx);
    service.resources = databases::resources(tree);
    deploy(unit, tree, &mut service, cx);
    rest(unit, tree, &mut service, cx);
    service
}

fn words(unit: &str, tree: &Tree, service: &mut Service, cx: &mut Context) {
    for key in ["entrypoint", "command"] {
        let Some(written) = tree.get(key) else { continue };
        let words = match &written.value {
            Value::Text(text) => command::split(text),
            _ => Some(written.texts().into_iter().map(str::to_owned).collect()),
        };
        let Some(words) = words else {
            cx.notes.drop(written.line, format!("{unit}.{key}"), "a quotation in it does not end");
            continue;
        };
        cx.notes.map();
        let words = cx.words(service, &words);
        if key == "entrypoint" { service.entrypoint = words } else { service.args = words }
    }
}

fn depends_on(tree: &Tree, service: &mut Service, cx: &mut Context) {
    let of = |key: &str| tree.get(key).into_iter();
    let names = of("depends_on").flat_map(|on| match &on.value {
        Value::Map(entries) => entries.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        _ => on.texts(),
    });
    let links = of("links").flat_map(|links| links.texts()).map(|link| link.split(':').next().unwrap_or(link));
    let linked: Vec<&str> = links.collect();
    let first: Vec<&str> = names.chain(linked.iter().copied()).collect();
    for name in first {
        let Some(unit) = cx.names.unit(name).map(str::to_owned) else { continue };
        cx.notes.map();
        service.needs(&unit, true, linked.contains(&name).then_some("links"));
    }
}

fn deploy(unit: &str, tree: &Tree, service: &mut Service, cx: &mut Context) {
    let replicas = tree.at(&["deploy"]).and_then(|d| d.word("replicas")).or(tree.word("scale"));
    if let Some(text) = replicas.map(|text| Values::fill(text).literal) {
        match text.parse::<u64>().ok().filter(|n| (1..=9).contains(n)) {
            Some(1) => {}
            Some(n) => service.replicas = Some(n),
            None => cx.notes.drop(tree.line, format!("{unit}.deploy.replicas"), "a service has 1 to 9 replicas"),
        }
    }
    for (key, value) in tree.get("deploy").map(Tree::entries).unwrap_or_default() {
        match key.as_str() {
            "replicas" => cx.notes.map(),
            "resources" => {
                cx.notes.map();
                if value.get("reservations").is_some() {
                    cx.notes.drop(
                        value.line,
                        format!("{unit}.deploy.resources.reservations"),
                        "units have limits only",
                    );
                }
            }
            _ => cx.notes.drop(value.line, format!("{unit}.deploy.{key}"), "it means nothing for a test environment"),
        }
    }
}

/// The smaller keys, and those that are dropped.
fn rest(unit: &str, tree: &Tree, service: &mut Service, cx: &mut Context) {
    match tree.word("restart").map(|text| Values::fill(text).literal).as_deref() {
        Some("always" | "unless-stopped") => {
            cx.notes.map();
            service.restart = Some("always");
        }
        Some(text) if text.starts_with("on-failure") => {
            cx.notes.map();
            service.restart = Some("on-failure");
        }
        _ => {}
    }
    if let Some(user) = tree.word("user").map(|text| Values::fill(text).literal) {
        match limits::user(&user) {
            Some(user) => {
                cx.notes.map();
                service.user = Some(user);
            }
            None => {
                let question = format!(
                    "it runs as `{user}`: which number has a user that is not root? Or does it need root, and why?"
                );
                service.ask("security", question);
            }
        }
    }
    for item in tree.list("cap_add") {
        let name = limits::capability(item.text().unwrap_or_default());
        let why = format!("the input adds the capability {name}: does a test need it? See `security`");
        service.ask("security", why);
    }
    for (key, value) in tree.entries().iter().filter(|(key, v)| !key.starts_with("x-") && v.value != Value::Null) {
        let is_name = matches!(key.as_str(), "container_name" | "hostname");
        if !TAKEN.contains(&key.as_str()) || is_name {
            cx.notes.drop(value.line, format!("{unit}.{key}"), reasons::reason(key));
        }
    }
    // Others may still know it by a name that it no longer has.
    let others: Vec<&str> = cx.names.others(unit).filter(|name| !name.eq_ignore_ascii_case(unit)).collect();
    if !others.is_empty() {
        service.ask("image", format!("it was also called {}; values that name a host were changed to {unit}: does anything else use the old name?", others.join(", ")));
    }
}
