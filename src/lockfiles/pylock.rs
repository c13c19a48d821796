//! `pylock.toml` (PEP 751). Pure.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::Spanned;

use super::error::Fault;
use super::graph::Graph;
use super::kind::LockFile;
use super::lines::{LineIndex, toml};
use super::python::files;
use crate::packages::{Ecosystem, Locked, Origin};

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Document {
    lock_version: String,
    #[serde(default)]
    packages: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Entry {
    name: Spanned<String>,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    directory: Option<IgnoredAny>,
    #[serde(default)]
    index: Option<String>,
    #[serde(default)]
    vcs: Option<toml::Value>,
    #[serde(default)]
    archive: Option<toml::Value>,
    #[serde(default)]
    sdist: Option<toml::Value>,
    #[serde(default)]
    wheels: Option<toml::Value>,
    #[serde(default)]
    attestation_identities: Vec<BTreeMap<String, toml::Value>>,
    #[serde(default)]
    dependencies: Vec<Need>,
}

#[derive(Deserialize)]
struct Need {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    version: Option<String>,
}

/// The file does not say what is explicit: what nobody needs counts as that.
pub(super) fn read(text: &str, out: &mut LockFile) -> Result<(), Fault> {
    let document: Document = toml(text)?;
    if document.lock_version.split('.').next() != Some("1") {
        let version: String = document.lock_version.chars().take(20).collect();
        return Err(format!("its lock-version is {version:?}; dayfly reads version 1").into());
    }
    let (lines, mut graph, pypi) = (LineIndex::new(text), Graph::default(), Ecosystem::pypi());
    for entry in &document.packages {
        let name = entry.name.get_ref();
        let line = Some(lines.line(entry.name.span().start));
        for need in entry.dependencies.iter().filter_map(|n| n.name.as_ref()) {
            graph.need(&pypi.normalise(name), &pypi.normalise(need));
        }
        let has_more = [&entry.vcs, &entry.archive, &entry.sdist, &entry.wheels].iter().any(|o| o.is_some());
        match &entry.version {
            Some(version) => {
                if let Some(package) = out.add(name, version, line) {
                    note(entry, package.locked_mut());
                    for need in &entry.dependencies {
                        need.name.iter().for_each(|name| out.need(name, need.version.as_deref()));
                    }
                }
            }
            // A folder of the project itself.
            None if entry.directory.is_some() && !has_more => {}
            None => out.gap(format!("{name:?} has no version, because it does not come from an index"), line),
        }
    }
    // A file without `dependencies` says nothing of what brings what.
    if document.packages.iter().any(|p| !p.dependencies.is_empty()) {
        graph.fill(&mut out.packages);
    }
    Ok(())
}

/// Notes where a package comes from, and who attested it.
fn note(entry: &Entry, locked: &mut Locked) {
    let url = |of: &Option<toml::Value>| {
        let value = of.as_ref()?;
        Some(value.get("url").and_then(toml::Value::as_str).unwrap_or_default().to_owned())
    };
    locked.origin = match (url(&entry.vcs), url(&entry.archive)) {
        (Some(url), _) => Some(Origin::git(&url)),
        (None, Some(url)) if url.is_empty() => Some(Origin::File),
        (None, Some(url)) => Some(Origin::address(&url)),
        (None, None) => entry.index.as_deref().map(Origin::registry),
    };
    let wheels = entry.wheels.iter().filter_map(toml::Value::as_array).flatten();
    files(entry.sdist.iter().chain(&entry.archive).chain(wheels), locked);
    for identity in &entry.attestation_identities {
        let text = |key: &str| identity.get(key).and_then(toml::Value::as_str);
        let known = ["kind", "repository", "workflow", "workflow_filepath", "environment", "email", "sub"];
        locked.publisher(&known.iter().filter_map(|key| text(key)).collect::<Vec<_>>().join(" "));
    }
}
