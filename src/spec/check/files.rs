//! Checks the files that a container receives, and the folders that it may write to.

use std::collections::{BTreeMap, BTreeSet};

use super::context::{Checker, is_inner_path, is_plain_absolute};
use crate::spec::model::FileSource;
use crate::spec::span::FieldPath;

/// Folders that writable paths must not cover.
const TAKEN: [&str; 5] = ["/run/secrets", "/etc/dayfly", "/proc", "/sys", "/dev"];

pub(super) fn files(check: &mut Checker<'_>, at: &FieldPath, files: &BTreeMap<String, FileSource>) {
    for (target, source) in files {
        let at = at.key(target);
        if !target.starts_with("/etc/dayfly/") || !is_plain_absolute(target) {
            check.diagnostics.add_key(
                &at,
                format!("`{target}` is not a path for a file"),
                "name one under `/etc/dayfly/`, without `..`",
            );
        }
        match (&source.text, &source.path) {
            (Some(_), None) => {}
            (None, Some(path)) => inner_path(check, &at.key("path"), path),
            _ => check.diagnostics.add(
                &at,
                format!("{at} must have exactly one source of content"),
                "give exactly one of `text` and `path`",
            ),
        }
    }
}

pub(super) fn inner_path(check: &mut Checker<'_>, at: &FieldPath, path: &str) {
    if !is_inner_path(path) {
        let help = "name a file in the folder of the description or below, by relative path without `..`";
        check.diagnostics.add(at, format!("the path `{path}` leaves the description's folder"), help);
    }
}

pub(super) fn writable(check: &mut Checker<'_>, at: &FieldPath, paths: &[String]) {
    let mut seen = BTreeSet::new();
    for (i, path) in paths.iter().enumerate() {
        let at = at.index(i);
        if writable_path(check, &at, path) && !seen.insert(path) {
            check.diagnostics.add(&at, format!("the writable path `{path}` is listed twice"), "remove one of the two");
        }
    }
}

/// Checks a path at which a unit may write; returns false if it may not.
pub(super) fn writable_path(check: &mut Checker<'_>, at: &FieldPath, path: &str) -> bool {
    let covers = |taken: &&str| {
        path == *taken || path.starts_with(&format!("{taken}/")) || taken.starts_with(&format!("{path}/"))
    };
    if !is_plain_absolute(path) {
        let help = "write an absolute path such as `/var/cache/app`, without `..` or a slash at the end";
        check.diagnostics.add(at, format!("the writable path `{path}` is not a plain absolute path"), help);
        return false;
    }
    let taken = TAKEN.iter().find(|t| covers(t));
    if let Some(taken) = taken {
        let message = format!("the writable path `{path}` would cover `{taken}`");
        check.diagnostics.add(at, message, "choose another path");
    }
    taken.is_none()
}
