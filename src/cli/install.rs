//! `dayfly install`: gives a cluster everything that TestEnvironments need; twice is an upgrade.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use kube::Client;
use tokio::time::Instant;

use super::key::{self as keys, PassphraseSource};
use super::{Common, EngineChoice, Output, connect, exit, target, wiring};
use crate::engine::kubernetes::KubernetesEngine;
use crate::evidence::VerifyingKey;
use crate::evidence::key::{KeyKind, is_encrypted};
use crate::install::key::{Given, Known, Step};
use crate::install::{DEFINITION, InstallError, KEY_SECRET, apply, key, manifests, wait};

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
    let image = args.image.clone().unwrap_or_else(|| common.cluster.agent_image.clone());
    if image.is_empty() || image.contains(char::is_whitespace) {
        return Err(connect::usage(&format!("--image {image:?} is no image reference")).into());
    }
    let all = manifests::all(&image).map_err(|e| told(common, &e))?;
    if args.dry_run == Some(Trial::Print) {
        let text = manifests::yaml(&all).map_err(|e| told(common, &e))?;
        // A reader that has seen enough is no failure.
        std::io::stdout().write_all(text.as_bytes()).ok();
        return Ok(exit::PASSED);
    }
    let given = args.key.as_deref().map(|file| given(file, args.passphrase_file.clone())).transpose()?;
    let engine = reach(common).await?;
    let client = engine.client();
    let trial = args.dry_run.is_some();
    // What is wrong with keys is found before anything is changed.
    let there = key::find(&client).await.map_err(|e| told(common, &e))?;
    let step = key::decide(there.as_ref(), given.as_ref().map(|g| &g.public), args.replace_key);
    let step = step.map_err(|e| told(common, &e))?;
    let until = Instant::now() + args.timeout;
    objects(&client, &all, until, trial, common).await.map_err(|e| told(common, &e))?;
    let public = signing_key(&client, given, there.as_ref(), step, trial, common).await?;
    if trial {
        return Ok(exit::PASSED);
    }
    let pem = publish(public.as_ref(), args.public_key.as_deref())?;
    let waiting = |why: &str| eprintln!("waiting: {why}");
    wait::available(&client, until, waiting).await.map_err(|e| told(common, &e))?;
    finish(public.as_ref(), pem.as_deref(), args.public_key.as_deref(), &image, common);
    Ok(exit::PASSED)
}

/// The cluster that is meant; here that a cluster is meant needs no saying.
pub async fn reach(common: &Common) -> anyhow::Result<std::sync::Arc<KubernetesEngine>> {
    let mut meant = common.clone();
    if meant.engine.is_empty() {
        meant.engine = vec![EngineChoice::Kubernetes];
    }
    let target::Target::Kubernetes(context) = target::one(&meant)? else {
        return Err(connect::usage("this is for clusters: --engine kubernetes, or --context NAME").into());
    };
    let engine = target::cluster(context, common).await?.map_err(|e| connect::told(common, &e))?;
    eprintln!("cluster: {}", crate::engine::Engine::info(engine.as_ref()).endpoint);
    Ok(engine)
}

async fn objects(
    client: &Client,
    all: &[manifests::Manifest],
    until: Instant,
    trial: bool,
    common: &Common,
) -> Result<(), InstallError> {
    // A trial makes no namespace: what would go into it is not there either.
    let homeless = trial && !apply::has_home(client).await?;
    for manifest in all {
        let change = match &manifest.namespace {
            Some(_) if homeless => apply::Change::Created,
            _ => apply::apply(client, manifest, trial).await?,
        };
        say(common, change.word(), &manifest.to_string(), None, trial);
        if manifest.name == DEFINITION && !trial {
            wait::established(client, until).await?;
        }
    }
    Ok(())
}

