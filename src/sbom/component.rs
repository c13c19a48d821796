//! Packages as components: one for each version, with every place where it was found. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::hash;
use crate::model::sanitize;
use crate::packages::{Package, Place, encode};

/// Most places of a component.
const MAX_PLACES: usize = 50;
/// Most hashes of a component's files.
const MAX_HASHES: usize = 200;
/// Longest path in characters.
pub(super) const MAX_TEXT: usize = 600;

/// A package in one version, wherever it is.
pub(super) struct Component<'a> {
    package: &'a Package,
    places: BTreeSet<&'a Place>,
    hashes: BTreeSet<&'a str>,
    sources: BTreeSet<String>,
    inside_of: BTreeSet<&'a str>,
}

/// The key of a package: its package URL, or for ecosystems without one a path of the same parts.
pub(super) fn reference(package: &Package) -> String {
    package.purl().unwrap_or_else(|| {
        let parts = [package.ecosystem.as_str(), &package.name, &package.version].map(encode);
        format!("package/{}", parts.join("/"))
    })
}

/// Adds packages by their keys.
pub(super) fn add<'a>(all: &mut BTreeMap<String, Component<'a>>, packages: &'a [Package]) {
    for package in packages {
        all.entry(reference(package)).or_insert_with(|| Component::new(package)).add(package);
    }
}

impl<'a> Component<'a> {
    fn new(package: &'a Package) -> Self {
        let (places, hashes) = (BTreeSet::new(), BTreeSet::new());
        Self { package, places, hashes, sources: BTreeSet::new(), inside_of: BTreeSet::new() }
    }

    fn add(&mut self, package: &'a Package) {
        self.places.insert(&package.place);
        self.hashes.extend(package.locked.iter().flat_map(|locked| locked.hashes.iter().map(String::as_str)));
        self.sources.extend(package.source.as_ref().map(|s| format!("{}@{}", s.name, s.version)));
        self.inside_of.extend(package.vendored_in.as_deref());
    }

    /// The component as CycloneDX writes it.
    pub(super) fn json(&self, reference: &str) -> Value {
        let Package { ecosystem, name, version, .. } = self.package;
        let mut out = Map::new();
        // A package of npm's may be of a scope.
        let scope = name.split_once('/').filter(|(scope, _)| ecosystem.base() == "npm" && scope.starts_with('@'));
        let (group, name) = scope.map_or((None, name.as_str()), |(group, name)| (Some(group), name));
        out.extend(group.map(|group| ("group".to_owned(), group.into())));
        out.insert("type".into(), "library".into());
        out.insert("bom-ref".into(), reference.into());
        out.insert("name".into(), name.into());
        out.insert("version".into(), version.as_str().into());
        let mut properties = vec![];
        match self.package.purl() {
            Some(purl) => drop(out.insert("purl".into(), purl.into())),
            None => properties.push(property("dayfly:ecosystem", ecosystem.as_str())),
        }
        let (hashes, of_files) = self.hashes();
        if !hashes.is_empty() {
            out.insert("hashes".into(), hashes.into());
        }
        let places: Vec<Value> = self.places.iter().take(MAX_PLACES).map(|place| occurrence(place)).collect();
        out.insert("evidence".into(), json!({ "occurrences": places }));
        properties.extend(self.sources.iter().map(|source| property("dayfly:source", source)));
        properties.extend(self.inside_of.iter().map(|owner| property("dayfly:inside-of", owner)));
        properties.extend(of_files);
        if self.places.len() > MAX_PLACES {
            properties.push(property("dayfly:more-places", &(self.places.len() - MAX_PLACES).to_string()));
        }
        if !properties.is_empty() {
            out.insert("properties".into(), properties.into());
        }
        out.into()
    }

    /// The hashes of the component if it is one file; otherwise properties with those of its files: CycloneDX knows only the former.
    fn hashes(&self) -> (Vec<Value>, Vec<Value>) {
        let parsed: Vec<_> = self.hashes.iter().filter_map(|text| hash::parse(text)).collect();
        let by: BTreeMap<&str, &String> = parsed.iter().map(|(algorithm, digits)| (*algorithm, digits)).collect();
        if by.len() == parsed.len() && parsed.len() == self.hashes.len() {
            return (by.into_iter().map(|(alg, content)| json!({"alg": alg, "content": content})).collect(), vec![]);
        }
        let mut all: Vec<Value> =
            self.hashes.iter().take(MAX_HASHES).map(|hash| property("dayfly:file-hash", hash)).collect();
        if self.hashes.len() > MAX_HASHES {
            all.push(property("dayfly:more-file-hashes", &(self.hashes.len() - MAX_HASHES).to_string()));
        }
        (vec![], all)
    }
}

/// A property, as one harmless line.
pub(super) fn property(name: &str, value: &str) -> Value {
    json!({"name": name, "value": sanitize::one_line(value, MAX_TEXT)})
}

fn occurrence(place: &Place) -> Value {
    let location = sanitize::one_line(&place.file, MAX_TEXT);
    match place.line {
        Some(line) => json!({"location": location, "line": line}),
        None => json!({"location": location}),
    }
}
