//! `Cargo.lock`. Pure.

use serde::Deserialize;
use toml::Spanned;

use super::error::Fault;
use super::graph::Graph;
use super::kind::LockFile;
use super::lines::{LineIndex, toml};

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
    source: Option<String>,
    #[serde(default)]
    dependencies: Vec<String>,
}

/// Packages without a source are members of the workspace: their own dependencies are explicit.
pub(super) fn read(text: &str, out: &mut LockFile) -> Result<(), Fault> {
    let document: Document = toml(text)?;
    let (lines, mut graph) = (LineIndex::new(text), Graph::default());
    for entry in &document.package {
        let name = entry.name.get_ref();
        let needs = entry.dependencies.iter().filter_map(|d| d.split(' ').next());
        if entry.source.is_none() {
            needs.for_each(|n| graph.require(n));
            continue;
        }
        needs.for_each(|n| graph.need(name, n));
        out.add(name, &entry.version, Some(lines.line(entry.name.span().start)));
    }
    graph.fill(&mut out.packages);
    Ok(())
}