/// The key that the user named.
fn given(file: &Path, passphrase_file: Option<PathBuf>) -> anyhow::Result<Given> {
    let source = PassphraseSource::new(passphrase_file.clone());
    let public = wiring::signing_key(file, passphrase_file)?.verifying_key();
    let pem = std::fs::read_to_string(file).with_context(|| format!("failed to read the key {}", file.display()))?;
    let passphrase = if is_encrypted(&pem) { source.given()? } else { None };
    if is_encrypted(&pem) && passphrase.is_none() {
        return Err(connect::usage(&format!(
            "{} is encrypted, and runners are asked by nobody: give --passphrase-file, or set {}",
            file.display(),
            keys::PASSPHRASE_VARIABLE
        ))
        .into());
    }
    Ok(Given { pem: pem.into(), passphrase, public })
}

/// A key of its own for this installation; it is nowhere but in the Secret.
fn made() -> anyhow::Result<Given> {
    let key = keys::random(KeyKind::P256)?;
    let pem = key.to_pem(None).context("failed to make a key")?;
    Ok(Given { pem, passphrase: None, public: key.verifying_key() })
}

async fn signing_key(
    client: &Client,
    given: Option<Given>,
    there: Option<&Known>,
    step: Step,
    trial: bool,
    common: &Common,
) -> anyhow::Result<Option<VerifyingKey>> {
    let (word, public) = match step {
        Step::Keep => ("unchanged", there.and_then(|k| k.public)),
        Step::Create | Step::Replace => {
            let given = given.map_or_else(made, Ok)?;
            if !trial {
                let instead = there.filter(|_| step == Step::Replace);
                key::put(client, &given, instead).await.map_err(|e| told(common, &e))?;
            }
            (if step == Step::Create { "created" } else { "configured" }, Some(given.public))
        }
    };
    let id = public.map(|p| p.keyid()).filter(|_| !(trial && step == Step::Create));
    say(common, word, &format!("Secret {KEY_SECRET}"), id.as_deref(), trial);
    Ok(public)
}

/// The public key as PEM, written to the file that was asked for: also when the controller does not become available.
fn publish(public: Option<&VerifyingKey>, file: Option<&Path>) -> anyhow::Result<Option<String>> {
    let pem = public.map(|p| p.to_pem().context("failed to write the public key")).transpose()?;
    if let (Some(file), Some(pem)) = (file, &pem) {
        std::fs::write(file, pem).with_context(|| format!("failed to write the public key to {}", file.display()))?;
    }
    Ok(pem)
}

/// What others need to know: with which key to verify.
fn finish(public: Option<&VerifyingKey>, pem: Option<&str>, file: Option<&Path>, image: &str, common: &Common) {
    let id = public.map(VerifyingKey::keyid);
    if common.output == Output::Json {
        let event = serde_json::json!({"event": "installed", "image": image, "keyid": id, "publicKey": pem});
        println!("{event}");
        return;
    }
    println!("{:<10} Deployment {}", "available", crate::install::CONTROLLER);
    match (file, pem, id) {
        (Some(file), Some(_), Some(id)) => println!("\nreports are verified with {} (key {id})", file.display()),
        (None, Some(pem), Some(id)) => println!("\nreports are verified with this public key, {id}:\n{pem}"),
        _ => eprintln!("the signing key is encrypted, and its public half is not in Secret {KEY_SECRET}"),
    }
}

/// One line for one object.
pub fn say(common: &Common, word: &str, object: &str, more: Option<&str>, trial: bool) {
    if common.output == Output::Json {
        println!("{}", serde_json::json!({"object": object, "change": word, "detail": more, "dryRun": trial}));
    } else {
        let more = more.map(|m| format!(" ({m})")).unwrap_or_default();
        println!("{word:<10} {object}{more}{}", if trial { " (dry run)" } else { "" });
    }
}

/// Tells what failed, and turns it into the exit code.
pub fn told(common: &Common, error: &InstallError) -> anyhow::Error {
    if common.output == Output::Json {
        println!("{}", serde_json::json!({"event": "error", "text": format!("failed to {error}")}));
    }
    eprintln!("error: failed to {error}");
    anyhow::Error::new(connect::Ended(exit::of_install(error)))
}
