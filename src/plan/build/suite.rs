//! The executor of a suite: a container, or built-in steps.

use super::error::PlanError;
use super::unit::{confinement, limits};
use crate::plan::{ContainerSuite, SuiteExecutor};
use crate::spec::model::Suite;

pub(super) fn executor(name: &str, s: &Suite) -> Result<SuiteExecutor, PlanError> {
    let Some(image) = &s.image else {
        return Ok(SuiteExecutor::Steps { cases: s.cases.clone() });
    };
    Ok(SuiteExecutor::Container(Box::new(ContainerSuite {
        image: image.clone(),
        command: s.command.clone(),
        env: s.env.clone(),
        secret_env: s.secret_env.clone(),
        results: s.results.clone(),
        verdict: s.verdict,
        fail_on: s.fail_on.unwrap_or_default(),
        limits: limits(name, &s.resources)?,
        confinement: confinement(&s.security),
    })))
}
