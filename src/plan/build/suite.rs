//! The executor of a suite: a container, or built-in steps.

use std::collections::BTreeMap;

use super::error::PlanError;
use super::unit::{confinement, entrypoint, limits};
use crate::model::SuiteOrigin;
use crate::plan::{ContainerSuite, DependencyScan, SuiteExecutor};
use crate::spec::model::{Suite, SuiteKind};
use crate::spec::span::FieldPath;
use crate::spec::{ValidDescription, step_files};

/// Most bytes of all files of one suite: each step travels to its agent with its files.
const MAX_FILES: usize = 4 << 20;

/// The files of a suite: those of the base, if the suite comes from there.
pub(super) fn files(name: &str, s: &Suite, valid: &ValidDescription) -> Result<BTreeMap<String, Vec<u8>>, PlanError> {
    let of_base = valid.origins.get(name).is_some_and(SuiteOrigin::is_of_base);
    let from = match &valid.base {
        Some(base) if of_base => &base.files,
        _ => &valid.files,
    };
    let mut files = BTreeMap::new();
    for (_, path) in step_files::of_suite(&FieldPath::root(), s) {
        let missing = || PlanError::File { of: name.to_owned(), path: path.to_owned() };
        files.insert(path.to_owned(), from.get(path).cloned().ok_or_else(missing)?);
    }
    if files.values().map(Vec::len).sum::<usize>() > MAX_FILES {
        let why = format!("the files of its steps are larger than {} MiB", MAX_FILES >> 20);
        return Err(PlanError::Unsound { of: name.to_owned(), why });
    }
    Ok(files)
}

pub(super) fn executor(name: &str, s: &Suite) -> Result<SuiteExecutor, PlanError> {
    if s.kind == SuiteKind::Dependencies {
        return Ok(SuiteExecutor::Dependencies(DependencyScan::default()));
    }
    let Some(image) = &s.image else {
        return Ok(SuiteExecutor::Steps { cases: s.cases.clone() });
    };
    Ok(SuiteExecutor::Container(Box::new(ContainerSuite {
        image: image.clone(),
        command: entrypoint(&s.command, &s.entrypoint),
        args: s.args.clone(),
        working_dir: s.working_dir.clone(),
        env: s.env.clone(),
        secret_env: s.secret_env.clone(),
        results: s.results.clone(),
        verdict: s.verdict,
        fail_on: s.fail_on.unwrap_or_default(),
        limits: limits(name, &s.resources)?,
        confinement: confinement(&s.security),
    })))
}
