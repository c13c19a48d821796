//! `dayfly log witness`: signs the checkpoint of a log that extends what this witness saw of it. No server: whoever runs it reads the folder.

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use serde_json::json;

use super::keys::{self, LogTrustArgs};
use super::seen;
use super::words::refused;
use crate::cli::error::usage_error;
use crate::evidence::store;
use crate::report::exit_code;
use crate::tlog::note::KeyUse;
use crate::tlog::{LogError, LogSigner, View, witness};

/// Arguments of `log witness`.
#[derive(Debug, Args)]
pub struct SignArgs {
    /// Evidence folder whose log is signed; the signature is stored in its folder `log/witnessed`
    evidence: PathBuf,
    #[command(flatten)]
    trust: LogTrustArgs,
    /// Private Ed25519 key of the witness (from `dayfly key generate FILE --kind ed25519`), which signs nothing else
    #[arg(long, value_name = "FILE")]
    witness_key: PathBuf,
    /// Name of the witness, such as audit.example/witness: nobody else may use it
    #[arg(long)]
    name: String,
    /// Memory of the witness: the last checkpoint that it signed. Keep it where nobody who writes to the log can change it
    #[arg(long, value_name = "FILE")]
    seen: PathBuf,
    /// Begin: the memory has nothing of this log yet
    #[arg(long)]
    first: bool,
}

/// Signs; the exit code is 10 if the log is refused.
pub(super) fn run(args: &SignArgs, json: bool) -> anyhow::Result<u8> {
    let usage = |why: String| usage_error(&format!("failed to witness the log: {why}"));
    let log = args.trust.require()?;
    let key = keys::ed25519(&args.witness_key)?;
    let invalid = |why: String| usage_error(&format!("--name: {why}"));
    let signer = LogSigner::new(&args.name, KeyUse::Witness, key).map_err(invalid)?;
    if signer.public().is_same_key(&log) {
        return Err(usage(
            "the key is that of the log; a witness needs one that the log's holder does not have".into(),
        )
        .into());
    }
    let file = keys::PublicFile::of(&args.witness_key, signer.public())?;
    // Two at once could each sign another history.
    let _alone = seen::lock(&args.seen).map_err(usage)?;
    let before = seen::note_of(&args.seen, &log).map_err(usage)?;
    let memory = args.seen.display();
    match (&before, args.first) {
        (None, false) => {
            let why = format!(
                "{memory} has nothing of the log {}: if this witness never signed it, give --first; otherwise bring the file back, because without it another history would be signed",
                log.name()
            );
            return Err(usage(why).into());
        }
        (Some(_), true) => {
            return Err(usage(format!("{memory} has the log {} already; leave out --first", log.name())).into());
        }
        _ => {}
    }
    let remember = |note: &str| {
        let failed = |source: std::io::Error| LogError::Io { doing: "write", path: args.seen.clone(), source };
        seen::replace(&args.seen, &log, note).map_err(|why| failed(std::io::Error::other(why)))
    };
    let signed = View::open(&args.evidence.join(store::LOG), &log)
        .and_then(|view| witness::cosign(&view, before.as_deref(), &signer, Timestamp::now(), remember));
    let signed = match signed {
        Ok(signed) => signed,
        Err(e @ LogError::Clock { .. }) => return Err(usage_error(&format!("failed to {e}")).into()),
        Err(e @ LogError::Io { doing, .. }) if doing != "read" => {
            errln!("error: failed to {e}");
            return Ok(exit_code::NO_EVIDENCE);
        }
        Err(e) => return refused(&e, json),
    };
    file.write(signer.public());
    let entries = signed.checkpoint.size;
    if json {
        let value = json!({"signed": true, "origin": log.name(), "entries": entries, "time": signed.time,
            "publicKey": signer.public().to_string(), "publicKeyFile": file.path});
        outln!("{value}");
    } else {
        outln!("SIGNED    {}: {entries} entries at {}", log.name(), signed.time);
        outln!("witness   {}", signer.public());
        outln!("          in {}; give it to everyone who verifies", file.path.display());
    }
    Ok(exit_code::PASSED)
}
