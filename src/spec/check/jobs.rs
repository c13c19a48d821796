//! Checks jobs.

use super::container::{resources, security};
use super::context::Checker;
use super::{files, process};
use crate::spec::model::{After, Job};
use crate::spec::span::FieldPath;

pub(super) fn check(check: &mut Checker<'_>) {
    for (name, job) in &check.environment.jobs {
        one_job(check, &FieldPath::root().key("jobs").key(name), job);
    }
}

fn one_job(check: &mut Checker<'_>, at: &FieldPath, j: &Job) {
    check.image(&at.key("image"), &j.image);
    check.env(at, &j.env, &j.secret_env);
    process::start(check, at, &j.command, &j.entrypoint, j.working_dir.as_ref());
    check.secrets(&at.key("secrets"), &j.secrets);
    for (i, need) in j.needs.iter().enumerate() {
        check.need(&at.key("needs").index(i), need);
    }
    check.duration(&at.key("timeout"), &j.timeout);
    files::files(check, &at.key("files"), &j.files);
    files::writable(check, &at.key("writable"), &j.writable);
    resources(check, &at.key("resources"), &j.resources);
    security(check, &at.key("security"), &j.security);
}

/// Names of the jobs that run after the suites.
pub(super) fn after_suites<'a>(check: &Checker<'a>) -> impl Iterator<Item = &'a str> + use<'a> {
    check.environment.jobs.iter().filter(|(_, j)| j.after == After::Suites).map(|(name, _)| name.as_str())
}
