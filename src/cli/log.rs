//! `dayfly log`: creates the log of an evidence folder, shows its entries, and verifies it.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::error::usage_error;
use super::request::DEFAULT_EVIDENCE;
use super::{Common, Output};
use crate::evidence::log::{self, Comparison, EntryKind, LogEntry};
use crate::evidence::store;
use crate::report::exit_code;
use crate::tlog::{Log, LogError, View};

mod keys;
pub mod seen;

pub use keys::{LogSigningArgs, LogTrustArgs};

/// Actions on the log.
#[derive(Debug, Subcommand)]
pub enum LogAction {
    /// Create the log of an evidence folder, and print its public key
    Create(CreateArgs),
    /// Show the entries of a log
    Show(ShowArgs),
    /// Verify the whole log, that it extends what was seen of it before, and that no evidence is missing
    Verify(VerifyLogArgs),
}

/// The evidence folder.
#[derive(Debug, Args)]
pub struct EvidenceArgs {
    /// Evidence folder, whose folder `log` is the log (default: `evidence` in the working folder)
    #[arg(long, value_name = "FOLDER", env = "DAYFLY_EVIDENCE", hide_env_values = true, default_value = DEFAULT_EVIDENCE)]
    evidence: PathBuf,
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

/// Arguments of `log verify`.
#[derive(Debug, Args)]
pub struct VerifyLogArgs {
    #[command(flatten)]
    evidence: EvidenceArgs,
    #[command(flatten)]
    trust: LogTrustArgs,
    /// File with the last checkpoint seen of each log (default: dayfly/logs.json in the folder of your state)
    #[arg(long, value_name = "FILE")]
    seen: Option<PathBuf>,
    /// Verify the log alone, without the evidence beside it
    #[arg(long)]
    log_only: bool,
}

/// Performs an action.
pub fn run(action: LogAction, common: &Common) -> anyhow::Result<u8> {
    let json = common.output == Output::Json;
    match action {
        LogAction::Create(args) => create(&args, json),
        LogAction::Show(args) => show(&args, json),
        LogAction::Verify(args) => verify(&args, json),
    }
}

fn create(args: &CreateArgs, json: bool) -> anyhow::Result<u8> {
    let key = keys::ed25519(&args.log_key)?;
    let folder = args.evidence.evidence.join(store::LOG);
    let log = match Log::create(&folder, &args.origin, key) {
        Ok(log) => log,
        Err(e @ LogError::Io { .. }) => {
            errln!("error: failed to {e}");
            return Ok(exit_code::NO_EVIDENCE);
        }
        Err(e) => return Err(usage_error(&format!("failed to {e}")).into()),
    };
    if json {
        outln!("{}", serde_json::json!({"log": folder, "origin": args.origin, "publicKey": log.key().to_string()}));
    } else {
        outln!("log         {}\npublic key  {}  (give it to everyone who verifies)", folder.display(), log.key());
        outln!("\nFrom now on, `dayfly run` and `dayfly reap` need --log-key with this evidence folder.");
    }
    Ok(exit_code::PASSED)
}

/// Why a log is refused; an absent one is a usage error.
fn refused(e: &LogError, json: bool) -> anyhow::Result<u8> {
    if let LogError::Absent(_) = e {
        return Err(usage_error(&format!("failed to {e}")).into());
    }
    let reason = format!("failed to {e}");
    match json {
        true => outln!("{:#}", serde_json::json!({"verified": false, "reason": reason})),
        false => errln!("REFUSED  {reason}"),
    }
    Ok(exit_code::REFUSED)
}

fn show(args: &ShowArgs, json: bool) -> anyhow::Result<u8> {
    let (key, witnesses) = args.trust.require()?;
    let view = match View::open(&args.evidence.evidence.join(store::LOG), &key, &witnesses) {
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

/// An entry in a line.
fn line(entry: &LogEntry) -> String {
    let kind = match entry.kind {
        EntryKind::RunOpened => "opened",
        EntryKind::Suite => "suite",
        EntryKind::Scan => "scan",
        EntryKind::Run => "run",
        EntryKind::Removal => "removal",
        EntryKind::Decision => "decision",
    };
    let what = entry.suite.as_deref().map(|suite| format!(" {suite}")).unwrap_or_default();
    let result = entry.result.as_deref().unwrap_or("-").to_uppercase();
    let of = match entry.kind {
        EntryKind::Decision => entry.images.first().map_or("-", |image| image.get(..12).unwrap_or(image)),
        _ => &entry.environment,
    };
    format!("{kind:<8} {result:<13} {of}  {}{what}", entry.id)
}

fn verify(args: &VerifyLogArgs, json: bool) -> anyhow::Result<u8> {
    let (key, witnesses) = args.trust.require()?;
    let evidence = &args.evidence.evidence;
    let file = args.seen.clone().or_else(seen::default_file);
    let usage = |why: String| usage_error(&format!("failed to verify the log: {why}"));
    let before = file.as_deref().map(|file| seen::last(file, &key)).transpose().map_err(usage)?.flatten();
    let checked = View::open(&evidence.join(store::LOG), &key, &witnesses).and_then(|view| {
        before.as_ref().map_or(Ok(()), |seen| view.extends(seen))?;
        Ok(view)
    });
    let view = match checked {
        Ok(view) => view,
        Err(e) => return refused(&e, json),
    };
    let compared = match args.log_only {
        true => view
            .check(|_, _| {})
            .map(|()| Comparison { entries: view.checkpoint().size, ..Comparison::default() })
            .map_err(Into::into),
        false => log::compare(evidence, &view),
    };
    let compared = match compared {
        Ok(compared) => compared,
        Err(crate::evidence::EvidenceError::Log(e)) => return refused(&e, json),
        Err(e) => {
            errln!("error: failed to {e}");
            return Ok(exit_code::NO_EVIDENCE);
        }
    };
    if let Some(file) = &file {
        seen::note(file, &key, view.note()).map_err(usage)?;
    }
    told(&view, &compared, before.map(|seen| seen.size), json);
    Ok(if compared.is_complete() { exit_code::PASSED } else { exit_code::REFUSED })
}

fn told(view: &View, compared: &Comparison, before: Option<u64>, json: bool) {
    let origin = &view.checkpoint().origin;
    if json {
        let verified = compared.is_complete();
        let value =
            serde_json::json!({"verified": verified, "origin": origin, "seenBefore": before, "compared": compared});
        outln!("{value:#}");
        return;
    }
    for (index, entry) in &compared.missing {
        errln!(
            "missing     entry {index}: {}: its statement {} is not in the evidence folder",
            line(entry),
            entry.statement
        );
    }
    for path in &compared.unrecorded {
        errln!("unrecorded  {}: the log has no entry for it", path.display());
    }
    for index in &compared.unknown {
        errln!("unknown     entry {index} is not one that this version knows");
    }
    for entry in &compared.never_closed {
        outln!("never closed  {} of {}: it counts as failed", entry.id, entry.environment);
    }
    let since = before.map_or_else(
        || "nothing was seen of it before".into(),
        |n| format!("it extends the {n} that were seen before"),
    );
    let state = if compared.is_complete() { "VERIFIED" } else { "REFUSED " };
    outln!("{state}  {origin}: {} entries; {since}", compared.entries);
}
