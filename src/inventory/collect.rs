//! The files of an image → packages and gaps. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::Inventory;
use super::fact::Fact;
use super::named::Named;
use super::program;
use super::python;
use super::role::{self, Role, Unread};
use super::tree::{Found, Tree};
use crate::model::sanitize;
use crate::packages::{Ecosystem, Gap, Package, Place, Scheme};

mod system;

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
        let mut owned = self.dpkg(tree);
        owned.extend(self.rpm(tree));
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
                Fact::Broken(why)
                    if matches!(Role::of(path), Some(Role::Python | Role::Npm | Role::Rpm | Role::RpmLog)) =>
                {
                    self.gap(path, why.clone());
                }
                _ => {}
            }
        }
        let is_system = |scheme| matches!(scheme, Some(Scheme::Dpkg | Scheme::Rpm));
        let has_system = unread.keys().any(|kind| kind.is_system());
        if !has_system && !self.out.packages[before..].iter().any(|p| is_system(p.ecosystem.scheme())) {
            self.no_system(tree);
        }
        for (kind, (count, path)) in unread {
            let more = if count > 1 { format!(" ({count} files)") } else { String::new() };
            self.gap(path, format!("{}{more}, which dayfly does not read", kind.what()));
        }
        self.links(tree, &owned);
    }

    /// Links where packages would be: what they lead to must have been read.
    fn links(&mut self, tree: &Tree, owned: &BTreeSet<String>) {
        for path in tree.links().filter(|path| !owned.contains(*path)) {
            let name = path.rsplit('/').next().unwrap_or(path);
            let is_file = matches!(Role::of(path), Some(Role::Python | Role::Npm | Role::Rpm | Role::Unread(_)));
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
