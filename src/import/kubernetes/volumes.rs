//! Mounts of a container: files, writable folders, generated secrets.

use std::collections::BTreeSet;

use super::data::Data;
use super::variables::marker;
use crate::import::context::{Context, TOO_MUCH};
use crate::import::draft::{FileSource, Service};
use crate::import::hosts;
use crate::import::mounts::{self, withheld};
use crate::import::secret;
use crate::import::tree::Tree;

/// Most mounts of a container, and files of one mount.
const MAX_MOUNTS: usize = 100;
const MAX_FILES: usize = 100;
/// Most secrets of a service.
const MAX_SECRETS: usize = 200;

pub(super) fn take(
    unit: &str,
    pod: &Tree,
    claims: &[Tree],
    container: &Tree,
    data: &Data,
    service: &mut Service,
    cx: &mut Context,
) {
    for mount in container.list("volumeMounts").iter().take(MAX_MOUNTS) {
        let (Some(name), Some(path)) = (mount.word("name"), mount.word("mountPath")) else { continue };
        let place = format!("{unit}.volumeMounts {path}");
        let volume = pod.list("volumes").iter().find(|v| v.word("name") == Some(name));
        let is_claim = claims.iter().any(|c| c.at(&["metadata"]).and_then(|m| m.word("name")) == Some(name));
        let Some(volume) = volume else {
            if is_claim {
                cx.notes.map();
                mounts::writable(path, service);
            } else {
                cx.notes.drop(mount.line, place, "the pod has no such volume");
            }
            continue;
        };
        if volume.get("emptyDir").is_some()
            || volume.get("persistentVolumeClaim").is_some()
            || volume.get("ephemeral").is_some()
        {
            cx.notes.map();
            mounts::writable(path, service);
        } else if let Some(map) = volume.get("configMap") {
            cx.notes.map();
            files(map, mount, path, data, service, cx);
        } else if let Some(secret) = volume.get("secret") {
            cx.notes.map();
            secrets(secret, path, data, service, cx);
        } else if let Some(projected) = volume.get("projected") {
            for source in projected.list("sources").iter().take(MAX_MOUNTS) {
                if let Some(map) = source.get("configMap") {
                    files(map, mount, path, data, service, cx);
                } else if let Some(secret) = source.get("secret") {
                    secrets(secret, path, data, service, cx);
                }
            }
        } else {
            cx.notes.drop(mount.line, place, "units share no files with the node or with each other");
        }
    }
}

fn files(map: &Tree, mount: &Tree, path: &str, data: &Data, service: &mut Service, cx: &mut Context) {
    let Some(name) = map.word("name") else { return };
    let items: BTreeSet<&str> = map.list("items").iter().take(MAX_FILES).filter_map(|item| item.word("key")).collect();
    let wanted = |key: &str| items.is_empty() || items.contains(key);
    let sub = mount.word("subPath");
    let known = data.config(name);
    if known.is_empty() {
        return service.ask(
            "files",
            format!("it reads {path} from the ConfigMap {name}, which the input does not have: what is in it?"),
        );
    }
    for (key, text) in known.iter().filter(|(key, _)| wanted(key) && sub.is_none_or(|sub| sub == key)).take(MAX_FILES) {
        let target = if sub.is_some() { path.to_owned() } else { format!("{}/{key}", path.trim_end_matches('/')) };
        if !cx.affords(text.len()) {
            return service.ask("files", format!("{target} is not copied: {TOO_MUCH}"));
        }
        for unit in hosts::mentions_in_lines(text, &cx.names) {
            service.needs(&unit, false, Some(key));
        }
        if secret::is_in_file(key, text) || secret::is_in_file(&target, text) {
            service.ask("files", withheld(&target));
            continue;
        }
        mounts::file(&target, FileSource::Text(text.clone()), service);
    }
}

fn secrets(secret: &Tree, path: &str, data: &Data, service: &mut Service, cx: &mut Context) {
    let Some(name) = secret.word("secretName").or(secret.word("name")) else { return };
    let items: Vec<String> = secret.list("items").iter().filter_map(|i| i.word("key").map(str::to_owned)).collect();
    let keys = if items.is_empty() { data.secret(name).to_vec() } else { items };
    if keys.is_empty() {
        return service.ask(
            "secrets",
            format!(
                "it reads {path} from the Secret {name}, which the input does not have: which secrets does it need?"
            ),
        );
    }
    for key in keys.iter().take(MAX_FILES.min(MAX_SECRETS.saturating_sub(service.secrets.len()))) {
        let generated = cx.secrets.of(&format!("{name}-{key}"), &format!("${{{}}}", marker(name, key)));
        service.receives(&generated);
        let question = format!(
            "it reads the secret {}/{key}: can it read /run/secrets/{generated}, and may it be any text?",
            path.trim_end_matches('/')
        );
        service.ask("secrets", question);
    }
}
