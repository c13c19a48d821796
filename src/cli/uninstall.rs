//! `dayfly uninstall`: removes everything that `dayfly install` installed.

use std::time::Duration;

use clap::Args;
use kube::Client;
use tokio::time::Instant;

use super::error::ReportedError;
use super::install::cluster;
use super::install::output::{install_error, print_change};
use super::{Common, Output};
use crate::engine::kubernetes::KubernetesEngine;
use crate::install::manifests::{self, Manifest};
use crate::install::remove::{self, Removal, RoleBindings};
use crate::install::{CRD, InstallError, NAMESPACE, test_environments};
use crate::report::exit_code;

/// Arguments of `uninstall`.
#[derive(Debug, Args)]
pub struct UninstallArgs {
    /// Delete all TestEnvironments first, with their environments and evidence
    #[arg(long)]
    with_environments: bool,
    /// Print what would be removed, without removing anything
    #[arg(long)]
    dry_run: bool,
    /// How long to wait for the removal to complete
    #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = humantime::parse_duration)]
    timeout: Duration,
}

/// Removes everything, or nothing.
pub async fn run(args: UninstallArgs, common: &Common) -> anyhow::Result<u8> {
    let mut all = manifests::all(manifests::IMAGE).map_err(|e| install_error(common, &e))?;
    all.extend(manifests::obsolete());
    let engine = cluster::connect(common).await?;
    let client = engine.client();
    let until = Instant::now() + args.timeout;
    let existing = test_environments::list(&client).await.map_err(|e| install_error(common, &e))?;
    if !existing.is_empty() && !args.with_environments {
        let left: Vec<String> = existing.iter().map(test_environments::summary).collect();
        let what = "failed to uninstall: these TestEnvironments still exist, and only the controller can release them; delete them first, or give --with-environments (this also deletes evidence that was not fetched)";
        return Err(refuse(common, what, &left));
    }
    // Without the rights to remove everything, nothing is removed.
    let bindings = RoleBindings::find(&client).await.map_err(|e| install_error(common, &e))?;
    let preview = preview(&client, &all, &bindings).await.map_err(|e| install_error(common, &e))?;
    if args.dry_run {
        existing
            .iter()
            .for_each(|o| print_change(common, "removed", &format!("TestEnvironment {}", o.key()), None, true));
        preview.iter().for_each(|(manifest, done)| print_removal(manifest, done, true, common));
        return Ok(exit_code::PASSED);
    }
    let waiting = |why: &str| errln!("waiting: {why}");
    test_environments::delete_all(&client, until, waiting).await.map_err(|e| match e {
        InstallError::NotReady { .. } => refuse(common, &format!("failed to {e}"), &[]),
        e => install_error(common, &e),
    })?;
    remove_all(&engine, &all, &bindings, until, common).await
}

/// Previews the removal of each object by a server-side dry run.
async fn preview<'a>(
    client: &Client,
    all: &'a [Manifest],
    bindings: &RoleBindings,
) -> Result<Vec<(&'a Manifest, Removal)>, InstallError> {
    let mut changes = vec![];
    for manifest in remove::order(all) {
        changes.push((manifest, remove::remove(client, manifest, all, bindings, true).await?));
    }
    Ok(changes)
}

async fn remove_all(
    engine: &KubernetesEngine,
    all: &[Manifest],
    bindings: &RoleBindings,
    until: Instant,
    common: &Common,
) -> anyhow::Result<u8> {
    let client = engine.client();
    for manifest in remove::order(all) {
        let done =
            remove::remove(&client, manifest, all, bindings, false).await.map_err(|e| install_error(common, &e))?;
        print_removal(manifest, &done, false, common);
        let awaited = manifest.name == CRD || manifest.name == NAMESPACE;
        if awaited && !remove::wait_until_gone(&client, manifest, until).await.map_err(|e| install_error(common, &e))? {
            return Err(not_removed(engine, manifest, common).await);
        }
    }
    Ok(exit_code::PASSED)
}

fn print_removal(manifest: &Manifest, done: &Removal, dry_run: bool, common: &Common) {
    let (word, more) = match done {
        Removal::Absent if manifest.is_obsolete() => return,
        Removal::Removed => ("removed", None),
        Removal::Absent => ("absent", None),
        Removal::Kept(by) => ("kept", Some(format!("also used by {}", by.join(", ")))),
    };
    print_change(common, word, &manifest.to_string(), more.as_deref(), dry_run);
}

/// Reports what is left of an object that was not removed in time.
async fn not_removed(engine: &KubernetesEngine, manifest: &Manifest, common: &Common) -> anyhow::Error {
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
    let text =
        format!("failed to remove {manifest} in time: it is still being removed; run `dayfly uninstall` again later");
    refuse(common, &text, &left)
}

fn refuse(common: &Common, text: &str, left: &[String]) -> anyhow::Error {
    if common.output == Output::Json {
        outln!("{}", serde_json::json!({"event": "error", "text": text, "left": left}));
    }
    left.iter().for_each(|line| errln!("  {line}"));
    errln!("error: {text}");
    anyhow::Error::new(ReportedError(exit_code::TEARDOWN))
}
