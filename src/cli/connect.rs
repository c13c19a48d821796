//! What several verbs need at their beginning: the engine, the description, the name of an environment.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::bail;

use super::target::{self, Target};
use super::{ChangeArgs, Common, DescriptionArgs, EnvironmentArgs, Output, RequestArgs};
use crate::engine::{Engine, EngineError};
use crate::lease::Lease;
use crate::lifecycle;
use crate::plan::Plan;
use crate::reaper::repository::Repository;
use crate::report::exit_code;
use crate::report::facts::{Change, Runner};
use crate::spec::{Overrides, Valid};

/// A failure that already has its exit code.
#[derive(Debug)]
pub struct Ended(pub u8);

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ended with exit code {}", self.0)
    }
}

impl std::error::Error for Ended {}

/// Every variable of the process environment.
pub fn variables() -> BTreeMap<String, String> {
    std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))).collect()
}

/// The chosen engine, reached. A failure is told in full and ends with exit code 4.
pub async fn engine(common: &Common) -> anyhow::Result<Arc<dyn Engine>> {
    target::reach(&target::one(common)?, common).await?.map_err(|e| told(common, &e))
}

/// Prints an engine's failure with what it left behind, and turns it into the exit code.
pub fn told(common: &Common, error: &EngineError) -> anyhow::Error {
    let cause = lifecycle::causes::from_engine_error(error);
    if common.output == Output::Json {
        outln!(
            "{}",
            serde_json::json!({"event": "error", "text": cause.text, "leftover": error.leftover().to_string()})
        );
    }
    errln!("error: {}", cause.text);
    if error.leftover() != crate::engine::Leftover::None {
        errln!("  {}", error.leftover());
    }
    anyhow::Error::new(Ended(exit_code::from_cause(cause.kind)))
}

/// What the flags fill into a description.
pub fn overrides(description: &DescriptionArgs, change: Option<&ChangeArgs>) -> Overrides {
    Overrides {
        set: description.set.clone(),
        images: description.image.clone(),
        ttl: change.and_then(|c| c.ttl.clone()),
        pr: change.and_then(|c| c.pr),
        commit: change.and_then(|c| c.commit.clone()),
    }
}

/// The valid description; faults are printed and end with exit code 2.
pub fn load(path: &Path, overrides: &Overrides, json: bool) -> anyhow::Result<Valid> {
    crate::spec::load(path, overrides)
        .map_err(|faults| anyhow::Error::new(Ended(super::validate::refuse(&faults, json))))
}

/// The plan of a valid description.
pub fn plan(valid: &Valid, pr: u32) -> anyhow::Result<Plan> {
    crate::plan::build::build(valid, pr).map_err(|e| usage(&format!("failed to {e}")).into())
}

/// Fills in pull request and commit from the CI job where the flags do not give them.
pub fn change(args: &ChangeArgs, required: bool) -> anyhow::Result<(ChangeArgs, Change, Runner)> {
    let variables = variables();
    let facts = super::ci::surroundings(&variables, super::ci::event(&variables).as_deref());
    let pr = args.pr.or(facts.pr);
    let commit = args.commit.clone().or(facts.commit);
    let Some(pr) = pr else { bail!(usage("--pr NUMBER is required outside of a pull request's pipeline")) };
    if required && commit.is_none() {
        bail!(usage("--commit SHA is required outside of a pull request's pipeline"));
    }
    let commit = commit.unwrap_or_default();
    if let Some(text) = args.repository.as_ref().filter(|r| Repository::parse(r).is_none()) {
        bail!(usage(&format!("--repository {text:?} is no repository: write OWNER/NAME, or its address")));
    }
    let repository = args.repository.clone().or(facts.repository);
    let change = Change { repository: repository.clone(), pr, commit: commit.clone() };
    let runner =
        Runner { name: "dayfly".into(), version: env!("CARGO_PKG_VERSION").into(), job: facts.job, actor: facts.actor };
    Ok((ChangeArgs { pr: Some(pr), commit: Some(commit), repository, ttl: args.ttl.clone() }, change, runner))
}

/// A run that is asked for, and can be made.
pub struct Request {
    /// The description.
    pub valid: Valid,
    /// What will be made of it.
    pub plan: Plan,
    /// What was filled into it.
    pub overrides: Overrides,
    /// What is tested.
    pub change: Change,
    /// Who asks, for the report.
    pub runner: Runner,
}

/// Reads what is asked for; what is wrong with it is printed, and ends with exit code 2 before anything is made.
pub fn request(args: &RequestArgs, common: &Common) -> anyhow::Result<Request> {
    let (change_args, change, runner) = self::change(&args.change, true)?;
    let overrides = overrides(&args.description, Some(&change_args));
    let valid = load(&args.description.file, &overrides, common.output == Output::Json)?;
    let plan = plan(&valid, change.pr)?;
    if let Some(lack) = plan.lacks(&args.suite) {
        bail!(usage(&format!("--suite: {lack}")));
    }
    Ok(Request { valid, plan, overrides, change, runner })
}

/// Prints a usage error; it ends with exit code 2.
pub fn usage(text: &str) -> Ended {
    errln!("error: {text}");
    Ended(exit_code::USAGE)
}

/// Prints that there is no such environment where the flags look, and where else to look; it ends with exit code 2.
pub fn absent(environment: &str, common: &Common) -> Ended {
    usage(&format!("{}; see `dayfly list{}`", nowhere(environment, common), target::flags(common)))
}

/// That there is no such environment where the flags look.
pub fn nowhere(environment: &str, common: &Common) -> String {
    let place = match target::chosen(common).pop() {
        Some(Target::Kubernetes(Some(context))) => format!("in the cluster of context {context}"),
        Some(Target::Kubernetes(None)) => "in the cluster".to_owned(),
        Some(Target::Local) | None => "on this machine (--engine kubernetes looks in the cluster)".to_owned(),
    };
    format!("there is no environment {environment} {place}")
}

/// The name of the environment that the arguments mean.
pub fn environment_name(args: &EnvironmentArgs) -> anyhow::Result<String> {
    let path = Path::new(&args.environment);
    let looks_like_file = path.exists() || args.environment.contains(['/', '.']);
    match (looks_like_file, args.pr) {
        (true, Some(pr)) => {
            let valid = load(path, &Overrides { pr: Some(pr), ..Overrides::default() }, false)?;
            Ok(plan(&valid, pr)?.environment)
        }
        (true, None) => bail!(usage("a description needs --pr NUMBER to name an environment")),
        (false, Some(_)) => {
            bail!(usage(&format!("--pr goes with a description, and there is no file {}", args.environment)))
        }
        (false, None) => Ok(args.environment.clone()),
    }
}

/// The lease of a new run: its id is made here.
pub fn lease(plan: Plan, commit: &str) -> anyhow::Result<Lease> {
    crate::run::lease(plan, uuid::Uuid::now_v7(), commit).map_err(|e| usage(&e).into())
}
