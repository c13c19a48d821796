//! The files of an image → packages and gaps. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::Inventory;
use super::debian::{self, Control};
use super::fact::Fact;
use super::named::Named;
use super::program;
use super::python;
use super::release::Release;
use super::role::{self, Role, Unread};
use super::tree::{Found, Tree};
use crate::model::sanitize;
use crate::packages::{Ecosystem, Gap, Package, Place, Scheme};

/// dpkg's folder.
const DPKG: &str = "var/lib/dpkg";
/// Most gaps that are kept one by one.
const MAX_GAPS: usize = 1000;
/// Most packages of an archive.
const MAX_PACKAGES: usize = 200_000;
/// Longest path in a place, in characters.
const MAX_SHOWN: usize = 400;

/// Collects what the images of an archive have.
pub(super) struct Collector<'a> {
    name: &'a str,
    out: Inventory,
    left_out: usize,
}

impl<'a> Collector<'a> {
    pub(super) fn new(name: &'a str) -> Self {
        Self { name, out: Inventory::default(), left_out: 0 }
    }

    /// Notes what cannot be looked up at a path; the empty path is the image itself.
    pub(super) fn gap(&mut self, path: &str, reason: String) {
        if self.out.gaps.len() >= MAX_GAPS {
            self.left_out += 1;
            return;
        }
        let gap = Gap { place: self.place(path), reason: sanitize::one_line(&reason, 300) };
        if !self.out.gaps.contains(&gap) {
            self.out.gaps.push(gap);
        }
    }

    /// Adds what an image has.
    pub(super) fn collect(&mut self, tree: &Tree) {
        let before = self.out.packages.len();
        let owned = self.dpkg(tree);
        let mut unread: BTreeMap<Unread, (usize, &String)> = BTreeMap::new();
        for (path, fact) in tree.facts() {
            // Advisories of the distribution speak of what belongs to its packages.
            let is_program = matches!(fact, Fact::Program(_));
            if owned.contains(path) || (is_program && owned.contains(program::without_usr(path))) {
                continue;
            }
            match fact {
                Fact::Python(named) => self.add(Ecosystem::pypi(), named, path, python::vendor(path)),
                Fact::Npm(named) => self.add(Ecosystem::npm(), named, path, None),
                Fact::Program(program) => {
                    program.go.iter().for_each(|named| self.add(Ecosystem::go(), named, path, None));
                    program.rust.iter().for_each(|named| self.add(Ecosystem::crates_io(), named, path, None));
                    for kind in &program.unread {
                        unread.entry(*kind).or_insert((0, path)).0 += 1;
                    }
                }
                Fact::Unread(kind) => unread.entry(*kind).or_insert((0, path)).0 += 1,
                Fact::Broken(why) if matches!(Role::of(path), Some(Role::Python | Role::Npm)) => {
                    self.gap(path, why.clone());
                }
                _ => {}
            }
        }
        let has_system = unread.keys().any(|kind| kind.is_system());
        if !has_system && !self.out.packages[before..].iter().any(|p| p.ecosystem.scheme() == Some(Scheme::Dpkg)) {
            self.no_system(tree);
        }
        for (kind, (count, path)) in unread {
            let more = if count > 1 { format!(" ({count} files)") } else { String::new() };
            self.gap(path, format!("{}{more}, which dayfly does not read", kind.what()));
        }
        self.links(tree, &owned);
    }

    /// Adds dpkg's packages; returns the files that belong to them.
    fn dpkg(&mut self, tree: &Tree) -> BTreeSet<String> {
        let mut packages: Vec<(String, &Control)> = vec![];
        let status = format!("{DPKG}/status");
        let parts = tree.inside(&format!("{DPKG}/status.d")).map(|(path, fact)| (path.clone(), fact));
        let mut databases: Vec<(String, &Fact)> = parts.collect();
        match tree.find(&status) {
            Found::Fact(path, fact) => databases.push((path, fact)),
            Found::Nothing(path) if path == status => {}
            Found::Nothing(path) => self.gap(&status, format!("it is a link to {path}, which is not read")),
            Found::Circle => self.gap(&status, "its links go in circles, or too far".into()),
        }
        let mut owners: Vec<(String, &Vec<String>)> = vec![];
        for (path, fact) in databases {
            match fact {
                Fact::Dpkg(all, gaps) => {
                    packages.extend(all.iter().map(|control| (path.clone(), control)));
                    gaps.iter().for_each(|why| self.gap(&path, why.clone()));
                }
                Fact::Files(files) => owners.push((path, files)),
                Fact::Broken(why) => self.gap(&path, why.clone()),
                _ => self.gap(&path, "it is not a database of dpkg's".into()),
            }
        }
        let names: BTreeSet<&str> = packages.iter().map(|(_, control)| control.name.as_str()).collect();
        for (path, fact) in tree.inside(&format!("{DPKG}/info")) {
            if let Fact::Files(files) = fact {
                owners.push((path.clone(), files));
            }
        }
        let owners = owners.into_iter().filter(|(list, _)| names.contains(debian::owner(list)));
        let owned = owners.flat_map(|(_, files)| files.iter().cloned()).collect();
        self.controls(tree, &packages);
        owned
    }

