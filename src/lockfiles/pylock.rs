//! `pylock.toml` (PEP 751). Pure.

use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::Spanned;

use super::error::Fault;
use super::graph::Graph;
use super::kind::LockFile;
use super::lines::{LineIndex, toml};
use crate::packages::Ecosystem;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Document {
    lock_version: String,
    #[serde(default)]
    packages: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: Spanned<String>,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    directory: Option<IgnoredAny>,
    #[serde(default)]
    vcs: Option<IgnoredAny>,
    #[serde(default)]
    archive: Option<IgnoredAny>,
    #[serde(default)]
    sdist: Option<IgnoredAny>,
    #[serde(default)]
    wheels: Option<IgnoredAny>,
    #[serde(default)]
    dependencies: Vec<Need>,
}

#[derive(Deserialize)]
struct Need {
    #[serde(default)]
    name: Option<String>,
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
            Some(version) => drop(out.add(name, version, line)),
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
