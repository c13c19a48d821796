//! Resolves the environment that the arguments name.

use std::path::Path;

use anyhow::bail;

use super::error::{ReportedError, engine_error, usage_error};
use super::target::{self, Target};
use super::{Common, EnvironmentArgs, description};
use crate::engine::Engine;
use crate::lease::Lease;
use crate::spec::Overrides;
use crate::spec::diagnostic::all_near;

/// Most similar names to suggest.
const MAX_SIMILAR: usize = 3;

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

/// The lease of an environment; without it, prints that there is no such environment (exit code 2).
pub async fn lease_or_not_found(name: &str, engine: &dyn Engine, common: &Common) -> anyhow::Result<Lease> {
    match engine.lease(name).await.map_err(|e| engine_error(common, &e))? {
        Some(lease) => Ok(lease),
        None => bail!(not_found_error(name, engine, common).await),
    }
}

/// Prints that the environment does not exist, which ones have a similar name, and where to look (exit code 2).
pub async fn not_found_error(environment: &str, engine: &dyn Engine, common: &Common) -> ReportedError {
    let meant = suggestion(&similar(environment, engine).await);
    usage_error(&format!("{}{meant}; see `dayfly list{}`", not_found(environment, common), target::flags(common)))
}

/// Names of existing environments that are similar, the most similar first; none if the engine does not say.
pub async fn similar(environment: &str, engine: &dyn Engine) -> Vec<String> {
    let all = engine.list().await.unwrap_or_default();
    let names = all.iter().map(|o| o.environment.as_str());
    all_near(environment, names).into_iter().take(MAX_SIMILAR).map(str::to_owned).collect()
}

/// A question about similar names, with its punctuation; empty if there are none.
pub fn suggestion(similar: &[String]) -> String {
    if similar.is_empty() { String::new() } else { format!("; did you mean {}?", similar.join(" or ")) }
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
