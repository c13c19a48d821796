//! PostgreSQL and RabbitMQ of a Compose file, which dayfly configures itself.

use super::environment;
use crate::import::context::Context;
use crate::import::draft::{Backing, Broker, Database, Resources};
use crate::import::source::{Folder, Found};
use crate::import::tree::Tree;
use crate::import::variables::Values;
use crate::import::{backing, command, images, limits, postgres};
use crate::spec::backing::KindName;

pub(super) fn database(unit: &str, tree: &Tree, cx: &mut Context) -> Database {
    let variables = environment::variables(unit, tree, cx);
    let (image, question) = images::image(tree.word("image"), unit, &mut cx.values);
    let literal = Values::fill(tree.word("image").unwrap_or_default()).literal;
    let variables: Vec<(String, String)> = variables.into_iter().map(|(name, value, _)| (name, value)).collect();
    let mut database = postgres::database(unit, (image, &literal), &variables, cx);
    database.questions.extend(question);
    database.resources = resources(tree);
    for item in tree.list("volumes") {
        let text = Values::fill(item.text().unwrap_or_default()).literal;
        let source = text.split(':').next().unwrap_or_default();
        if !text.contains("/docker-entrypoint-initdb.d") {
            cx.notes.map();
            continue;
        }
        let place = format!("{unit}.volumes {source}");
        match (Folder::inner(source), cx.folder.read(source)) {
            (Some(path), Found::Text(_)) if path.ends_with(".sql") && !path.contains("{{") && cx.folder.is_home => {
                cx.notes.map();
                database.sql.push(path);
            }
            _ => cx.notes.drop(
                item.line,
                place,
                "only SQL files beside the description run in a new database: list them under `sql`",
            ),
        }
    }
    dropped(unit, tree, "PostgreSQL", cx);
    database
}

pub(super) fn broker(unit: &str, tree: &Tree, cx: &mut Context) -> Broker {
    let variables = environment::variables(unit, tree, cx);
    let variables: Vec<(String, String)> = variables.into_iter().map(|(name, value, _)| (name, value)).collect();
    let (image, question) = images::image(tree.word("image"), unit, &mut cx.values);
    let mut broker = postgres::broker(unit, image, &variables, cx);
    broker.questions.extend(question);
    broker.resources = resources(tree);
    dropped(unit, tree, "RabbitMQ", cx);
    broker
}

pub(super) fn backing(kind: KindName, unit: &str, tree: &Tree, cx: &mut Context) -> Backing {
    let variables = environment::variables(unit, tree, cx);
    let variables: Vec<(String, String)> = variables.into_iter().map(|(name, value, _)| (name, value)).collect();
    let (image, question) = images::image(tree.word("image"), unit, &mut cx.values);
    let literal = Values::fill(tree.word("image").unwrap_or_default()).literal;
    let listed = tree.list("command").iter().filter_map(|word| word.text().map(str::to_owned)).collect();
    let words = tree.word("command").and_then(command::split).unwrap_or(listed);
    let mut backing = backing::service(kind, unit, (image, &literal), (&variables, &words), cx);
    backing.questions.extend(question);
    backing.resources = resources(tree);
    dropped(unit, tree, kind.noun(), cx);
    backing
}

/// Limits of a service.
pub(super) fn resources(tree: &Tree) -> Resources {
    let limit = |key: &str| tree.at(&["deploy", "resources", "limits"]).and_then(|l| l.word(key));
    let text = |value: Option<&str>| value.map(|text| Values::fill(text).literal);
    Resources {
        memory: text(limit("memory").or(tree.word("mem_limit"))).and_then(|m| limits::memory_of_compose(&m)),
        cpu: text(limit("cpus").or(tree.word("cpus"))).and_then(|c| limits::cpu(&c)),
        pids: text(limit("pids").or(tree.word("pids_limit")))
            .and_then(|p| p.parse().ok())
            .filter(|p| (1..=32768).contains(p)),
    }
}

fn dropped(unit: &str, tree: &Tree, product: &str, cx: &mut Context) {
    for (key, value) in tree.entries() {
        match key.as_str() {
            "image" | "environment" | "env_file" | "volumes" | "deploy" | "mem_limit" | "cpus" | "healthcheck"
            | "ports" | "expose" | "container_name" | "hostname" | "networks" | "restart" => cx.notes.map(),
            "depends_on" => cx.notes.drop(
                value.line,
                format!("{unit}.{key}"),
                format!("{product} starts before everything that needs it"),
            ),
            _ => cx.notes.drop(
                value.line,
                format!("{unit}.{key}"),
                format!("dayfly starts and configures {product} itself"),
            ),
        }
    }
}
