//! Volumes, configurations and secrets of a service: files, writable folders, generated secrets.

use crate::import::context::{Context, TOO_MUCH};
use crate::import::draft::{FileSource, Service};
use crate::import::hosts;
use crate::import::mounts::{self, withheld};
use crate::import::secret;
use crate::import::source::{Folder, Found};
use crate::import::tree::Tree;
use crate::import::variables::Values;

/// Takes over what is mounted.
pub(super) fn take(name: &str, tree: &Tree, root: &Tree, service: &mut Service, cx: &mut Context) {
    for item in tree.list("volumes") {
        let written = Values::fill(item.text().unwrap_or_default()).literal;
        let word = |key: &str| item.word(key).map(|text| Values::fill(text).literal);
        let (source, target) = match (item.text(), word("target")) {
            (Some(_), _) => short(&written),
            (None, Some(target)) => (word("source").filter(|_| word("type").as_deref() != Some("tmpfs")), target),
            (None, None) => continue,
        };
        mount(name, item.line, source.as_deref(), &target, service, cx);
    }
    for target in tree.get("tmpfs").map(Tree::texts).unwrap_or_default() {
        cx.notes.map();
        mounts::writable(target.split(':').next().unwrap_or_default(), service);
    }
    for item in tree.list("configs") {
        config(name, item, root, service, cx);
    }
    for item in tree.list("secrets") {
        let Some(source) = item.text().or_else(|| item.word("source")) else { continue };
        cx.notes.map();
        let secret = cx.secrets.named(source);
        service.receives(&secret);
        if let Some(target) = item.word("target").filter(|target| *target != secret) {
            service.ask("secrets", format!("it expects the secret at {target}: can it read /run/secrets/{secret}?"));
        }
    }
}

/// Source and target of `source:target:mode`, or of a target alone.
fn short(text: &str) -> (Option<String>, String) {
    let mut parts = text.split(':');
    match (parts.next(), parts.next()) {
        (Some(source), Some(target)) => (Some(source.to_owned()), target.to_owned()),
        (target, _) => (None, target.unwrap_or_default().to_owned()),
    }
}

fn mount(name: &str, line: usize, source: Option<&str>, target: &str, service: &mut Service, cx: &mut Context) {
    let place = format!("{name}.volumes {target}");
    match source {
        Some(source) if source.starts_with(['.', '/', '~']) || source.contains('/') => match cx.folder.read(source) {
            _ if source.ends_with("docker.sock") => {
                cx.notes.drop(line, place, "a container never gets power over the machine")
            }
            Found::Text(text) => file(Folder::inner(source).unwrap_or_default(), &text, target, service, cx),
            Found::Folder => cx.notes.drop(line, place, format!("{source} is a folder: build it into the image")),
            Found::Nothing(why) => cx.notes.drop(line, place, format!("{source}: {why}; build it into the image")),
        },
        _ => {
            cx.notes.map();
            mounts::writable(target, service);
        }
    }
}

/// A file beside the input, which a service reads at another path.
fn file(path: String, text: &str, target: &str, service: &mut Service, cx: &mut Context) {
    cx.notes.map();
    for unit in hosts::mentions_in_lines(text, &cx.names) {
        service.needs(&unit, false, Some(&path));
    }
    if !cx.folder.is_home && (secret::is_in_file(&path, text) || secret::is_in_file(target, text)) {
        return service.ask("files", withheld(&path));
    }
    if !cx.folder.is_home && !cx.affords(text.len()) {
        return service.ask("files", format!("{path} is not copied: {TOO_MUCH}"));
    }
    let source = if cx.folder.is_home { FileSource::Path(path) } else { FileSource::Text(text.to_owned()) };
    mounts::file(target, source, service);
}

fn config(name: &str, item: &Tree, root: &Tree, service: &mut Service, cx: &mut Context) {
    let Some(source) = item.text().or_else(|| item.word("source")) else { return };
    let target = item.word("target").map_or_else(|| format!("/{source}"), str::to_owned);
    let place = format!("{name}.configs {source}");
    let Some(declared) = root.at(&["configs", source]) else {
        return cx.notes.drop(item.line, place, "the input does not declare it");
    };
    if let Some(content) = declared.word("content") {
        if !cx.affords(content.len()) {
            return cx.notes.drop(item.line, place, TOO_MUCH);
        }
        cx.notes.map();
        let content = Values::fill(content).literal;
        if [source, target.as_str()].iter().any(|name| secret::is_in_file(name, &content)) {
            return service.ask("files", withheld(&target));
        }
        for unit in hosts::mentions_in_lines(&content, &cx.names) {
            service.needs(&unit, false, Some(source));
        }
        return mounts::file(&target, FileSource::Text(content), service);
    }
    let path = declared.word("file").map(|path| Values::fill(path).literal).unwrap_or_default();
    match cx.folder.read(&path) {
        Found::Text(text) => file(Folder::inner(&path).unwrap_or_default(), &text, &target, service, cx),
        Found::Folder => cx.notes.drop(item.line, place, "it is a folder"),
        Found::Nothing(why) => cx.notes.drop(item.line, place, why),
    }
}
