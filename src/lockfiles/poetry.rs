//! `poetry.lock`. Pure.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::Spanned;

use super::error::Fault;
use super::graph::Graph;
use super::kind::LockFile;
use super::lines::{LineIndex, toml};
use crate::packages::{Ecosystem, Origin};

/// The index of packages without a source.
const PYPI: &str = "https://pypi.org/simple";

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    package: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: Spanned<String>,
    version: String,
    #[serde(default)]
    source: Option<Source>,
    #[serde(default)]
    files: Vec<ArchiveFile>,
    #[serde(default)]
    dependencies: BTreeMap<String, IgnoredAny>,
}

#[derive(Deserialize)]
struct Source {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    url: String,
}

#[derive(Deserialize)]
struct ArchiveFile {
    #[serde(default)]
    hash: Option<String>,
}

impl Source {
    fn origin(&self) -> Origin {
        match self.kind.as_str() {
            "git" => Origin::git(&self.url),
            "url" => Origin::address(&self.url),
            "file" => Origin::File,
            _ => Origin::registry(&self.url),
        }
    }
}

/// The file does not say what is explicit (`pyproject.toml` does): what nobody needs counts as that.
pub(super) fn read(text: &str, out: &mut LockFile) -> Result<(), Fault> {
    let document: Document = toml(text)?;
    let (lines, mut graph, pypi) = (LineIndex::new(text), Graph::default(), Ecosystem::pypi());
    for entry in &document.package {
        let name = entry.name.get_ref();
        entry.dependencies.keys().for_each(|d| graph.need(&pypi.normalise(name), &pypi.normalise(d)));
        // A folder of the project itself.
        if entry.source.as_ref().is_some_and(|s| s.kind == "directory") {
            continue;
        }
        if let Some(package) = out.add(name, &entry.version, Some(lines.line(entry.name.span().start))) {
            let locked = package.locked_mut();
            locked.origin = Some(entry.source.as_ref().map_or_else(|| Origin::registry(PYPI), Source::origin));
            entry.files.iter().filter_map(|f| f.hash.as_ref()).for_each(|hash| locked.hash(hash));
            entry.dependencies.keys().for_each(|d| out.need(d, None));
        }
    }
    graph.fill(&mut out.packages);
    Ok(())
}
