//! `dayfly install`: gives a cluster everything that TestEnvironments need; twice is an upgrade.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use kube::Client;
use tokio::time::Instant;

use super::{Common, EngineChoice, Output, connect, stdio, target};
use crate::engine::Engine as _;
use crate::engine::kubernetes::KubernetesEngine;
use crate::install::manifests::{self, Manifest};
use crate::install::remove::{self, Removal, RoleBindings};
use crate::install::{CONTROLLER, CRD, InstallError, apply, key, wait};
use crate::report::exit_code;

mod signing;

/// Arguments of `install`.
#[derive(Debug, Args)]
pub struct InstallArgs {
    /// dayfly's own image, for the controller, runners and the janitor (default: --agent-image)
    #[arg(long, value_name = "REFERENCE")]
    image: Option<String>,
    /// Private key that signs reports; without one the key that is there is kept, or one is made
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// File that holds the key's passphrase (or set DAYFLY_KEY_PASSPHRASE)
    #[arg(long, value_name = "FILE", requires = "key")]
    passphrase_file: Option<PathBuf>,
    /// Put --key in place of another that is there
    #[arg(long, requires = "key")]
    replace_key: bool,
    /// File for the public key, in place of standard output
    #[arg(long, value_name = "FILE")]
    public_key: Option<PathBuf>,
    /// Install nothing: print the manifests, or let the cluster say what would change
    #[arg(long, value_enum, value_name = "HOW", num_args = 0..=1, require_equals = true, default_missing_value = "print")]
    dry_run: Option<Trial>,
    /// How long to wait until the controller is available
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = humantime::parse_duration)]
    timeout: Duration,
}

/// What is done in place of installing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Trial {
    /// Print the manifests as YAML, for kubectl; needs no cluster
    Print,
    /// Ask the cluster, object by object
    Server,
}

/// Installs or upgrades.
pub async fn run(args: InstallArgs, common: &Common) -> anyhow::Result<u8> {
    let image = args.image.as_ref().unwrap_or(&common.cluster.agent_image);
    if image.is_empty() || image.contains(char::is_whitespace) {
        return Err(connect::usage(&format!("--image {image:?} is no image reference")).into());
    }
    let all = manifests::all(image).map_err(|e| told(common, &e))?;
    if args.dry_run == Some(Trial::Print) {
        let text = manifests::yaml(&all).map_err(|e| told(common, &e))?;
        stdio::out(&text);
        return Ok(exit_code::PASSED);
    }
    let given = args.key.as_deref().map(|file| signing::given(file, args.passphrase_file.clone())).transpose()?;
    let client = reach(common).await?.client();
    // What is wrong with keys or rights is found before anything is changed.
    let there = key::installed(&client).await.map_err(|e| told(common, &e))?;
    let step = key::decide(there.as_ref(), given.as_ref().map(|g| &g.public), args.replace_key);
    let step = step.map_err(|e| told(common, &e))?;
    let tried = tried(&client, &all).await.map_err(|e| told(common, &e))?;
    let bindings = RoleBindings::find(&client).await.map_err(|e| told(common, &e))?;
    if args.dry_run.is_some() {
        remove_obsolete(&client, &all, &bindings, true, common).await.map_err(|e| told(common, &e))?;
        all.iter().zip(&tried).for_each(|(m, change)| say(common, change.as_str(), &m.to_string(), None, true));
        signing::tell(step, there.as_ref().and_then(|k| k.public.as_ref()), true, common);
        return Ok(exit_code::PASSED);
    }
    let until = Instant::now() + args.timeout;
    objects(&client, &all, until, common).await.map_err(|e| told(common, &e))?;
    remove_obsolete(&client, &all, &bindings, false, common).await.map_err(|e| told(common, &e))?;
    let public = signing::put(&client, given, there.as_ref(), step, common).await?;
    let pem = signing::publish(public.as_ref(), args.public_key.as_deref())?;
    available(&client, until, common).await?;
    signing::finish(public.as_ref(), pem.as_deref(), args.public_key.as_deref(), image, common);
    Ok(exit_code::PASSED)
}

async fn available(client: &Client, until: Instant, common: &Common) -> anyhow::Result<()> {
    let waiting = |why: &str| errln!("waiting: {why}");
    wait::available(client, until, waiting).await.map_err(|e| told(common, &e))?;
    if common.output == Output::Text {
        outln!("{:<10} Deployment {CONTROLLER}", "available");
    }
    Ok(())
}

/// The cluster that is meant; here that a cluster is meant needs no saying.
pub async fn reach(common: &Common) -> anyhow::Result<Arc<KubernetesEngine>> {
    let mut meant = common.clone();
    if meant.engine.is_empty() {
        meant.engine = vec![EngineChoice::Kubernetes];
    }
    let target::Target::Kubernetes(context) = target::one(&meant)? else {
        return Err(connect::usage("this is for clusters: --engine kubernetes, or --context NAME").into());
    };
    let engine = target::cluster(context, common).await?.map_err(|e| connect::told(common, &e))?;
    errln!("cluster: {}", engine.info().endpoint);
    Ok(engine)
}

/// What would come of each object. Before the namespace is there, nothing can be asked about what goes into it; whoever may
/// make all the rest may make that as well.
async fn tried(client: &Client, all: &[Manifest]) -> Result<Vec<apply::Change>, InstallError> {
    let homeless = !apply::namespace_exists(client).await?;
    let mut changes = vec![];
    for manifest in all {
        changes.push(match &manifest.namespace {
            Some(_) if homeless => apply::Change::Created,
            _ => apply::apply(client, manifest, true).await?,
        });
    }
    Ok(changes)
}

async fn objects(client: &Client, all: &[Manifest], until: Instant, common: &Common) -> Result<(), InstallError> {
    for manifest in all {
        let change = apply::apply(client, manifest, false).await?;
        say(common, change.as_str(), &manifest.to_string(), None, false);
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
    trial: bool,
    common: &Common,
) -> Result<(), InstallError> {
    for manifest in manifests::obsolete() {
        if remove::remove(client, &manifest, all, bindings, trial).await? == Removal::Removed {
            say(common, "removed", &manifest.to_string(), None, trial);
        }
    }
    Ok(())
}

/// One line for one object.
pub fn say(common: &Common, word: &str, object: &str, more: Option<&str>, trial: bool) {
    if common.output == Output::Json {
        outln!("{}", serde_json::json!({"object": object, "change": word, "detail": more, "dryRun": trial}));
    } else {
        let more = more.map(|m| format!(" ({m})")).unwrap_or_default();
        outln!("{word:<10} {object}{more}{}", if trial { " (dry run)" } else { "" });
    }
}

/// Tells what failed, and turns it into the exit code.
pub fn told(common: &Common, error: &InstallError) -> anyhow::Error {
    if common.output == Output::Json {
        outln!("{}", serde_json::json!({"event": "error", "text": format!("failed to {error}")}));
    }
    errln!("error: failed to {error}");
    anyhow::Error::new(connect::Ended(exit_code_of(error)))
}

/// The exit code of an installation that failed.
fn exit_code_of(error: &InstallError) -> u8 {
    match error {
        InstallError::Manifest(_) | InstallError::Forbidden { .. } | InstallError::Api { .. } => exit_code::UNEXPECTED,
        InstallError::OtherKey { .. } | InstallError::BrokenKey(_) => exit_code::USAGE,
        InstallError::NotReady { capacity: true, .. } => exit_code::NO_CAPACITY,
        InstallError::NotReady { .. } => exit_code::NOT_READY,
    }
}
