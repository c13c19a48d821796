//! Packages of the distribution: dpkg's and rpm's databases. Pure.

use std::collections::BTreeSet;

use super::Collector;
use crate::inventory::debian::{self, Control};
use crate::inventory::fact::Fact;
use crate::inventory::release::{Names, Release};
use crate::inventory::tree::{Found, Tree};
use crate::packages::{Ecosystem, Package};

/// dpkg's folder.
const DPKG: &str = "var/lib/dpkg";

impl Collector<'_> {
    /// Adds dpkg's packages; returns the files that belong to them.
    pub(super) fn dpkg(&mut self, tree: &Tree) -> BTreeSet<String> {
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
            self.control(&ecosystem, control, path, Names::Source);
        }
    }

    /// Adds rpm's packages, wherever a database is; returns the files that belong to them.
    pub(super) fn rpm(&mut self, tree: &Tree) -> Vec<String> {
        let mut owned = vec![];
        for (path, fact) in tree.facts() {
            let Fact::Rpm(database) = fact else { continue };
            database.gaps.iter().for_each(|why| self.gap(path, why.clone()));
            owned.extend(database.files.iter().cloned());
            let unknown = || Err("no os-release says which distribution it is".into());
            let (ecosystem, names) = match release(tree).map_or_else(unknown, |(_, release)| release.of_rpm()) {
                Ok(found) => found,
                Err(why) => {
                    self.gap(path, format!("{} package(s) of rpm: {why}", database.packages.len()));
                    continue;
                }
            };
            let mut seen = BTreeSet::new();
            for control in &database.packages {
                if seen.insert((&control.name, &control.version)) {
                    self.control(&ecosystem, control, path, names);
                }
            }
        }
        owned
    }

    /// Adds a package under each name by which advisories may know it.
    fn control(&mut self, ecosystem: &Ecosystem, control: &Control, path: &str, names: Names) {
        let named = |name: &str, version: &str| Package::new(ecosystem.clone(), name, version, self.place(path));
        let found = named(&control.name, &control.version);
        let source = control.source.as_ref().map(|s| named(&s.name, &s.version));
        match (found, source.transpose()) {
            (Ok(package), Ok(_)) => {
                let mut of_source = package.clone();
                of_source.source.clone_from(&control.source);
                let differs =
                    of_source.advisory_name() != package.name || of_source.advisory_version() != package.version;
                if names == Names::Both && differs {
                    self.push(package);
                }
                self.push(of_source);
            }
            (Err(why), _) | (_, Err(why)) => self.gap(path, why.to_string()),
        }
    }

    /// Notes a distribution whose database of packages is not there.
    pub(super) fn no_system(&mut self, tree: &Tree) {
        if let Some((path, release)) = release(tree) {
            self.gap(
                &path,
                format!("the packages of the distribution {:?} are not known: no database has them", release.id),
            );
        } else if let Some((path, _)) = tree.inside(&format!("{DPKG}/info")).next() {
            self.gap(path, "the database of dpkg's packages is missing".into());
        }
    }
}

/// The distribution, and the file that names it.
fn release(tree: &Tree) -> Option<(String, &Release)> {
    ["etc/os-release", "usr/lib/os-release"].iter().find_map(|path| match tree.find(path) {
        Found::Fact(path, Fact::Release(release)) => Some((path, release)),
        _ => None,
    })
}
