//! `dayfly verify`: evidence against a pinned public key, and what it says in a few lines.
//!
//! Verification is about authenticity: evidence of a failed run is good evidence. `--require-passed` asks for more.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde_json::json;

use super::key::load_public;
use crate::evidence::predicate::{RemovalPredicate, RemovalState, TestOutcome};
use crate::evidence::statement::is_hex;
use crate::evidence::verify::{Expect, Refusal, Said, VerifiedRun, folder, removal, verify};
use crate::evidence::{VerifyingKey, removal as record, store};
use crate::model::Outcome;

mod text;

/// What the user asks.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// An envelope, a bundle, or the folder of a run or of a removal.
    pub path: PathBuf,
    /// Public key, PEM.
    pub key: Option<PathBuf>,
    /// Head commit that it must be about.
    pub commit: Option<String>,
    /// `sha256:…` of an image that it must be about.
    pub image_digest: Option<String>,
    /// Accept only what passed.
    pub require_passed: bool,
    /// JSON in place of text.
    pub json: bool,
}

/// How it ended, with its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// Authentic and as expected: 0.
    Verified,
    /// Refused: 10.
    Refused,
}

impl Judgement {
    /// 0 or 10.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Verified => 0,
            Self::Refused => 10,
        }
    }
}

/// What was verified.
enum Found {
    Run(Box<VerifiedRun>),
    Removal(Box<RemovalPredicate>),
    File(Said),
}

/// Verifies; writes what was found to `out`, or the one reason for refusing to `err` (with JSON, both to `out`).
/// An error is a usage error (exit code 2): no key, no such path, an expectation that is no commit or digest.
pub fn run(options: &Options, out: &mut dyn Write, err: &mut dyn Write) -> anyhow::Result<Judgement> {
    let Some(key) = &options.key else {
        bail!("failed to verify: give the public key to trust with --key; evidence cannot say itself whom to trust");
    };
    let key = load_public(key)?;
    let expect = expect(options)?;
    let judged = judge(&options.path, &key, &expect)?.and_then(|found| required(options, found));
    match judged {
        Ok(found) => {
            let text = if options.json { pretty(&as_json(&found, &key)) } else { text::found(&found, &key) };
            out.write_all(text.as_bytes())?;
            Ok(Judgement::Verified)
        }
        Err(reason) => {
            match options.json {
                true => out.write_all(pretty(&json!({"verified": false, "reason": reason})).as_bytes())?,
                false => writeln!(err, "REFUSED  {}: {reason}", options.path.display())?,
            }
            Ok(Judgement::Refused)
        }
    }
}

fn expect(options: &Options) -> anyhow::Result<Expect> {
    let image_sha256 = match options.image_digest.as_deref() {
        None => None,
        Some(text) => match text.strip_prefix("sha256:") {
            Some(hex) if is_hex(hex, 64) => Some(hex.to_ascii_lowercase()),
            _ => bail!("failed to verify: --image-digest takes `sha256:` and 64 hexadecimal digits, not {text:?}"),
        },
    };
    if let Some(short) = options.commit.as_deref().filter(|c| c.len() < 40 && c.len() >= 7 && is_hex(c, c.len())) {
        bail!("failed to verify: --commit takes the whole commit id (40 or 64 digits); {short:?} is a short one");
    }
    Ok(Expect { commit: options.commit.clone(), image_sha256 })
}

fn judge(path: &Path, key: &VerifyingKey, expect: &Expect) -> anyhow::Result<Result<Found, String>> {
    let refused = |r: Refusal| r.to_string();
    if path.is_dir() {
        let files = store::read_run(path).map_err(|e| anyhow::anyhow!("failed to {e}"))?;
        if files.contains_key(record::BEGUN) || files.contains_key(record::ENDED) {
            return Ok(removal(&files, key, expect).map(|r| Found::Removal(Box::new(r))).map_err(refused));
        }
        return Ok(folder(&files, key, expect).map(|r| Found::Run(Box::new(r))).map_err(refused));
    }
    let bytes = std::fs::read(path).with_context(|| format!("failed to read {}", path.display()))?;
    Ok(verify(&bytes, key, expect).map(|v| Found::File(v.said)).map_err(refused))
}

fn required(options: &Options, found: Found) -> Result<Found, String> {
    let outcome = outcome(&found);
    if options.require_passed && outcome != "PASSED" {
        return Err(format!("it is authentic, but its outcome is {outcome} and --require-passed was given"));
    }
    Ok(found)
}

fn outcome(found: &Found) -> &'static str {
    match found {
        Found::Run(r) => word(r.run.outcome),
        Found::File(Said::Run(r)) => word(r.outcome),
        Found::File(Said::Suite(s)) if s.test.result == TestOutcome::Passed => "PASSED",
        Found::File(Said::Suite(_)) => "FAILED",
        Found::File(Said::Opened(_)) => "OPENED",
        Found::Removal(r) | Found::File(Said::Removal(r)) => match r.state {
            RemovalState::Begun => "BEGUN",
            RemovalState::Removed => "REMOVED",
            RemovalState::Incomplete => "INCOMPLETE",
        },
    }
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "PASSED",
        Outcome::Failed => "FAILED",
        Outcome::Inconclusive => "INCONCLUSIVE",
        Outcome::Error => "ERROR",
        Outcome::Aborted => "ABORTED",
    }
}

fn as_json(found: &Found, key: &VerifyingKey) -> serde_json::Value {
    let mut value = json!({"verified": true, "keyid": key.keyid(), "outcome": outcome(found)});
    let more = match found {
        Found::Run(r) => {
            json!({"opened": r.opened, "run": r.run, "rawPresent": r.raw_present, "rawAbsent": r.raw_absent})
        }
        Found::File(Said::Run(r)) => json!({"run": r}),
        Found::File(Said::Suite(s)) => json!({"suite": s}),
        Found::File(Said::Opened(o)) => json!({"opened": o}),
        Found::Removal(r) | Found::File(Said::Removal(r)) => json!({"removal": r}),
    };
    if let (Some(value), serde_json::Value::Object(more)) = (value.as_object_mut(), more) {
        value.extend(more);
    }
    value
}

fn pretty(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}
