//! `dayfly diff`: shows what `up` would change in a running environment, unit by unit, and what would be lost.
//!
//! It changes nothing, except that the engine may pull images that it does not have.

use clap::Args;
use serde_json::json;

use super::error::{ReportedError, usage_error};
use super::policy::PolicyArgs;
use super::wanted::Wanted;
use super::{ChangeArgs, Common, DescriptionArgs, Output, description, environment, request, stdio, target};
use crate::lease::Lease;
use crate::lifecycle::{causes, update};
use crate::plan::changes::Changes;
use crate::report::exit_code;
use crate::report::facts::Cause;

/// Arguments of `diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    #[command(flatten)]
    description: DescriptionArgs,
    /// Name of the running environment, such as `hello-pr-1` (default: the one that `up` would update)
    environment: Option<String>,
    #[command(flatten)]
    change: ChangeArgs,
    #[command(flatten)]
    policy: PolicyArgs,
}

impl DiffArgs {
    /// What it takes from the settings.
    pub fn wants<'a>(&'a mut self, wanted: &mut Wanted<'a>) {
        self.description.wants(wanted);
        self.change.wants(wanted);
        self.policy.wants(wanted);
    }
}

/// Prints what differs; the exit code says whether something does.
pub async fn run(args: DiffArgs, common: &Common) -> anyhow::Result<u8> {
    let engine = target::engine(common).await?;
    let given = match &args.environment {
        Some(name) => of_running(&args.change, &environment::lease_or_not_found(name, engine.as_ref(), common).await?),
        None => args.change.clone(),
    };
    let (change_args, change, _) = request::change(&given, &args.description.file, false)?;
    let overrides = description::overrides(&args.description, Some(&change_args));
    let json = common.output == Output::Json;
    let repository = change.repository.as_deref();
    let (valid, _) = args.policy.load_description(&args.description, &overrides, repository, json)?;
    let plan = description::plan(&valid, change.pr)?;
    if let Some(name) = args.environment.as_ref().filter(|name| **name != plan.environment) {
        let file = args.description.file.display();
        let why = format!("{file} describes {}, and not {name}; `dayfly list` shows what runs", plan.environment);
        anyhow::bail!(usage_error(&why));
    }
    let name = &plan.environment.clone();
    let before = environment::lease_or_not_found(name, engine.as_ref(), common).await?;
    let lease = request::owned_lease(plan, &change, engine.as_ref()).await?;
    if !lease.has_same_owner(before.owner.as_ref()) {
        return Err(failed(&causes::owned_by_other(&lease, Some(before.run), before.owner.as_ref(), None), common));
    }
    let on_pull = |reference: &str, status: &str| tracing::info!("{reference}: {status}");
    update::resolve_images(engine.as_ref(), &lease, &on_pull).await.map_err(|cause| failed(&cause, common))?;
    let found = update::compare(engine.as_ref(), &lease).await.map_err(|cause| failed(&cause, common))?;
    let Some(found) = found else {
        anyhow::bail!(environment::not_found_error(name, engine.as_ref(), common).await);
    };
    let changes = found.changes;
    if json {
        let mut line = json!(changes);
        line["environment"] = name.clone().into();
        line["changed"] = (!changes.is_empty()).into();
        outln!("{line:#}");
    } else {
        stdio::out(&text(name, &changes));
    }
    Ok(if changes.is_empty() { exit_code::PASSED } else { exit_code::DIFFERS })
}

/// The change, as far as the flags leave it to the environment.
fn of_running(change: &ChangeArgs, before: &Lease) -> ChangeArgs {
    let commit = Some(before.commit.clone()).filter(|commit| !commit.is_empty());
    ChangeArgs { pr: change.pr.or(Some(before.plan.pr)), commit: change.commit.clone().or(commit), ..change.clone() }
}

fn failed(cause: &Cause, common: &Common) -> anyhow::Error {
    if common.output == Output::Json {
        outln!("{}", json!({"event": "error", "text": cause.text}));
    }
    errln!("error: {}", cause.text);
    ReportedError(exit_code::from_cause(cause.kind)).into()
}

fn text(environment: &str, changes: &Changes) -> String {
    let (lines, kept) = changes.lines();
    if lines.is_empty() {
        return format!("{environment} is as described: `up` would change nothing\n");
    }
    let lines: String = lines.into_iter().map(|(word, text)| format!("  {word:<8} {text}\n")).collect();
    format!("`up` would change {environment}:\n{lines}{kept} unit(s) stay as they are\n")
}
