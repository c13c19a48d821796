//! `dayfly uninstall`: removes what `dayfly install` made, and leaves nothing.

use std::time::Duration;

use clap::Args;
use kube::Client;
use tokio::time::Instant;

use super::install::{reach, say, told};
use super::{Common, Output, connect};
use crate::engine::kubernetes::KubernetesEngine;
use crate::install::manifests::{self, Manifest};
use crate::install::remove::{self, Removal, RoleBindings};
use crate::install::{CRD, InstallError, NAMESPACE, test_environments};
use crate::report::exit_code;

/// Arguments of `uninstall`.
#[derive(Debug, Args)]
pub struct UninstallArgs {
    /// Remove all TestEnvironments first, with their environments and the evidence beside them
    #[arg(long)]
    with_environments: bool,
    /// Only say what would be removed, and what holds it
    #[arg(long)]
    dry_run: bool,
    /// How long to wait until all of it is gone
    #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = humantime::parse_duration)]
    timeout: Duration,
}

/// Removes everything, or nothing.
pub async fn run(args: UninstallArgs, common: &Common) -> anyhow::Result<u8> {
    let mut all = manifests::all(manifests::IMAGE).map_err(|e| told(common, &e))?;
    all.extend(manifests::obsolete());
    let engine = reach(common).await?;
    let client = engine.client();
    let until = Instant::now() + args.timeout;
    let holding = test_environments::list(&client).await.map_err(|e| told(common, &e))?;
    if !holding.is_empty() && !args.with_environments {
        let left: Vec<String> = holding.iter().map(test_environments::summary).collect();
        let what = "failed to uninstall: these TestEnvironments are still there, and only the controller can release them; delete them first, or give --with-environments (evidence that was not fetched goes with them)";
        return Err(refused(common, what, &left));
    }
    // Whoever may not remove all of it removes nothing.
    let bindings = RoleBindings::find(&client).await.map_err(|e| told(common, &e))?;
    let tried = tried(&client, &all, &bindings).await.map_err(|e| told(common, &e))?;
    if args.dry_run {
        holding.iter().for_each(|o| say(common, "removed", &format!("TestEnvironment {}", o.key()), None, true));
        tried.iter().for_each(|(manifest, done)| tell(manifest, done, true, common));
        return Ok(exit_code::PASSED);
    }
    let waiting = |why: &str| errln!("waiting: {why}");
    test_environments::delete_all(&client, until, waiting).await.map_err(|e| match e {
        InstallError::NotReady { .. } => refused(common, &format!("failed to {e}"), &[]),
        e => told(common, &e),
    })?;
    everything(&engine, &all, &bindings, until, common).await
}

/// What would come of each object.
async fn tried<'a>(
    client: &Client,
    all: &'a [Manifest],
    bindings: &RoleBindings,
) -> Result<Vec<(&'a Manifest, Removal)>, InstallError> {
    let mut tried = vec![];
    for manifest in remove::order(all) {
        tried.push((manifest, remove::remove(client, manifest, all, bindings, true).await?));
    }
    Ok(tried)
}

async fn everything(
    engine: &KubernetesEngine,
    all: &[Manifest],
    bindings: &RoleBindings,
    until: Instant,
    common: &Common,
) -> anyhow::Result<u8> {
    let client = engine.client();
    for manifest in remove::order(all) {
        let done = remove::remove(&client, manifest, all, bindings, false).await.map_err(|e| told(common, &e))?;
        tell(manifest, &done, false, common);
        let awaited = manifest.name == CRD || manifest.name == NAMESPACE;
        if awaited && !remove::wait_until_gone(&client, manifest, until).await.map_err(|e| told(common, &e))? {
            return Err(stays(engine, manifest, common).await);
        }
    }
    Ok(exit_code::PASSED)
}

fn tell(manifest: &Manifest, done: &Removal, trial: bool, common: &Common) {
    let (word, more) = match done {
        Removal::Absent if manifest.is_obsolete() => return,
        Removal::Removed => ("removed", None),
        Removal::Absent => ("absent", None),
        Removal::Kept(by) => ("kept", Some(format!("given to others by {}", by.join(", ")))),
    };
    say(common, word, &manifest.to_string(), more.as_deref(), trial);
}

/// Names what does not go.
async fn stays(engine: &KubernetesEngine, manifest: &Manifest, common: &Common) -> anyhow::Error {
    let left: Vec<String> = if manifest.name == NAMESPACE {
        remove::residuals(engine).await.iter().map(|r| format!("{}: {}", r.object, r.reason)).collect()
    } else {
        test_environments::list(&engine.client())
            .await
            .unwrap_or_default()
            .iter()
            .map(test_environments::summary)
            .collect()
    };
    let text = format!("failed to remove {manifest} in time: it is still being removed; ask again later");
    refused(common, &text, &left)
}

fn refused(common: &Common, text: &str, left: &[String]) -> anyhow::Error {
    if common.output == Output::Json {
        outln!("{}", serde_json::json!({"event": "error", "text": text, "left": left}));
    }
    left.iter().for_each(|line| errln!("  {line}"));
    errln!("error: {text}");
    anyhow::Error::new(connect::Ended(exit_code::TEARDOWN))
}
