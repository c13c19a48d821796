//! `dayfly log`: creates the log of an evidence folder, shows its entries, verifies it, and signs what a witness saw of it.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::error::usage_error;
use super::{Common, Output};
use crate::evidence::log::LogEntry;
use crate::evidence::store;
use crate::report::exit_code;
use crate::tlog::note::KeyUse;
use crate::tlog::{Log, LogError, LogKey, View};

mod folder;
mod keys;
pub mod seen;
mod verify;
mod witness;
mod words;

pub use keys::{LogSigningArgs, LogTrustArgs, WitnessArgs};

use folder::EvidenceArgs;
use words::{line, refused};

/// Actions on the log.
#[derive(Debug, Subcommand)]
pub enum LogAction {
    /// Create the log of an evidence folder, and write its public key
    Create(CreateArgs),
    /// Show the entries of a log
    Show(ShowArgs),
    /// Verify the whole log, that it extends what was seen of it before, and that no evidence is missing
    Verify(verify::VerifyLogArgs),
    /// Sign the checkpoint of somebody else's log with the time, if it extends what this witness saw before
    Witness(witness::SignArgs),
}

/// Arguments of `log create`.
#[derive(Debug, Args)]
pub struct CreateArgs {
    /// Name of the log, such as git.example/team/evidence: nobody else may use it
    #[arg(long, value_name = "NAME")]
    origin: String,
    /// Private Ed25519 key of the log (from `dayfly key generate FILE --kind ed25519`), which signs nothing else
    #[arg(long, value_name = "FILE", env = "DAYFLY_LOG_KEY", hide_env_values = true)]
    log_key: PathBuf,
    #[command(flatten)]
    evidence: EvidenceArgs,
}

/// Arguments of `log show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Show entries of this environment only
    #[arg(value_name = "ENVIRONMENT")]
    environment: Option<String>,
    /// Show entries of this pull request only
    #[arg(long, value_name = "NUMBER")]
    pr: Option<u64>,
    #[command(flatten)]
    evidence: EvidenceArgs,
    #[command(flatten)]
    trust: LogTrustArgs,
}

/// Performs an action.
pub fn run(action: LogAction, common: &Common) -> anyhow::Result<u8> {
    let json = common.output == Output::Json;
    match action {
        LogAction::Create(args) => create(&args, json),
        LogAction::Show(args) => show(&args, json),
        LogAction::Verify(args) => verify::run(&args, json),
        LogAction::Witness(args) => witness::run(&args, json),
    }
}

fn create(args: &CreateArgs, json: bool) -> anyhow::Result<u8> {
    let key = keys::ed25519(&args.log_key)?;
    let invalid = |why: String| usage_error(&format!("--origin: {why}"));
    let public = LogKey::new(&args.origin, KeyUse::Log, key.verifying_key()).map_err(invalid)?;
    let file = keys::PublicFile::of(&args.log_key, &public)?;
    let folder = args.evidence.evidence.join(store::LOG);
    let log = match Log::create(&folder, &args.origin, key) {
        Ok(log) => log,
        Err(e @ LogError::Io { .. }) => {
            errln!("error: failed to {e}");
            return Ok(exit_code::NO_EVIDENCE);
        }
        Err(e) => return Err(usage_error(&format!("failed to {e}")).into()),
    };
    file.write(&public);
    if json {
        outln!(
            "{}",
            serde_json::json!({"log": folder, "origin": args.origin, "publicKey": log.key().to_string(), "publicKeyFile": file.path})
        );
    } else {
        outln!("log         {}\npublic key  {}", folder.display(), log.key());
        outln!("            in {}; give it to everyone who verifies", file.path.display());
        outln!("\nFrom now on, `dayfly run` and `dayfly reap` need --log-key with this evidence folder.");
    }
    Ok(exit_code::PASSED)
}

fn show(args: &ShowArgs, json: bool) -> anyhow::Result<u8> {
    let key = args.trust.require()?;
    let view = match View::open(&args.evidence.evidence.join(store::LOG), &key) {
        Ok(view) => view,
        Err(e) => return refused(&e, json),
    };
    let wanted = |entry: &LogEntry| {
        args.environment.as_ref().is_none_or(|e| *e == entry.environment)
            && args.pr.is_none_or(|pr| entry.pr == Some(pr))
    };
    for bundle in view.entries(0) {
        let bundle = match bundle {
            Ok(bundle) => bundle,
            Err(e) => return refused(&e, json),
        };
        for (index, bytes) in bundle {
            match serde_json::from_slice::<LogEntry>(&bytes) {
                Ok(entry) if !wanted(&entry) => {}
                Ok(entry) if json => outln!("{}", serde_json::json!({"index": index, "entry": entry})),
                Ok(entry) => outln!("{index:>6}  {}", line(&entry)),
                Err(_) => errln!("warning: entry {index} is not one that this version knows"),
            }
        }
    }
    Ok(exit_code::PASSED)
}
