//! The requested run, from flags and CI job.

use std::path::Path;

use anyhow::bail;

use super::error::{engine_error, usage_error};
use super::origin::Origin;
use super::policy::PolicyArgs;
use super::{ChangeArgs, Common, Output, RequestArgs, description};
use crate::engine::Engine;
use crate::lease::{Lease, Owner};
use crate::model::{Repository, RunId, is_hex, without_credentials};
use crate::plan::Plan;
use crate::policy::{self, Policy, Subject};
use crate::reaper::abandoned::abandoned_reason;
use crate::report::facts::{Change, Runner};
use crate::run::{self, RunRequest};

mod claims;

pub use claims::{Claims, claims, is_job};

/// Folder of the evidence if nothing names one, in the working folder.
pub const DEFAULT_EVIDENCE: &str = "evidence";

/// Takes pull request, commit and repository from the CI job, or outside of CI from the repository around the description,
/// where the flags do not give them.
pub fn change(
    args: &ChangeArgs,
    description: &Path,
    commit_required: bool,
) -> anyhow::Result<(ChangeArgs, Change, Runner)> {
    let claims = claims(args, description);
    let job = claims.job;
    let Some((pr, _)) = claims.pr else {
        bail!(usage_error("--pr NUMBER is required in a CI job that is not a pull request pipeline"))
    };
    if commit_required && claims.commit.is_none() {
        let why = claims.unknown.map(|why| format!(": {why}")).unwrap_or_default();
        bail!(usage_error(&format!("--commit SHA is required where neither a CI job nor git names the commit{why}")));
    }
    if let (true, Some((commit, Origin::Git))) = (claims.is_modified, &claims.commit) {
        errln!("note: the description differs from the one of commit {}, which this run is about", short(commit));
    }
    let commit = claims.commit.map(|(commit, _)| commit).unwrap_or_default();
    let is_id = (7..=64).contains(&commit.len()) && is_hex(&commit, commit.len());
    if !commit.is_empty() && !is_id {
        bail!(usage_error(&format!("invalid --commit {commit:?}: expected 7 to 64 hexadecimal digits")));
    }
    if let Some(text) = args.repository.as_ref().filter(|r| Repository::parse(r).is_none()) {
        let text = without_credentials(text);
        bail!(usage_error(&format!("invalid --repository {text:?}: expected OWNER/NAME or a URL")));
    }
    let repository = claims.repository.map(|(repository, _)| repository);
    let change = Change { repository: repository.clone(), pr, commit: commit.clone(), ..Change::default() };
    let runner = Runner {
        name: "dayfly".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        job: args.job_url.clone().or(job.url),
        actor: job.actor,
    };
    Ok((ChangeArgs { pr: Some(pr), commit: Some(commit), repository, ..args.clone() }, change, runner))
}

fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}

/// Checks the requested run, also against the policy if this process performs it. Errors are printed and end with exit code
/// 2 before anything is created.
pub fn run_request(
    args: &RequestArgs,
    policy: Option<&PolicyArgs>,
    common: &Common,
) -> anyhow::Result<(RunRequest, Policy)> {
    let (change_args, change, runner) = self::change(&args.change, &args.description.file, true)?;
    let overrides = description::overrides(&args.description, Some(&change_args));
    let json = common.output == Output::Json;
    let (valid, policy) = match policy {
        Some(policy) => {
            let repository = change.repository.as_deref();
            policy.load_description(&args.description, &overrides, repository, json)?
        }
        None => {
            let base = description::base(&args.description)?;
            (description::load_with_base(&args.description, base.as_ref(), &overrides, json)?, Policy::built_in())
        }
    };
    description::print_warnings(&valid, json);
    let plan = description::plan(&valid, change.pr)?;
    if let Some(lack) = plan.lacks(&args.suite) {
        bail!(usage_error(&format!("--suite: {lack}")));
    }
    let built_from = args.commit_of.iter().cloned().collect();
    if let Some(lack) = plan.lacks_image_of(&built_from) {
        bail!(usage_error(&format!("--commit-of: {lack}")));
    }
    let change = Change { built_from, with: args.with.clone(), ..change };
    let dependencies = policy.limits(&Subject::Command { repository: change.repository.clone() }).dependencies;
    let reference = policy.reference().cloned();
    Ok((RunRequest { valid, plan, change, runner, policy: reference, dependencies, proof: None }, policy))
}

/// The lease of a new run for this change, which belongs to the account on the engine and the repository.
pub async fn owned_lease(plan: Plan, change: &Change, engine: &dyn Engine) -> anyhow::Result<Lease> {
    let owner = Owner::command_line(engine.account().await, change.repository.as_deref());
    let lease = new_lease(plan, &change.commit)?;
    Ok(Lease { repository: change.repository.clone(), owner: Some(owner), ..lease })
}

/// Checks that the policy allows the owner of this lease one more environment. Another process may create one meanwhile.
pub async fn check_number(
    lease: &Lease,
    change: &Change,
    policy: &Policy,
    engine: &dyn Engine,
    common: &Common,
) -> anyhow::Result<()> {
    let all = engine.list().await.map_err(|e| engine_error(common, &e))?;
    let others = all.into_iter().filter(|o| {
        let owner = o.lease.as_ref().and_then(|l| l.owner.as_ref());
        o.environment != lease.environment && lease.owner.as_ref().is_some_and(|own| own.is_same_owner(owner))
    });
    let others: Vec<_> = others.collect();
    let now = jiff::Timestamp::now();
    let abandoned: Vec<&str> =
        others.iter().filter(|o| abandoned_reason(o, now).is_some()).map(|o| o.environment.as_str()).collect();
    let help = match abandoned.as_slice() {
        [] => String::new(),
        names => format!("; the runs of {} have stopped: `dayfly reap --orphans` removes these", names.join(", ")),
    };
    let others: Vec<String> = others.iter().map(|o| o.environment.clone()).collect();
    let subject = Subject::Command { repository: change.repository.clone() };
    policy::check_number(policy, &subject, &others)
        .map_err(|why| usage_error(&format!("{why}. `dayfly down` removes an environment{help}")).into())
}

/// The lease of a new run, with a new run id.
pub fn new_lease(plan: Plan, commit: &str) -> anyhow::Result<Lease> {
    run::lease(plan, RunId::now(), commit).map_err(|e| usage_error(&e).into())
}
