//! `dayfly verify`: checks evidence against a pinned public key and summarizes it.
//!
//! Verification is about authenticity: evidence of a failed run is good evidence. Requirements ask for more.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::json;

use super::args::commit_of;
use super::error::usage_error;
use super::log::{LogTrustArgs, WitnessArgs};
use super::report;
use super::stdio;
use crate::evidence::verify::{Expectations, Logged, Refusal, Requirements, logged};
use crate::evidence::{VerifyingKey, read, store};
use crate::model::{BuiltFrom, Digest, Repository, RunId, is_hex};
use crate::report::exit_code;
use crate::spec::model::SuiteKind;
use evidence::VerifiedEvidence;
use files::{check_file, check_folder, read_with_proof};
use trust::Trust;

mod evidence;
mod files;
mod text;
mod trust;

/// Arguments of `verify`.
#[derive(Debug, Clone, Default, Args)]
pub struct VerifyArgs {
    /// Folder of a run or a removal, or a single envelope or bundle
    pub path: PathBuf,
    /// Public key to trust
    // `--key` is the private key of other commands; here it was the name once.
    #[arg(long = "public-key", alias = "key", value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// List of keys to trust, with their use, validity and revocations (`kind: TrustedKeys`)
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    pub keys: Option<PathBuf>,
    /// Believe this witness of the log since when statements of a revoked key exist: its public key, or a file with it
    /// (repeatable)
    #[arg(long, value_name = "KEY|FILE", requires_all = ["keys", "log_public_key"])]
    pub witness: Vec<String>,
    /// Require this head commit
    #[arg(long, value_name = "SHA")]
    pub commit: Option<String>,
    /// Require an image with this digest
    #[arg(long, value_name = "sha256:DIGEST")]
    pub image_digest: Option<String>,
    /// Accept a run whose raw logs and result files are missing
    #[arg(long)]
    pub allow_missing_raw: bool,
    #[command(flatten)]
    pub log: LogTrustArgs,
    #[command(flatten)]
    pub required: RequirementArgs,
}

/// Requirements on a run.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Requirements on a run")]
pub struct RequirementArgs {
    /// Require that the run passed
    #[arg(long)]
    pub require_passed: bool,
    /// Require this pull request
    #[arg(long, value_name = "NUMBER")]
    pub pr: Option<u32>,
    /// Require this repository
    #[arg(long, value_name = "URL|OWNER/NAME")]
    pub repository: Option<String>,
    /// Require this requester: the namespace of the TestEnvironment, and the user; without a namespace, the command line
    #[arg(long, value_name = "NAMESPACE[/USER]")]
    pub requester: Option<String>,
    /// Require proof that the requester belongs to the repository: by the operator's policy, or by an identity token
    #[arg(long)]
    pub require_proven: bool,
    /// Require this run
    #[arg(long, value_name = "ID")]
    pub run: Option<RunId>,
    /// Refuse a run that ended longer ago
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub max_age: Option<Duration>,
    /// Require that this suite passed, and its digest if one is given (repeatable)
    #[arg(long, value_name = "NAME[=sha256:DIGEST]")]
    pub require_suite: Vec<String>,
    /// Require a passed suite of this kind (repeatable)
    #[arg(long, value_name = "KIND", value_parser = suite_kind)]
    pub require_kind: Vec<SuiteKind>,
    /// Count only suites of the protected base (`--suites-from`), and require that there are some and all passed
    #[arg(long)]
    pub require_base_suites: bool,
    /// Require that the suites of the base come from this commit; implies --require-base-suites
    #[arg(long, value_name = "SHA")]
    pub base_commit: Option<String>,
    /// Require that the suites of the base come from a file with this digest; implies --require-base-suites
    #[arg(long, value_name = "sha256:DIGEST")]
    pub base_digest: Option<String>,
    /// Require that the image of this service was built from this commit, as the requester said, and that the image does not say
    /// otherwise (repeatable)
    #[arg(long, value_name = "SERVICE=REPOSITORY@SHA", value_parser = commit_of)]
    pub require_commit_of: Vec<(String, BuiltFrom)>,
    /// Accept that the condition of this suite left it out, with --require-passed or suites of the base (repeatable)
    #[arg(long, value_name = "NAME")]
    pub may_leave_out: Vec<String>,
    /// Require this digest of the description as resolved
    #[arg(long, value_name = "sha256:DIGEST")]
    pub description_digest: Option<String>,
    /// Require this digest of the operator's policy
    #[arg(long, value_name = "sha256:DIGEST")]
    pub policy_digest: Option<String>,
    /// Require that the run removed its environment completely
    #[arg(long)]
    pub require_removed: bool,
    /// Refuse a run with a service or suite that departs from the secure defaults
    #[arg(long)]
    pub no_departures: bool,
}

