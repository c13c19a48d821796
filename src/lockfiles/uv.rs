//! `uv.lock`. Pure.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::error::Fault;
use super::graph::Graph;
use super::kind::LockFile;
use super::lines::{LineIndex, toml};
use super::python::files;
use crate::packages::{Ecosystem, Origin};

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Document {
    version: u32,
    /// uv reads the name that it had first, too.
    #[serde(default, alias = "distribution")]
    package: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Entry {
    name: Spanned<String>,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    source: BTreeMap<String, toml::Value>,
    #[serde(default)]
    sdist: Option<toml::Value>,
    #[serde(default)]
    wheels: Vec<toml::Value>,
    #[serde(default)]
    dependencies: Vec<Need>,
    #[serde(default)]
    optional_dependencies: BTreeMap<String, Vec<Need>>,
    #[serde(default)]
    dev_dependencies: BTreeMap<String, Vec<Need>>,
}

#[derive(Deserialize)]
struct Need {
    name: String,
    #[serde(default)]
    version: Option<String>,
}

/// Packages of this folder are members of the workspace: their own dependencies are explicit.
pub(super) fn read(text: &str, out: &mut LockFile) -> Result<(), Fault> {
    let document: Document = toml(text)?;
    if document.version != 1 {
        return Err(format!("its version is {}; dayfly reads version 1", document.version).into());
    }
    let (lines, mut graph, pypi) = (LineIndex::new(text), Graph::default(), Ecosystem::pypi());
    for entry in &document.package {
        let name = entry.name.get_ref();
        let line = Some(lines.line(entry.name.span().start));
        let more = entry.optional_dependencies.values().chain(entry.dev_dependencies.values()).flatten();
        let said: Vec<&Need> = entry.dependencies.iter().chain(more).collect();
        let needs: Vec<String> = said.iter().map(|n| pypi.normalise(&n.name)).collect();
        // uv takes a source with several kinds for a registry before it takes it for a folder.
        let is_folder = |kind: &String| ["virtual", "editable", "directory"].contains(&kind.as_str());
        if !entry.source.is_empty() && entry.source.keys().all(is_folder) {
            needs.iter().for_each(|n| graph.require(n));
            continue;
        }
        needs.iter().for_each(|n| graph.need(&pypi.normalise(name), n));
        match &entry.version {
            Some(version) => {
                if let Some(package) = out.add(name, version, line) {
                    let locked = package.locked_mut();
                    locked.origin = origin(&entry.source);
                    files(entry.sdist.iter().chain(&entry.wheels), locked);
                    said.iter().for_each(|n| out.need(&n.name, n.version.as_deref()));
                }
            }
            None => out.gap(format!("{name:?} has no version"), line),
        }
    }
    graph.fill(&mut out.packages);
    Ok(())
}

fn origin(source: &BTreeMap<String, toml::Value>) -> Option<Origin> {
    let at = |key: &str| source.get(key).and_then(toml::Value::as_str);
    // In the order in which uv takes a source with several kinds.
    match (at("registry"), at("git"), at("url"), at("path")) {
        (Some(url), ..) => Some(Origin::registry(url)),
        (None, Some(url), ..) => Some(Origin::git(url)),
        (None, None, Some(url), _) => Some(Origin::address(url)),
        (None, None, None, Some(_)) => Some(Origin::File),
        _ => None,
    }
}