    fn controls(&mut self, tree: &Tree, packages: &[(String, &Control)]) {
        let Some((first, _)) = packages.first() else { return };
        let unknown = || Err("no os-release says which distribution it is".into());
        let ecosystem = match release(tree).map_or_else(unknown, |(_, release)| release.of_dpkg()) {
            Ok(ecosystem) => ecosystem,
            Err(why) => return self.gap(first, format!("{} package(s) of dpkg: {why}", packages.len())),
        };
        let mut seen = BTreeSet::new();
        for (path, control) in packages {
            // Packages of several architectures have the same versions.
            if !seen.insert((&control.name, &control.version)) {
                continue;
            }
            let found = Package::new(ecosystem.clone(), &control.name, &control.version, self.place(path));
            let source = control.source.as_ref();
            let is_plain = source.map(|s| Package::new(ecosystem.clone(), &s.name, &s.version, self.place(path)));
            match (found, is_plain.transpose()) {
                (Ok(mut package), Ok(_)) => {
                    package.source = source.cloned();
                    self.push(package);
                }
                (Err(why), _) | (_, Err(why)) => self.gap(path, why.to_string()),
            }
        }
    }

    /// Notes a distribution whose database of packages is not there.
    fn no_system(&mut self, tree: &Tree) {
        if let Some((path, release)) = release(tree) {
            self.gap(
                &path,
                format!("the packages of the distribution {:?} are not known: no database has them", release.id),
            );
        } else if let Some((path, _)) = tree.inside(&format!("{DPKG}/info")).next() {
            self.gap(path, "the database of dpkg's packages is missing".into());
        }
    }

    /// Links where packages would be: what they lead to must have been read.
    fn links(&mut self, tree: &Tree, owned: &BTreeSet<String>) {
        for path in tree.links().filter(|path| !owned.contains(*path)) {
            let name = path.rsplit('/').next().unwrap_or(path);
            let is_file = matches!(Role::of(path), Some(Role::Python | Role::Npm | Role::Unread(_)));
            let is_python = name.ends_with(".dist-info") || name.ends_with(".egg-info");
            // A folder of packages of Node.js: all of them, those of a scope, or one.
            let is_folder = name == "node_modules" || role::is_npm_scope(path);
            let is_npm = role::is_npm_folder(path);
            if !(is_file || is_python || is_folder || is_npm) {
                continue;
            }
            let leads = |inside: &str| matches!(tree.find(&format!("{path}{inside}")), Found::Fact(..));
            let is_read = match tree.find(path) {
                Found::Circle => false,
                // Everything below a folder of this name is read.
                Found::Nothing(target) if is_folder => target.split('/').any(|part| part == "node_modules"),
                Found::Fact(..) => true,
                Found::Nothing(_) if is_npm => leads("/package.json"),
                Found::Nothing(_) => leads("/METADATA") || leads("/PKG-INFO"),
            };
            if !is_read {
                self.gap(path, "it is a link to something that is not read".into());
            }
        }
    }

    fn add(&mut self, ecosystem: Ecosystem, named: &Named, path: &str, vendored_in: Option<String>) {
        match Package::new(ecosystem, &named.name, &named.version, self.place(path)) {
            Ok(mut package) => {
                package.vendored_in = vendored_in.filter(|owner| *owner != package.name);
                self.push(package);
            }
            Err(why) => self.gap(path, why.to_string()),
        }
    }

    fn push(&mut self, package: Package) {
        if self.out.packages.len() < MAX_PACKAGES {
            self.out.packages.push(package);
        } else {
            self.left_out += 1;
        }
    }

    /// The result.
    pub(super) fn finish(mut self, digests: Vec<String>) -> Inventory {
        if self.left_out > 0 {
            let gap = Gap { place: self.place(""), reason: format!("and {} more that are not listed", self.left_out) };
            self.out.gaps.push(gap);
        }
        // A copy is named only where the package itself is not.
        self.out.packages.sort_by_key(|p| p.vendored_in.is_some());
        self.out.digests = digests;
        self.out
    }

    fn place(&self, path: &str) -> Place {
        let file = if path.is_empty() { self.name.to_owned() } else { format!("{}:/{path}", self.name) };
        Place { file: sanitize::one_line(&file, MAX_SHOWN), line: None }
    }
}

/// The distribution, and the file that names it.
fn release(tree: &Tree) -> Option<(String, &Release)> {
    ["etc/os-release", "usr/lib/os-release"].iter().find_map(|path| match tree.find(path) {
        Found::Fact(path, Fact::Release(release)) => Some((path, release)),
        _ => None,
    })
}
