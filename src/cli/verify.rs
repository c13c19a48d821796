//! `dayfly verify`: checks evidence against a pinned public key and summarizes it.
//!
//! Verification is about authenticity: evidence of a failed run is good evidence. `--require-passed` asks for more.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::json;

use super::error::usage_error;
use super::key::load_public;
use super::report;
use super::stdio::{Stderr, Stdout};
use crate::evidence::verify::{Expectations, Refusal, folder, removal, verify as verify_file};
use crate::evidence::{VerifyingKey, store};
use crate::model::{Digest, is_hex};
use crate::report::exit_code;
use evidence::VerifiedEvidence;

mod evidence;
mod text;

/// Arguments of `verify`.
#[derive(Debug, Clone, Default, Args)]
pub struct VerifyArgs {
    /// Folder of a run or a removal, or a single envelope or bundle
    pub path: PathBuf,
    /// Public key to trust
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Require this head commit
    #[arg(long, value_name = "SHA")]
    pub commit: Option<String>,
    /// Require an image with this digest
    #[arg(long, value_name = "sha256:DIGEST")]
    pub image_digest: Option<String>,
    /// Require that the run passed
    #[arg(long)]
    pub require_passed: bool,
}

/// Verifies evidence; the exit code is 10 when it is refused.
pub fn run(args: VerifyArgs, json: bool) -> anyhow::Result<u8> {
    let args = VerifyArgs { path: run_folder(args.path)?, ..args };
    verify(&args, json, &mut Stdout, &mut Stderr).map_err(|e| usage_error(&format!("{e:#}")).into())
}

/// The folder of the only run below a folder; a file stays as it is.
fn run_folder(path: PathBuf) -> anyhow::Result<PathBuf> {
    let is_evidence = [store::OPENED, store::REMOVAL_BEGUN, store::REMOVAL_ENDED].iter().any(|f| path.join(f).exists());
    if !path.is_dir() || is_evidence {
        return Ok(path);
    }
    let report = report::find(&path).map_err(|e| usage_error(&format!("{e:#}")))?;
    Ok(report.parent().unwrap_or(&path).to_owned())
}

/// Writes the verified evidence to `out`, or the reason of the refusal to `err` (as JSON, both to `out`); returns the exit
/// code. An error is a usage error (exit code 2): no key, no such path, an invalid commit or digest.
pub fn verify(args: &VerifyArgs, json: bool, out: &mut dyn Write, err: &mut dyn Write) -> anyhow::Result<u8> {
    let Some(key) = &args.key else {
        bail!("failed to verify: give the public key to trust with --key; evidence cannot name its own trusted key");
    };
    let key = load_public(key)?;
    let expect = expect(args)?;
    match check(&args.path, &key, &expect)?.and_then(|evidence| required(args, evidence)) {
        Ok(evidence) => {
            let text = if json { pretty(&evidence.json(&key)) } else { text::summary(&evidence, &key) };
            out.write_all(text.as_bytes())?;
            Ok(exit_code::PASSED)
        }
        Err(reason) => {
            match json {
                true => out.write_all(pretty(&json!({"verified": false, "reason": reason})).as_bytes())?,
                false => writeln!(err, "REFUSED  {}: {reason}", args.path.display())?,
            }
            Ok(exit_code::REFUSED)
        }
    }
}

fn expect(args: &VerifyArgs) -> anyhow::Result<Expectations> {
    let image_sha256 = match args.image_digest.as_deref() {
        None => None,
        Some(text) => match text.parse::<Digest>() {
            Ok(digest) => Some(digest.hex()),
            Err(_) => bail!("failed to verify: --image-digest takes `sha256:` and 64 hexadecimal digits, not {text:?}"),
        },
    };
    if let Some(short) = args.commit.as_deref().filter(|c| c.len() < 40 && c.len() >= 7 && is_hex(c, c.len())) {
        bail!("failed to verify: --commit takes a full commit id (40 or 64 digits), not {short:?}");
    }
    Ok(Expectations { commit: args.commit.clone(), image_sha256 })
}

fn check(path: &Path, key: &VerifyingKey, expect: &Expectations) -> anyhow::Result<Result<VerifiedEvidence, String>> {
    let refused = |r: Refusal| r.to_string();
    if path.is_dir() {
        let files = store::read_run(path).map_err(|e| anyhow::anyhow!("failed to {e}"))?;
        if files.contains_key(store::REMOVAL_BEGUN) || files.contains_key(store::REMOVAL_ENDED) {
            return Ok(removal(&files, key, expect).map(|r| VerifiedEvidence::Removal(Box::new(r))).map_err(refused));
        }
        return Ok(folder(&files, key, expect).map(|r| VerifiedEvidence::Run(Box::new(r))).map_err(refused));
    }
    let bytes = std::fs::read(path).with_context(|| format!("failed to read {}", path.display()))?;
    Ok(verify_file(&bytes, key, expect).map(|v| VerifiedEvidence::File(v.content)).map_err(refused))
}

fn required(args: &VerifyArgs, evidence: VerifiedEvidence) -> Result<VerifiedEvidence, String> {
    let outcome = evidence.outcome();
    if args.require_passed && outcome != "PASSED" {
        return Err(format!("authentic, but the outcome is {outcome} and --require-passed was given"));
    }
    Ok(evidence)
}

fn pretty(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}
