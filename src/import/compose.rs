//! Drafts from Compose files.

use std::collections::BTreeSet;
use std::path::Path;

use super::context::{Context, MAX_UNITS};
use super::draft::Draft;
use super::imported::{Imported, finish};
use super::product::{self, Product};
use super::source::Folder;
use super::tree::{Tree, Value};
use super::{names, variables::Values};
use crate::spec::Diagnostics;
use crate::spec::kind::DocumentKind;

mod databases;
mod environment;
mod extends;
mod health;
mod ports;
mod reasons;
mod service;
mod volumes;

/// Compose files.
const COMPOSE: DocumentKind = DocumentKind {
    kind: "Compose",
    noun: "Compose file",
    purpose: "Compose file",
    start: "name a Compose file, which has its services under `services`",
    schema_command: "dayfly import compose --help",
};

/// Writes a draft of a Compose file. `profiles` are those whose services belong to it.
pub fn import(file: &Path, bytes: &[u8], folder: Folder, profiles: &[String]) -> Result<Imported, Diagnostics> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Err(Diagnostics::whole_file(file, "the Compose file is not UTF-8 text", "save it as UTF-8"));
    };
    let (mut root, repeated) = Tree::read(file, text, &COMPOSE, 1)?;
    let count = root.get("services").map_or(0, |s| s.entries().len());
    if count == 0 {
        let help =
            "name a Compose file, which has its services under `services`; for manifests use: dayfly import kubernetes";
        return Err(Diagnostics::whole_file(file, "the file has no services", help));
    }
    if count > MAX_UNITS {
        let message = format!("the file has {count} services, and an environment at most {MAX_UNITS} units");
        return Err(Diagnostics::whole_file(file, message, "import a file with the services of one application"));
    }
    let mut cx = Context::new(folder);
    for (line, path) in repeated {
        cx.notes.drop(line, path, "the key is repeated, and the first counts");
    }
    let defaults = environment::defaults(&mut cx);
    if !defaults.is_empty() {
        let mut added = 0;
        root.each_text(&mut |text| Values::with_defaults(text, &defaults, &mut added));
    }
    let mut draft = Draft { name: name(&root, file), ..Draft::default() };
    top_level(&root, &mut cx);
    let services = chosen(extends::resolved(&root, &mut cx.notes), profiles, &mut cx);
    let jobs = jobs(&services);
    let mut broker: Option<&str> = None;
    let mut others = vec![];
    // All names first: any value may name any unit.
    let mut units = vec![];
    for (name, tree) in &services {
        if jobs.contains(name) {
            let why = "it runs to its end before others start: write it under `jobs`, which drafts do not do yet, and name it in the `needs` of those that wait for it";
            cx.notes.drop(tree.line, name, why);
            continue;
        }
        let unit = cx.names.add(name);
        environment::aliases(tree, &unit, &mut cx.names);
        let image = tree.word("image").map(|i| Values::fill(i).literal);
        match image.as_deref().and_then(product::of) {
            Some(Product::RabbitMq) if broker.is_some() => {
                others.push(unit.clone());
                units.push((unit, tree, None));
            }
            Some(Product::RabbitMq) => {
                broker = Some(name);
                units.push((unit, tree, Some(Product::RabbitMq)));
            }
            product => units.push((unit, tree, product)),
        }
    }
    for (unit, tree, product) in &units {
        match product {
            Some(Product::PostgreSql) => draft.databases.push(databases::database(unit, tree, &mut cx)),
            Some(Product::RabbitMq) => draft.broker = Some(databases::broker(unit, tree, &mut cx)),
            Some(Product::Backing(kind)) => draft.backing.push(databases::backing(*kind, unit, tree, &mut cx)),
            None => {}
        }
    }
    for (unit, tree, _) in units.iter().filter(|(_, _, product)| product.is_none()) {
        let mut service = service::service(unit, tree, &root, &mut cx);
        if others.contains(unit) {
            service.ask("image", "an environment has one broker, and this is another RabbitMQ: can both share it, with a virtual host each?");
        }
        if tree.get("ports").is_some() {
            draft.entries.push(unit.clone());
        }
        draft.services.push(service);
    }
    ports::fill(&mut draft, &cx);
    if draft.services.iter().any(|s| s.restart.is_some()) {
        draft.questions.push("the input restarts services: is the end of one a failure that a test should see? Then remove its `restart`".into());
    }
    Ok(finish(draft, cx, file))
}

/// The project's name, or that of the folder.
fn name(root: &Tree, file: &Path) -> String {
    let written = root.word("name").map(|name| Values::fill(name).literal);
    let folder = || {
        let full = file.canonicalize().unwrap_or_else(|_| file.to_owned());
        full.parent().and_then(Path::file_name).map(|n| n.to_string_lossy().into_owned())
    };
    names::description(&written.or_else(folder).unwrap_or_default())
}

/// What stands beside the services.
fn top_level(root: &Tree, cx: &mut Context) {
    for (key, value) in root.entries() {
        match key.as_str() {
            "services" | "name" | "configs" | "secrets" | "version" | "volumes" => cx.notes.map(),
            key if key.starts_with("x-") => cx.notes.map(),
            "networks" => {
                cx.notes.drop(value.line, key, "only declared callers reach a unit: see `needs` and `callers`")
            }
            "include" => {
                cx.notes.drop(value.line, key, "other files are not read: import the output of `docker compose config`")
            }
            _ => cx.notes.drop(value.line, key, "a description has nothing like it"),
        }
    }
}

/// The services that start without a profile, or with one of these.
fn chosen(services: Vec<(String, Tree)>, profiles: &[String], cx: &mut Context) -> Vec<(String, Tree)> {
    let mut kept = vec![];
    for (name, tree) in services {
        let own: Vec<String> = tree.list("profiles").iter().filter_map(|p| p.text().map(str::to_owned)).collect();
        if own.is_empty() || own.iter().any(|p| profiles.contains(p)) {
            kept.push((name, tree));
        } else {
            let why = format!("it belongs to the profile {}: import it with --profile {}", own.join(", "), own[0]);
            cx.notes.drop(tree.line, name, why);
        }
    }
    kept
}

/// Services that others wait for until they have ended.
fn jobs(services: &[(String, Tree)]) -> BTreeSet<String> {
    let waits = services.iter().filter_map(|(_, tree)| tree.get("depends_on"));
    let ended = waits.flat_map(|on| {
        on.entries().iter().filter(|(_, how)| how.word("condition") == Some("service_completed_successfully"))
    });
    ended.filter(|(_, how)| matches!(how.value, Value::Map(_))).map(|(name, _)| name.clone()).collect()
}
