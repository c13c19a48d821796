//! `dayfly install`: installs or upgrades the controller in a cluster.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use kube::Client;
use tokio::time::Instant;

use super::error::usage_error;
use super::{Common, Output, description, stdio};
use crate::identity;
use crate::install::manifests::{self, Manifest};
use crate::install::remove::{self, Removal, RoleBindings};
use crate::install::{CONTROLLER, CRD, InstallError, apply, key, policy, wait};
use crate::policy::Policy;
use crate::report::exit_code;
use output::{install_error, print_change};

pub mod cluster;
pub mod output;
mod signing;

/// Arguments of `install`.
#[derive(Debug, Args)]
pub struct InstallArgs {
    /// Image of the controller, the runners and the reaper (default: --agent-image)
    #[arg(long, value_name = "REFERENCE")]
    image: Option<String>,
    /// Private key that signs reports (default: the installed key, or a new one)
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// File with the key's passphrase (or set DAYFLY_KEY_PASSPHRASE)
    #[arg(long, value_name = "FILE", requires = "key")]
    passphrase_file: Option<PathBuf>,
    /// Replace the installed key with --key
    #[arg(long, requires = "key")]
    replace_key: bool,
    /// Output file for the public key (default: standard output)
    #[arg(long, value_name = "FILE")]
    public_key: Option<PathBuf>,
    /// Policy with the limits of descriptions (default: the installed policy, or dayfly's built-in limits)
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Print the manifests, or preview the changes, without installing anything
    #[arg(long, value_enum, value_name = "HOW", num_args = 0..=1, require_equals = true, default_missing_value = "print")]
    dry_run: Option<DryRun>,
    /// How long to wait for the controller to become available
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = humantime::parse_duration)]
    timeout: Duration,
}

/// Kinds of dry run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DryRun {
    /// Print the manifests as YAML for kubectl; needs no cluster
    Print,
    /// Preview the change of each object with a server-side dry run
    Server,
}

/// Installs or upgrades.
pub async fn run(args: InstallArgs, common: &Common) -> anyhow::Result<u8> {
    let image = args.image.as_ref().unwrap_or(&common.cluster.agent_image);
    if image.is_empty() || image.contains(char::is_whitespace) {
        return Err(usage_error(&format!("invalid --image {image:?}: expected an image reference")).into());
    }
    let mut all = manifests::all(image).map_err(|e| install_error(common, &e))?;
    if let Some(file) = &args.policy {
        add_policy(&mut all, file, common)?;
    }
    if args.dry_run == Some(DryRun::Print) {
        let text = manifests::yaml(&all).map_err(|e| install_error(common, &e))?;
        stdio::out(&text);
        return Ok(exit_code::PASSED);
    }
    let given = args.key.as_deref().map(|file| signing::read(file, args.passphrase_file.clone())).transpose()?;
    let client = cluster::connect(common).await?.client();
    if args.policy.is_none() {
        policy::keep(&client, &mut all).await.map_err(|e| install_error(common, &e))?;
    }
    // Errors in keys or permissions must be found before anything is changed.
    let there = key::installed(&client).await.map_err(|e| install_error(common, &e))?;
    let step = key::decide(there.as_ref(), given.as_ref().map(|g| &g.public), args.replace_key);
    let step = step.map_err(|e| install_error(common, &e))?;
    let preview = preview(&client, &all).await.map_err(|e| install_error(common, &e))?;
    let bindings = RoleBindings::find(&client).await.map_err(|e| install_error(common, &e))?;
    if args.dry_run.is_some() {
        remove_obsolete(&client, &all, &bindings, true, common).await.map_err(|e| install_error(common, &e))?;
        all.iter()
            .zip(&preview)
            .for_each(|(m, change)| print_change(common, change.as_str(), &m.to_string(), None, true));
        signing::print_change(step, there.as_ref().and_then(|k| k.public.as_ref()), true, common);
        return Ok(exit_code::PASSED);
    }
    let until = Instant::now() + args.timeout;
    apply_all(&client, &all, until, common).await.map_err(|e| install_error(common, &e))?;
    remove_obsolete(&client, &all, &bindings, false, common).await.map_err(|e| install_error(common, &e))?;
    let public = signing::put(&client, given, there.as_ref(), step, common).await?;
    let pem = signing::publish(public.as_ref(), args.public_key.as_deref())?;
    wait_until_available(&client, until, common).await?;
    signing::print_public_key(public.as_ref(), pem.as_deref(), args.public_key.as_deref(), image, common);
    Ok(exit_code::PASSED)
}

fn add_policy(all: &mut Vec<Manifest>, file: &Path, common: &Common) -> anyhow::Result<()> {
    let (given, text) = description::printed(crate::policy::load_text(file), common.output == Output::Json)?;
    let keys = key_files(&given, file)?;
    policy::add(all, &given, &text, &keys).map_err(|e| install_error(common, &e))
}

/// The key sets that a policy names as files beside it.
fn key_files(policy: &Policy, file: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let names = policy.issuers().iter().map(|i| &i.keys).filter(|keys| !keys.starts_with("https://"));
    let read = |name: &String| {
        let text = identity::read_key_file(folder, name);
        text.map(|text| (name.clone(), text))
            .map_err(|why| usage_error(&format!("failed to read the keys that the policy names: {why}")).into())
    };
    names.map(read).collect()
}

async fn wait_until_available(client: &Client, until: Instant, common: &Common) -> anyhow::Result<()> {
    let waiting = |why: &str| errln!("waiting: {why}");
    wait::available(client, until, waiting).await.map_err(|e| install_error(common, &e))?;
    if common.output == Output::Text {
        outln!("{:<10} Deployment {CONTROLLER}", "available");
    }
    Ok(())
}

/// Previews the change of each object by a server-side dry run. Before the namespace exists, the objects inside it cannot
/// be tried; they count as created.
async fn preview(client: &Client, all: &[Manifest]) -> Result<Vec<apply::Change>, InstallError> {
    let no_namespace = !apply::namespace_exists(client).await?;
    let mut changes = vec![];
    for manifest in all {
        changes.push(match &manifest.namespace {
            Some(_) if no_namespace => apply::Change::Created,
            _ => apply::apply(client, manifest, true).await?,
        });
    }
    Ok(changes)
}

async fn apply_all(client: &Client, all: &[Manifest], until: Instant, common: &Common) -> Result<(), InstallError> {
    for manifest in all {
        let change = apply::apply(client, manifest, false).await?;
        print_change(common, change.as_str(), &manifest.to_string(), None, false);
        if manifest.name == CRD {
            wait::established(client, until).await?;
        }
    }
    Ok(())
}

/// Removes what an earlier version installed and this one does not.
async fn remove_obsolete(
    client: &Client,
    all: &[Manifest],
    bindings: &RoleBindings,
    dry_run: bool,
    common: &Common,
) -> Result<(), InstallError> {
    for manifest in manifests::obsolete() {
        if remove::remove(client, &manifest, all, bindings, dry_run).await? == Removal::Removed {
            print_change(common, "removed", &manifest.to_string(), None, dry_run);
        }
    }
    Ok(())
}
