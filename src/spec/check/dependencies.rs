//! Checks suites of kind `dependencies`, which dayfly itself performs.

use std::path::Path;

use super::context::{Checker, is_inner_path};
use crate::lockfiles::LockKind;
use crate::spec::model::{ScannedImages, Suite, SuiteKind};
use crate::spec::span::FieldPath;

/// Keys that mean nothing for a scan, beside those of container suites.
const WITHOUT_EFFECT: [&str; 5] = ["needs", "secrets", "mayEnd", "retries", "flaky"];
/// Most lock files of one suite.
const MAX_LOCK_FILES: usize = 200;

/// `of_containers` are the keys that only container suites have.
pub(super) fn check(check: &mut Checker<'_>, at: &FieldPath, suite: &Suite, of_containers: &[&str]) {
    let help = "remove it: dayfly itself performs a suite of kind `dependencies`; a scanner of your own is a suite of kind `security`";
    for key in ["image", "cases"].iter().chain(&WITHOUT_EFFECT).chain(of_containers) {
        if check.diagnostics.is_written(&at.key(key)) {
            let message = format!("`{key}` has no effect in a suite of kind `dependencies`");
            check.diagnostics.add_key(&at.key(key), message, help);
        }
    }
    let Some(scan) = &suite.scan else { return };
    let at = at.key("scan");
    images(check, &at.key("images"), &scan.images);
    lock_files(check, &at.key("lockfiles"), &scan.lockfiles);
    if scan.images == ScannedImages::Of(vec![]) && scan.lockfiles.is_empty() {
        let help = "name `images` or `lockfiles`, or leave `scan` out to scan every image";
        check.diagnostics.add(&at, "nothing would be scanned", help);
    }
}

fn images(check: &mut Checker<'_>, at: &FieldPath, images: &ScannedImages) {
    match images {
        ScannedImages::Word(word) if word == ScannedImages::ALL => {}
        ScannedImages::Word(word) => {
            let help = "write `all`, or a list of services, jobs, databases and container suites";
            check.diagnostics.add(at, format!("`{word}` is not `all`"), help);
        }
        ScannedImages::Of(names) => {
            let suites = &check.environment.suites;
            let containers = suites
                .iter()
                .filter(|(_, s)| s.image.is_some() && s.kind != SuiteKind::Dependencies)
                .map(|(name, _)| name.as_str());
            let known: Vec<&str> = check.units.iter().copied().chain(containers).collect();
            for (i, name) in names.iter().enumerate().filter(|(_, name)| !known.contains(&name.as_str())) {
                let message = format!("there is no unit or container suite `{name}`");
                check.diagnostics.add_unknown(&at.index(i), message, name, known.iter().copied());
            }
        }
    }
}

fn lock_files(check: &mut Checker<'_>, at: &FieldPath, paths: &[String]) {
    if paths.len() > MAX_LOCK_FILES {
        let help = "scan them in several suites";
        check.diagnostics.add(at, format!("a suite scans at most {MAX_LOCK_FILES} lock files"), help);
    }
    for (i, path) in paths.iter().enumerate() {
        let at = at.index(i);
        if !is_inner_path(path) {
            let help = "name a file in the folder of the description, by its relative path without `..`";
            check.diagnostics.add(&at, format!("`{path}` is not a path below the folder of the description"), help);
        } else if LockKind::at(Path::new(path)).is_none() {
            let help = "dayfly reads requirements*.txt, requirements/*.txt, pylock.toml, poetry.lock, uv.lock, Pipfile.lock, Cargo.lock, package-lock.json, go.mod and go.sum";
            check.diagnostics.add(&at, format!("`{path}` is not the name of a lock file"), help);
        } else if paths[..i].contains(path) {
            check.diagnostics.add(&at, format!("`{path}` is listed twice"), "remove one of the two");
        }
    }
}