/// Verifies evidence; the exit code is 10 when it is refused.
pub fn run(args: VerifyArgs, json: bool) -> anyhow::Result<u8> {
    let args = VerifyArgs { path: run_folder(args.path)?, ..args };
    let (mut out, mut err) = (vec![], vec![]);
    let code = verify(&args, json, &mut out, &mut err).map_err(|e| usage_error(&format!("{e:#}")))?;
    stdio::out(&String::from_utf8_lossy(&out));
    stdio::err(&String::from_utf8_lossy(&err));
    Ok(code)
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
    let trust = Trust::of(args.key.as_deref(), args.keys.as_deref(), json)?;
    let expect = expect(args)?;
    match check(args, &trust, &expect)? {
        Ok((evidence, key, logged)) => {
            let text = match json {
                true => {
                    let mut value = evidence.json(&key);
                    value["log"] = json!(logged);
                    pretty(&value)
                }
                false => text::summary(&evidence, &key, logged.as_ref()),
            };
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
    let image_sha256 = args.image_digest.as_deref().map(|d| sha256("--image-digest", d)).transpose()?;
    if let Some(other) = args.commit.as_deref().filter(|c| !is_hex(c, 40) && !is_hex(c, 64)) {
        bail!("failed to verify: --commit takes a full commit id (40 or 64 digits), not {other:?}");
    }
    Ok(Expectations { commit: args.commit.clone(), image_sha256 })
}

fn requirements(args: &VerifyArgs) -> anyhow::Result<Requirements> {
    let of = &args.required;
    let repository = |text: &String| match Repository::parse(text) {
        Some(repository) => Ok(repository),
        None => bail!("failed to verify: --repository takes a URL or OWNER/NAME, not {text:?}"),
    };
    let suite = |text: &String| match text.split_once('=') {
        Some((name, digest)) => Ok((name.to_owned(), Some(sha256("--require-suite", digest)?))),
        None => Ok((text.clone(), None)),
    };
    if let Some(text) = of.base_commit.as_ref().filter(|c| !is_hex(c, 40) && !is_hex(c, 64)) {
        bail!("failed to verify: --base-commit takes a full commit id (40 or 64 digits), not {text:?}");
    }
    if let Some((name, from)) = of.require_commit_of.iter().find(|(_, from)| ![40, 64].contains(&from.commit.len())) {
        let why = format!("--require-commit-of {name}: {} is a short commit id, which names several", from.commit);
        bail!(usage_error(&why));
    }
    Ok(Requirements {
        base_suites: of.require_base_suites,
        built_from: of.require_commit_of.clone(),
        may_be_left_out: of.may_leave_out.clone(),
        base_commit: of.base_commit.clone(),
        base_sha256: of.base_digest.as_deref().map(|d| sha256("--base-digest", d)).transpose()?,
        passed: of.require_passed,
        pull_request: of.pr,
        repository: of.repository.as_ref().map(repository).transpose()?,
        requester: of.requester.as_deref().map(|text| match text.split_once('/') {
            Some((namespace, user)) => (namespace.to_owned(), Some(user.to_owned())),
            None => (text.to_owned(), None),
        }),
        proven: of.require_proven,
        run: of.run,
        max_age: of.max_age,
        suites: of.require_suite.iter().map(suite).collect::<anyhow::Result<_>>()?,
        kinds: of.require_kind.clone(),
        description_sha256: of.description_digest.as_deref().map(|d| sha256("--description-digest", d)).transpose()?,
        policy_sha256: of.policy_digest.as_deref().map(|d| sha256("--policy-digest", d)).transpose()?,
        removed: of.require_removed,
        no_departures: of.no_departures,
        raw_may_be_absent: args.allow_missing_raw,
    })
}

fn sha256(flag: &str, text: &str) -> anyhow::Result<String> {
    match text.parse::<Digest>() {
        Ok(digest) => Ok(digest.hex()),
        Err(_) => bail!("failed to verify: {flag} takes `sha256:` and 64 hexadecimal digits, not {text:?}"),
    }
}

fn suite_kind(text: &str) -> Result<SuiteKind, String> {
    match text {
        "acceptance" => Ok(SuiteKind::Acceptance),
        "security" => Ok(SuiteKind::Security),
        "dependencies" => Ok(SuiteKind::Dependencies),
        _ => Err("use `acceptance`, `security` or `dependencies`".into()),
    }
}

/// Evidence, the key that signed it, and where it is recorded.
type Checked = (VerifiedEvidence, VerifyingKey, Option<Logged>);

/// Verifies what is at the path. An absent path is an error; whatever else is wrong with it is a reason to refuse.
fn check(args: &VerifyArgs, trust: &Trust, expect: &Expectations) -> anyhow::Result<Result<Checked, String>> {
    let meta = std::fs::metadata(&args.path).with_context(|| format!("failed to read {}", args.path.display()))?;
    let requirements = requirements(args)?;
    let log = args.log.key()?;
    let witnesses = WitnessArgs { witness: args.witness.clone() };
    let witnesses = log.as_ref().map(|log| witnesses.keys(log)).transpose()?.unwrap_or_default();
    let files = if meta.is_dir() {
        read::read_run(&args.path).map_err(|e| format!("failed to {e}"))
    } else {
        read_with_proof(&args.path)
    };
    let verified = files.and_then(|files| {
        let key = trust.key(&files)?;
        let evidence = if meta.is_dir() {
            check_folder(&files, &key, expect)
        } else {
            check_file(&args.path, &files, &key, expect)
        };
        let evidence = evidence.map_err(|r| r.to_string())?;
        trust.judge(&args.path, &key, &evidence, &files, log.as_ref(), &witnesses)?;
        Ok((evidence, key, files))
    });
    Ok(verified.and_then(|(evidence, key, files)| {
        let unmet = |what| requirements.need_a_run().then_some(Refusal::NotARun(what));
        let refusal = match &evidence {
            VerifiedEvidence::Run(run) => requirements.check(run, jiff::Timestamp::now()).err(),
            VerifiedEvidence::Removal(_) => unmet("the record of a removal"),
            VerifiedEvidence::File(_) => unmet("a single file"),
        };
        let refused = |r: Refusal| r.to_string();
        refusal.map_or(Ok(()), Err).map_err(refused)?;
        let logged = log.map(|key| logged(&files, &key)).transpose().map_err(refused)?;
        Ok((evidence, key, logged))
    }))
}

fn pretty(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}
