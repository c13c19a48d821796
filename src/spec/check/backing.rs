//! Checks backing services of every kind: image, callers, limits, and what is the kind's own.

use std::collections::BTreeMap;

use super::container::{resources, security};
use super::context::{Checker, is_literal};
use super::files;
use crate::spec::backing::redis::RedisStep;
use crate::spec::backing::s3::S3Step;
use crate::spec::backing::{Kind, KindName};
use crate::spec::backing_services;
use crate::spec::model::BackingService;
use crate::spec::span::FieldPath;

pub(super) fn check(check: &mut Checker<'_>) {
    for of in backing_services::all(check.environment) {
        let at = of.at();
        check.image(&at.key("image"), &of.container.image);
        check.callers(&at.key("callers"), of.name, &of.container.callers);
        check.duration(&at.key("within"), &of.container.within);
        resources(check, &at.key("resources"), &of.container.resources);
        security(check, &at.key("security"), &of.container.security);
        if let Kind::S3(s3) = &of.kind {
            check.env(&at, &s3.env, &BTreeMap::new());
            files::writable_path(check, &at.key("data"), &s3.data);
        }
        of.kind.check(&at, check.diagnostics);
    }
}

/// Checks the step `redis`.
pub(super) fn redis(check: &mut Checker<'_>, at: &FieldPath, step: &RedisStep) {
    let declared = &check.environment.redis;
    match declared.get(&step.service) {
        Some(BackingService { kind, .. }) => kind.check_step(at, step, check.diagnostics),
        None => unknown(check, at, KindName::Redis, &step.service),
    }
}

/// Checks the step `s3`.
pub(super) fn s3(check: &mut Checker<'_>, at: &FieldPath, step: &S3Step) {
    let declared = &check.environment.s3;
    match declared.get(&step.service) {
        Some(BackingService { kind, .. }) => kind.check_step(at, step, check.diagnostics),
        None => unknown(check, at, KindName::S3, &step.service),
    }
}

fn unknown(check: &mut Checker<'_>, at: &FieldPath, kind: KindName, name: &str) {
    if !is_literal(name) {
        return;
    }
    let of_kind = backing_services::all(check.environment).into_iter().filter(|b| b.kind.name() == kind);
    let candidates: Vec<&str> = of_kind.map(|b| b.name).collect();
    let message = format!("there is no {} `{name}`", kind.noun());
    check.diagnostics.add_unknown(&at.key("service"), message, name, candidates);
}
