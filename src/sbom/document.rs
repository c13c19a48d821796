//! Targets → a CycloneDX document. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::component::{self, Component, MAX_TEXT, property};
use super::{Link, Target, TargetKind};
use crate::model::{Digest, sanitize};
use crate::packages::{Gap, Need, Package, encode};

/// Most gaps that are named.
const MAX_GAPS: usize = 200;
/// Most versions of a package that another one needs by its name alone.
const MAX_VERSIONS: usize = 20;

/// A document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sbom {
    /// `urn:uuid:…`, made of the content: all but the time.
    pub serial: String,
    /// The document, indented, with a line end.
    pub text: String,
    /// Packages that are left out because it would have been too large.
    pub left_out: usize,
}

/// The document of one image or lock file with at most `most` packages.
pub fn of_target(target: &Target, most: usize, at: Timestamp) -> Sbom {
    Document::new(&[(target, None)], most).end(subject(target, None), &reference(target), at)
}

/// The document of a folder with its lock files, and `gaps` beside them.
pub fn project(name: &str, targets: &[Target], gaps: &[Gap], at: Timestamp) -> Sbom {
    let targets: Vec<_> = targets.iter().map(|target| (target, None)).collect();
    whole(name, &targets, gaps, usize::MAX, at)
}

/// The document of an environment with what was looked at of it, each with its own document, and at most `most` packages.
pub fn environment(name: &str, targets: &[(&Target, Option<Link>)], most: usize, at: Timestamp) -> Sbom {
    whole(name, targets, &[], most, at)
}

fn whole(name: &str, targets: &[(&Target, Option<Link>)], gaps: &[Gap], most: usize, at: Timestamp) -> Sbom {
    let key = format!("application/{}", encode(name));
    let mut document = Document::new(targets, most);
    document.note(&key, gaps);
    let parts: BTreeMap<String, Value> =
        targets.iter().map(|(t, link)| (reference(t), subject(t, link.as_ref()))).collect();
    document.edges.insert(key.clone(), parts.keys().cloned().collect());
    document.parts = parts.into_values().collect();
    let root = json!({"type": "application", "bom-ref": key, "name": shown(name)});
    document.end(root, &key, at)
}

/// The key of a target.
fn reference(target: &Target) -> String {
    match target.kind {
        TargetKind::Image => {
            format!("image/{}@{}", encode(&target.name), encode(target.digest.as_deref().unwrap_or_default()))
        }
        TargetKind::LockFile => format!("file/{}", encode(&target.name)),
    }
}

/// A target as a component.
fn subject(target: &Target, link: Option<&Link>) -> Value {
    let kind = match target.kind {
        TargetKind::Image => "container",
        TargetKind::LockFile => "file",
    };
    let mut out = json!({"type": kind, "bom-ref": reference(target), "name": shown(&target.name)});
    if let Some(digest) = target.digest.as_ref().and_then(|d| d.parse::<Digest>().ok()) {
        out["version"] = digest.to_string().into();
        out["hashes"] = json!([sha256(&digest.hex())]);
    }
    if let Some(link) = link {
        let url = link.serial.replacen("urn:uuid:", "urn:cdx:", 1);
        out["externalReferences"] =
            json!([{"type": "bom", "url": format!("{url}/1"), "hashes": [sha256(&link.sha256)]}]);
    }
    out
}

fn sha256(digits: &str) -> Value {
    json!({"alg": "SHA-256", "content": digits})
}

fn shown(name: &str) -> String {
    sanitize::one_line(name, MAX_TEXT)
}

#[derive(Default)]
struct Document<'a> {
    components: BTreeMap<String, Component<'a>>,
    edges: BTreeMap<String, BTreeSet<String>>,
    parts: Vec<Value>,
    gaps: Vec<String>,
    incomplete: BTreeSet<String>,
    known: BTreeSet<String>,
    left_out: usize,
}

