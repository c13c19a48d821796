//! `Cargo.lock`. Pure.

use serde::Deserialize;
use toml::Spanned;

use super::error::Fault;
use super::graph::Graph;
use super::kind::LockFile;
use super::lines::{LineIndex, toml};
use crate::packages::Origin;

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
    checksum: Option<String>,
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
        let Some(source) = &entry.source else {
            needs.for_each(|n| graph.require(n));
            continue;
        };
        needs.for_each(|n| graph.need(name, n));
        if let Some(package) = out.add(name, &entry.version, Some(lines.line(entry.name.span().start))) {
            let is_git = source.starts_with("git+");
            let locked = package.locked_mut();
            locked.origin = Some(if is_git { Origin::git(source) } else { Origin::registry(source) });
            entry.checksum.iter().for_each(|hash| locked.hash(hash));
            for need in &entry.dependencies {
                // The version stands there if the name alone says too little.
                let mut words = need.split(' ');
                words.next().into_iter().for_each(|name| out.need(name, words.next()));
            }
        }
    }
    graph.fill(&mut out.packages);
    Ok(())
}
