//! Packages and images of both sides → what differs. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::change::{ImageChange, PackageChange};
use super::image::Named;
use super::side::Side;
use crate::packages::{Ecosystem, Locked, Package};

/// Most explicit requirements and places that are named for a package.
const MAX_NAMED: usize = 20;

/// The name of a package.
pub type Name<'a> = (&'a Ecosystem, &'a str);
/// Versions before and after.
type Versions<'a> = (BTreeSet<&'a str>, BTreeSet<&'a str>);

/// The packages that differ, by ecosystem and name; the same difference in several lock files is one.
pub fn packages(base: &Side, head: &Side) -> Vec<PackageChange> {
    let mut found: BTreeMap<(Name<'_>, Versions<'_>), Vec<&Package>> = BTreeMap::new();
    let empty = vec![];
    let files: BTreeSet<&String> = base.locks.keys().chain(head.locks.keys()).collect();
    for file in files {
        let before = by_name(base.locks.get(file).unwrap_or(&empty));
        let after = by_name(head.locks.get(file).unwrap_or(&empty));
        for name in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
            let old = before.get(name).map_or(&[][..], Vec::as_slice);
            let new = after.get(name).map_or(&[][..], Vec::as_slice);
            let versions = (versions(old), versions(new));
            if versions.0 == versions.1 && !new.iter().any(|n| is_other(old, n)) {
                continue;
            }
            found.entry((*name, versions)).or_default().extend(if new.is_empty() { old } else { new });
        }
    }
    found.into_iter().map(|((name, versions), packages)| change(name, &versions, &packages)).collect()
}

/// Packages by ecosystem and name.
pub fn by_name<'a>(packages: impl IntoIterator<Item = &'a Package>) -> BTreeMap<Name<'a>, Vec<&'a Package>> {
    let mut all: BTreeMap<Name<'_>, Vec<&Package>> = BTreeMap::new();
    for package in packages {
        all.entry((&package.ecosystem, package.name.as_str())).or_default().push(package);
    }
    all
}

fn versions<'a>(packages: &[&'a Package]) -> BTreeSet<&'a str> {
    packages.iter().map(|p| p.version.as_str()).collect()
}

/// The same version is there, and none of them from the same place with the same content.
pub fn is_other(old: &[&Package], new: &Package) -> bool {
    let mut same = old.iter().filter(|o| o.version == new.version).peekable();
    let locked = |p: &Package| p.locked.as_deref().cloned().unwrap_or_default();
    let new_locked = locked(new);
    same.peek().is_some()
        && !same.any(|o| {
            let old_locked = locked(o);
            old_locked.origin == new_locked.origin
                && old_locked.publishers == new_locked.publishers
                && !has_other_content(&old_locked, &new_locked)
        })
}

/// Both have hashes of one kind, and none in common: new files of a version are added to the old ones.
pub fn has_other_content(old: &Locked, new: &Locked) -> bool {
    let kind = |hash: &str| hash.split_once([':', '-']).map(|(kind, _)| kind.to_owned());
    let kinds: BTreeSet<_> = old.hashes.iter().map(|h| kind(h)).collect();
    new.hashes.iter().any(|h| kinds.contains(&kind(h))) && old.hashes.is_disjoint(&new.hashes)
}

fn change((ecosystem, name): Name<'_>, versions: &Versions<'_>, packages: &[&Package]) -> PackageChange {
    let texts = |of: &BTreeSet<&str>| of.iter().map(|v| (*v).to_owned()).collect::<Vec<_>>();
    let by: BTreeSet<&String> = packages.iter().flat_map(|p| &p.brought_by).collect();
    let places: BTreeSet<_> = packages.iter().map(|p| p.place.clone()).collect();
    PackageChange {
        ecosystem: ecosystem.clone(),
        name: name.to_owned(),
        from: texts(&versions.0),
        to: texts(&versions.1),
        explicit: if by.is_empty() { None } else { Some(by.iter().any(|b| *b == name)) },
        brought_by: by.into_iter().take(MAX_NAMED).cloned().collect(),
        places: places.into_iter().take(MAX_NAMED).collect(),
    }
}

/// The images that differ in a file.
pub fn images(file: &str, base: Option<&Named>, head: Option<&Named>) -> Vec<ImageChange> {
    let empty = BTreeMap::new();
    let (before, after) = (base.map_or(&empty, |n| &n.images), head.map_or(&empty, |n| &n.images));
    let places: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differing = places.into_iter().filter(|at| before.get(*at) != after.get(*at));
    let change = |at: &String| {
        let (from, to) = (before.get(at).cloned(), after.get(at).cloned());
        ImageChange { file: file.to_owned(), at: at.clone(), from, to }
    };
    differing.map(change).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::packages::Place;

    fn package(name: &str, version: &str, hash: &str, by: &str) -> Package {
        let place = Place { file: "l".into(), line: None };
        let mut package = Package::new(Ecosystem::npm(), name, version, place).unwrap();
        package.brought_by = vec![by.to_owned()];
        package.locked_mut().hash(hash);
        package
    }

    fn side(files: &[(&str, Vec<Package>)]) -> Side {
        let locks = files.iter().map(|(f, packages)| ((*f).to_owned(), packages.clone())).collect();
        Side { locks, ..Side::default() }
    }

    fn shown(base: &Side, head: &Side) -> Vec<String> {
        packages(base, head).iter().map(|c| format!("{} {} {:?}", c.name, c.versions(), c.explicit)).collect()
    }

    #[test]
    fn the_same_difference_in_several_files_is_one() {
        let (one, two) = (package("a", "1.0.0", "x", "a"), package("a", "2.0.0", "y", "a"));
        let base = side(&[
            ("x", vec![one.clone(), package("gone", "1.0.0", "x", "a")]),
            ("y", vec![one.clone()]),
            ("z", vec![one]),
        ]);
        let head =
            side(&[("x", vec![two.clone(), package("new", "1.0.0", "x", "a")]), ("y", vec![two]), ("z", vec![])]);
        let expected = [
            "a removed 1.0.0 Some(true)",
            "a 1.0.0 → 2.0.0 Some(true)",
            "gone removed 1.0.0 Some(false)",
            "new added 1.0.0 Some(false)",
        ];
        assert_eq!(shown(&base, &head), expected);
        assert_eq!(shown(&head, &head), [""; 0]);
    }

    #[test]
    fn other_content_of_a_version_differs_and_more_files_do_not() {
        let one = package("a", "1.0.0", "x", "a");
        let mut more = one.clone();
        more.locked_mut().hash("y");
        // A better kind of hash says nothing about the content.
        let better = side(&[("l", vec![package("a", "1.0.0", "sha512-x", "a")])]);
        assert_eq!(shown(&side(&[("l", vec![package("a", "1.0.0", "sha1-x", "a")])]), &better), [""; 0]);
        let base = side(&[("l", vec![one])]);
        assert_eq!(shown(&base, &side(&[("l", vec![more])])), [""; 0]);
        let other = shown(&base, &side(&[("l", vec![package("a", "1.0.0", "y", "a")])]));
        assert_eq!(other, ["a 1.0.0, from elsewhere or with other content Some(true)"]);
    }
}
