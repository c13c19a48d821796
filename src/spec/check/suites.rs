//! Checks suites: image or cases, and needs.

use super::container::{resources, security};
use super::context::{Checker, is_plain_absolute};
use super::{access, cases, dependencies, process};
use crate::spec::model::{Severity, Suite, SuiteKind, VerdictSource};
use crate::spec::span::FieldPath;

/// Folders that hold no results, but secrets, devices or the image's own files.
const SYSTEM_FOLDERS: [&str; 13] =
    ["/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/root", "/run", "/sbin", "/sys", "/usr", "/var/run"];
/// Keys that mean something for a container suite only.
const CONTAINER_ONLY: [&str; 11] = [
    "command",
    "entrypoint",
    "args",
    "workingDir",
    "env",
    "secretEnv",
    "results",
    "verdict",
    "failOn",
    "resources",
    "security",
];

pub(super) fn check(check: &mut Checker<'_>) {
    for (name, suite) in &check.environment.suites {
        let at = FieldPath::root().key("suites").key(name);
        one_suite(check, &at, suite);
        access::check(check, &at, name, suite);
    }
}

fn one_suite(check: &mut Checker<'_>, at: &FieldPath, suite: &Suite) {
    for (i, need) in suite.needs.iter().enumerate() {
        check.callee(&at.key("needs").index(i), need);
    }
    for (i, unit) in suite.may_end.iter().enumerate() {
        check.unit(&at.key("mayEnd").index(i), unit);
    }
    check.secrets(&at.key("secrets"), &suite.secrets);
    if suite.runs().is_none() {
        let help = "write `true` or `false`, or a value that is one of them, such as `'{{nightly}}'`";
        check.diagnostics.add(&at.key("when"), "the condition is neither `true` nor `false`", help);
    }
    check.duration(&at.key("timeout"), &suite.timeout);
    if suite.kind == SuiteKind::Dependencies {
        return dependencies::check(check, at, suite, &CONTAINER_ONLY);
    }
    if suite.scan.is_some() {
        let help = "write `kind: dependencies` for a scan by dayfly, or remove it";
        check.diagnostics.add_key(&at.key("scan"), "`scan` has no effect in a suite of this kind", help);
    }
    match (&suite.image, suite.cases.is_empty()) {
        (Some(image), true) => container(check, at, suite, image),
        (None, false) => {
            for key in CONTAINER_ONLY.iter().filter(|k| check.diagnostics.is_written(&at.key(k))).collect::<Vec<_>>() {
                let message = format!("`{key}` has no effect in a suite of built-in steps");
                check.diagnostics.add_key(&at.key(key), message, "remove it: only suites with an `image` use it");
            }
            cases::check(check, &at.key("cases"), suite);
        }
        (Some(_), false) => {
            let help = "keep `image` for a container suite, or `cases` for built-in steps; for both, write two suites";
            check.diagnostics.add(at, format!("{at} has both `image` and `cases`"), help);
        }
        (None, true) => {
            let help = "add `image` for a container suite, or `cases` with at least one case";
            check.diagnostics.add(at, format!("{at} has neither `image` nor `cases`"), help);
        }
    }
}

fn container(check: &mut Checker<'_>, at: &FieldPath, suite: &Suite, image: &str) {
    check.image(&at.key("image"), image);
    check.env(at, &suite.env, &suite.secret_env);
    process::start(check, at, &suite.command, &suite.entrypoint, suite.working_dir.as_ref());
    if !is_plain_absolute(&suite.results) {
        let message = format!("`{}` is not an absolute path", suite.results);
        check.diagnostics.add(&at.key("results"), message, "write an absolute path such as `/results`");
    } else if SYSTEM_FOLDERS.iter().any(|folder| is_at_or_below(&suite.results, folder)) {
        let message = format!("`{}` is a folder of the system, and everything in it would be collected", suite.results);
        check.diagnostics.add(&at.key("results"), message, "choose a folder of the suite's own, such as `/results`");
    }
    if let Some(limit) = suite.fail_on {
        fail_on(check, &at.key("failOn"), suite.verdict, limit);
    }
    resources(check, &at.key("resources"), &suite.resources);
    security(check, &at.key("security"), &suite.security);
}

fn fail_on(check: &mut Checker<'_>, at: &FieldPath, source: VerdictSource, limit: Severity) {
    if !source.is_scan() {
        let message = "`failOn` has no effect on this `verdict`";
        check.diagnostics.add_key(at, message, "remove it, or write `verdict: sarif`, `cyclonedx` or `zap`");
    } else if limit == Severity::Critical && source != VerdictSource::Cyclonedx {
        let message = "no finding of this `verdict` is `critical`, so none would fail";
        check.diagnostics.add(at, message, "write `high`, `medium` or `low`");
    }
}

fn is_at_or_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