impl<'a> Document<'a> {
    fn new(targets: &[(&'a Target, Option<Link>)], most: usize) -> Self {
        let mut document = Self::default();
        for (target, _) in targets {
            component::add(&mut document.components, &target.packages);
        }
        document.left_out = document.components.len().saturating_sub(most);
        if document.left_out > 0 {
            document.components = std::mem::take(&mut document.components).into_iter().take(most).collect();
        }
        for (target, _) in targets {
            document.relate(target);
        }
        document
    }

    /// Notes what a target has, and what its packages need.
    fn relate(&mut self, target: &Target) {
        let key = reference(target);
        let has = |package: &Package| Some(component::reference(package)).filter(|r| self.components.contains_key(r));
        // Of a lock file that says what is explicit, what is explicit.
        let explicit: Vec<&Package> = target.packages.iter().filter(|p| p.brought_by.contains(&p.name)).collect();
        let direct = if explicit.is_empty() { target.packages.iter().collect() } else { explicit };
        let direct: BTreeSet<String> = direct.into_iter().filter_map(has).collect();
        let mut named: BTreeMap<&str, BTreeMap<&str, String>> = BTreeMap::new();
        for package in &target.packages {
            if let Some(reference) = has(package) {
                named.entry(&package.name).or_default().insert(&package.version, reference);
            }
        }
        for package in target.packages.iter().filter(|p| !p.needs.is_empty()) {
            let Some(from) = has(package) else { continue };
            let of = |need: &Need| -> Vec<String> {
                let all = named.get(need.name.as_str());
                match &need.version {
                    Some(version) => all.and_then(|all| all.get(version.as_str())).cloned().into_iter().collect(),
                    None => all.into_iter().flat_map(BTreeMap::values).take(MAX_VERSIONS).cloned().collect(),
                }
            };
            let needs: Vec<String> = package.needs.iter().flat_map(of).filter(|to| *to != from).collect();
            self.edges.entry(from).or_default().extend(needs);
        }
        self.edges.entry(key.clone()).or_default().extend(direct);
        self.note(&key, &target.gaps);
        if self.left_out > 0 {
            self.incomplete.insert(key.clone());
        }
        self.known.insert(key);
    }

    /// Notes what is missing.
    fn note(&mut self, key: &str, gaps: &[Gap]) {
        self.gaps.extend(gaps.iter().map(|gap| format!("{}: {}", gap.place, gap.reason)));
        if !gaps.is_empty() {
            self.incomplete.insert(key.to_owned());
        }
    }

    /// The document about `root`, whose key this is.
    fn end(mut self, root: Value, key: &str, at: Timestamp) -> Sbom {
        self.known.insert(key.to_owned());
        if !self.incomplete.is_empty() {
            self.incomplete.insert(key.to_owned());
        }
        let components: Vec<Value> = self.components.iter().map(|(key, component)| component.json(key)).collect();
        for key in self.components.keys() {
            self.edges.entry(key.clone()).or_default();
        }
        let edge = |(key, to): (&String, &BTreeSet<String>)| match to.is_empty() {
            true => json!({"ref": key}),
            false => json!({"ref": key, "dependsOn": to}),
        };
        // Nobody can know that a list is complete.
        let unknown: Vec<&String> = self.known.difference(&self.incomplete).collect();
        let aggregates = [("incomplete", self.incomplete.iter().collect()), ("unknown", unknown)];
        let compositions = aggregates.into_iter().filter(|(_, keys)| !keys.is_empty());
        let mut gaps: Vec<Value> = self.gaps.iter().take(MAX_GAPS).map(|gap| property("dayfly:gap", gap)).collect();
        if self.gaps.len() > MAX_GAPS {
            gaps.push(property("dayfly:gap", &format!("and {} more", self.gaps.len() - MAX_GAPS)));
        }
        if self.left_out > 0 {
            let why = format!("{} package(s) are left out, because the document would be too large", self.left_out);
            gaps.push(property("dayfly:gap", &why));
        }
        let tool = json!({"type": "application", "name": "dayfly", "version": env!("CARGO_PKG_VERSION")});
        let mut document = json!({
            "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "version": 1,
            "metadata": {"tools": {"components": [tool]}, "component": root},
            "components": self.parts.into_iter().chain(components).collect::<Vec<_>>(),
            "dependencies": self.edges.iter().map(edge).collect::<Vec<_>>(),
            "compositions": compositions
                .map(|(aggregate, keys)| json!({"aggregate": aggregate, "dependencies": keys}))
                .collect::<Vec<_>>(),
        });
        if !gaps.is_empty() {
            document["metadata"]["properties"] = gaps.into();
        }
        let serial = serial(&document);
        document["serialNumber"] = serial.as_str().into();
        document["metadata"]["timestamp"] = at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into();
        Sbom { serial, text: format!("{document:#}\n"), left_out: self.left_out }
    }
}

/// A UUID of version 8 (RFC 9562) that is made of the content.
fn serial(content: &Value) -> String {
    let digest = Digest::compute_json(content);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.as_bytes()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid().urn().to_string()
}
