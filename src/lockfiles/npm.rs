//! `package-lock.json`, versions 1 to 3. Pure.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::archive::is_archive;
use super::error::Fault;
use super::graph::Graph;
use super::kind::LockFile;
use super::lines::json;
use super::node::Lookup;
use crate::packages::Origin;

/// Deepest nesting of version 1.
const MAX_DEPTH: usize = 60;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    #[serde(default)]
    lockfile_version: Option<u32>,
    #[serde(default)]
    packages: Option<BTreeMap<String, Entry>>,
    #[serde(default)]
    dependencies: Option<BTreeMap<String, Nested>>,
}

/// Of versions 2 and 3, by its path.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    link: bool,
    #[serde(flatten)]
    said: Said,
    #[serde(default)]
    dependencies: BTreeMap<String, IgnoredAny>,
    #[serde(default)]
    dev_dependencies: BTreeMap<String, IgnoredAny>,
    #[serde(default)]
    optional_dependencies: BTreeMap<String, IgnoredAny>,
    #[serde(default)]
    peer_dependencies: BTreeMap<String, IgnoredAny>,
}

/// What an entry says beside its version.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    #[serde(default)]
    resolved: Value,
    #[serde(default)]
    integrity: Option<String>,
    #[serde(default)]
    has_install_script: bool,
    #[serde(default)]
    deprecated: Value,
}

/// Of version 1, inside of those that need it.
#[derive(Deserialize)]
struct Nested {
    version: String,
    #[serde(flatten)]
    said: Said,
    #[serde(default)]
    requires: Value,
    #[serde(default)]
    dependencies: BTreeMap<String, Nested>,
}

pub(super) fn read(text: &str, out: &mut LockFile) -> Result<(), Fault> {
    let document: Document = json(text)?;
    let mut graph = Graph::default();
    match (document.lockfile_version, document.packages, document.dependencies) {
        (Some(2 | 3), Some(packages), dependencies) => {
            flat(&packages, &mut graph, out);
            // npm before 7 reads only these.
            let mut older = LockFile::empty(&out.path, out.kind);
            nested(&dependencies.unwrap_or_default(), 0, &mut graph, &mut older)?;
            out.join(older);
        }
        (None | Some(1), None, dependencies) => nested(&dependencies.unwrap_or_default(), 0, &mut graph, out)?,
        (version, ..) => {
            let version = version.map_or("missing".to_owned(), |v| v.to_string());
            return Err(format!("its lockfileVersion is {version}; dayfly reads 1, 2 and 3").into());
        }
    }
    graph.fill(&mut out.packages);
    Ok(())
}

fn flat(packages: &BTreeMap<String, Entry>, graph: &mut Graph, out: &mut LockFile) {
    let mut lookup = Lookup::new();
    for (path, entry) in packages {
        let maps =
            [&entry.dependencies, &entry.dev_dependencies, &entry.optional_dependencies, &entry.peer_dependencies];
        let needs = maps.into_iter().flat_map(|m| m.keys());
        // The project itself and its workspaces are outside of node_modules.
        let Some((_, installed_as)) = path.rsplit_once("node_modules/") else {
            needs.for_each(|n| graph.require(n));
            if entry.said.resolved.as_str().is_some_and(|from| from.contains(':')) {
                out.gap(format!("{path:?} is a folder, and comes from an address"), None);
            }
            continue;
        };
        if entry.link {
            continue;
        }
        // An alias has the real name beside it.
        let name = entry.name.as_deref().unwrap_or(installed_as);
        if name != installed_as {
            graph.need(installed_as, name);
        }
        needs.for_each(|n| graph.need(name, n));
        match &entry.version {
            Some(version) if add(name, version, &entry.said, out) => {
                for need in maps.into_iter().flat_map(|m| m.keys()) {
                    let found = lookup.find(packages, path, need);
                    let real = found.and_then(|e| e.name.as_deref()).unwrap_or(need);
                    out.need(real, found.and_then(|e| e.version.as_deref()));
                }
            }
            Some(_) => {}
            None => out.gap(format!("{name:?} has no version"), None),
        }
    }
}

fn nested(of: &BTreeMap<String, Nested>, depth: usize, graph: &mut Graph, out: &mut LockFile) -> Result<(), Fault> {
    if depth > MAX_DEPTH {
        return Err("its dependencies are nested too deep".into());
    }
    for (name, entry) in of {
        // `npm:real@1.2.3` is an alias.
        let (real, version) = match entry.version.strip_prefix("npm:").and_then(|a| a.rsplit_once('@')) {
            Some((real, version)) => (real, version),
            None => (name.as_str(), entry.version.as_str()),
        };
        if real != name {
            graph.need(name, real);
        }
        let needs = entry.requires.as_object().into_iter().flat_map(|m| m.keys());
        needs.for_each(|n| graph.need(real, n));
        if !version.starts_with("file:") || is_archive(version) {
            let needs = entry.requires.as_object().into_iter().flat_map(|m| m.keys());
            if add(real, version, &entry.said, out) {
                needs.for_each(|n| out.need(n, None));
            }
        }
        nested(&entry.dependencies, depth + 1, graph, out)?;
    }
    Ok(())
}

/// A version that is an address (a git repository, an archive) cannot be looked up, and neither can what npm takes from elsewhere.
/// Returns true if it was added.
fn add(name: &str, version: &str, said: &Said, out: &mut LockFile) -> bool {
    if version.contains([':', '/']) {
        out.gap(format!("{name:?} has no version, because it does not come from a registry"), None);
        return false;
    }
    if !is_of_registry(name, version, &said.resolved) {
        let from: String = said.resolved.to_string().chars().take(120).collect();
        out.gap(format!("{name:?} {version} comes from {from}, which is not where a registry has it"), None);
    }
    let Some(package) = out.add(name, version, None) else { return false };
    let locked = package.locked_mut();
    locked.origin = said.resolved.as_str().map(Origin::of_npm);
    locked.install_code = said.has_install_script;
    said.integrity.iter().flat_map(|all| all.split_whitespace()).for_each(|hash| locked.hash(hash));
    said.deprecated.as_str().into_iter().for_each(|why| locked.deprecate(why));
    true
}

/// Returns true if npm takes the package from the place that registries have for this name and version, or if that is left to it.
fn is_of_registry(name: &str, version: &str, resolved: &Value) -> bool {
    let from = match resolved {
        Value::Null | Value::Bool(false) => return true,
        Value::String(from) => from,
        _ => return false,
    };
    let Some(from) = from.strip_prefix("https://").or_else(|| from.strip_prefix("http://")) else { return false };
    let path = from.split('#').next().unwrap_or(from).replace("%2f", "/").replace("%2F", "/");
    if path.contains(['?', '\\']) || path.split('/').any(|part| part == "." || part == "..") {
        return false;
    }
    let last = name.rsplit('/').next().unwrap_or(name);
    // Registries leave out build metadata.
    let version = version.split('+').next().unwrap_or(version);
    // npm's own place, that of GitLab and Artifactory, and that of GitHub with a digest.
    let is_plain = [last, name].iter().any(|file| path.ends_with(&format!("/{name}/-/{file}-{version}.tgz")));
    let digest = path.split_once(&format!("/download/{name}/{version}/")).map(|(_, digest)| digest);
    is_plain || digest.is_some_and(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_hexdigit()))
}
