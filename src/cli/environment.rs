//! Resolves the environment that the arguments name.

use std::path::Path;

use anyhow::bail;

use super::error::{ReportedError, usage_error};
use super::target::{self, Target};
use super::{Common, EnvironmentArgs, description};
use crate::spec::Overrides;

/// The environment's name: as given, or that of a description and a pull request.
pub fn name(args: &EnvironmentArgs) -> anyhow::Result<String> {
    let path = Path::new(&args.environment);
    let looks_like_file = path.exists() || args.environment.contains(['/', '.']);
    match (looks_like_file, args.pr) {
        (true, Some(pr)) => {
            let valid = description::load(path, &Overrides { pr: Some(pr), ..Overrides::default() }, false)?;
            Ok(description::plan(&valid, pr)?.environment)
        }
        (true, None) => bail!(usage_error("--pr NUMBER is required with a description")),
        (false, Some(_)) => {
            bail!(usage_error(&format!("--pr needs a description, and there is no file {}", args.environment)))
        }
        (false, None) => Ok(args.environment.clone()),
    }
}

/// Prints that the environment does not exist, and where to look (exit code 2).
pub fn not_found_error(environment: &str, common: &Common) -> ReportedError {
    usage_error(&format!("{}; see `dayfly list{}`", not_found(environment, common), target::flags(common)))
}

/// Message: no such environment at the target of the flags.
pub fn not_found(environment: &str, common: &Common) -> String {
    let place = match target::chosen(common).pop() {
        Some(Target::Kubernetes(Some(context))) => format!("in the cluster of context {context}"),
        Some(Target::Kubernetes(None)) => "in the cluster".to_owned(),
        Some(Target::Local) | None => "on this machine (--engine kubernetes looks in the cluster)".to_owned(),
    };
    format!("there is no environment {environment} {place}")
}
