//! `dayfly gate`: decides whether images may be installed, and records the decision.

use std::collections::BTreeSet;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use uuid::Uuid;

use super::error::usage_error;
use super::log::{LogSigningArgs, seen};
use super::request::DEFAULT_EVIDENCE;
use super::{Common, Output, description, key, stdio};
use crate::evidence::{EvidenceError, decision, store};
use crate::file::read_regular;
use crate::gate::{Decision, GatePolicy, Overrides, Request, Subject, decide, find, manifest};
use crate::report::exit_code;
use crate::spec::yaml::MAX_BYTES;
use crate::tlog::View;

mod explain;
mod text;

/// Longest public key in bytes.
const MAX_KEY: u64 = 64 << 10;

/// Arguments of `gate`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct GateArgs {
    #[command(subcommand)]
    action: Option<GateAction>,
    /// Rendered manifests whose images are to be installed; - for standard input
    #[arg(value_name = "MANIFESTS", required_unless_present = "image")]
    manifests: Option<PathBuf>,
    /// Image that is to be installed: NAME@sha256:DIGEST, or sha256:DIGEST (repeatable)
    #[arg(long, value_name = "IMAGE")]
    image: Vec<String>,
    /// Policy of the gate
    #[arg(long, value_name = "FILE", required = true, env = "DAYFLY_GATE_POLICY", hide_env_values = true)]
    policy: Option<PathBuf>,
    /// Evidence folder, where decisions are stored, too (default: `evidence` in the working folder)
    #[arg(long, value_name = "FOLDER", env = "DAYFLY_EVIDENCE", hide_env_values = true, default_value = DEFAULT_EVIDENCE)]
    evidence: PathBuf,
    /// Count runs of this commit only
    #[arg(long, value_name = "SHA")]
    commit: Option<String>,
    /// Overrides: somebody answers for an image that a rule denies
    #[arg(long, value_name = "FILE")]
    overrides: Option<PathBuf>,
    /// Private key of the gate, which signs its decisions and nothing else
    #[arg(
        long,
        value_name = "FILE",
        env = "DAYFLY_GATE_KEY",
        hide_env_values = true,
        required_unless_present = "dry_run"
    )]
    key: Option<PathBuf>,
    #[command(flatten)]
    log: LogSigningArgs,
    /// File with the last checkpoint seen of each log (default: dayfly/logs.json in the folder of your state)
    #[arg(long, value_name = "FILE")]
    seen: Option<PathBuf>,
    /// Decide, and record nothing
    #[arg(long, conflicts_with = "key")]
    dry_run: bool,
}

/// Actions on decisions.
#[derive(Debug, Subcommand)]
enum GateAction {
    /// Show a recorded decision: every rule, and what it rests on
    Explain(explain::ExplainArgs),
}

/// Decides; the exit code is 0, or 10 where an image is denied.
pub fn run(args: &GateArgs, common: &Common) -> anyhow::Result<u8> {
    let json = common.output == Output::Json;
    if let Some(GateAction::Explain(explain)) = &args.action {
        return explain::run(explain, json);
    }
    let policy = policy(args.policy.as_deref().unwrap_or(Path::new("")), json)?;
    let overrides = match &args.overrides {
        Some(file) => description::printed(Overrides::parse(file, &bytes(file)?), json)?,
        None => Overrides::default(),
    };
    let subjects = subjects(args)?;
    let signing = args.key.as_deref().map(|file| key::signing_key(file, None)).transpose()?;
    // Fails early: a decision that cannot be recorded is none.
    let log = if args.dry_run { None } else { args.log.open(&args.evidence)? };
    let images: BTreeSet<String> = subjects.iter().filter_map(|s| s.sha256.clone()).collect();
    let view = policy.log.as_ref().map(|trust| view(args, &trust.key));
    let found = match find(&args.evidence, &policy, &images, args.commit.as_deref(), view) {
        Ok(found) => found,
        Err(e) => return Ok(failed(&e)),
    };
    let request = Request {
        subjects: &subjects,
        commit: args.commit.as_deref(),
        policy: &policy,
        overrides: &overrides,
        found: &found,
        now: Timestamp::now(),
    };
    let decision = decide(&request, &Uuid::now_v7().to_string());
    let folder = match &signing {
        Some(signing) => {
            let each = |image: &crate::gate::ImageDecision| (image.subject.sha256.clone(), image.predicate.clone());
            let decided: Vec<_> = decision.images.iter().map(each).collect();
            let decided: Vec<_> = decided.iter().map(|(sha256, p)| (sha256.as_deref(), p)).collect();
            match decision::store(&args.evidence, &decided, signing, log.as_deref()) {
                Ok(folder) => Some(folder),
                Err(e) => return Ok(failed(&e)),
            }
        }
        None => None,
    };
    print(&decision, folder.as_deref(), &found.ignored, json);
    Ok(if decision.is_allowed() { exit_code::PASSED } else { exit_code::REFUSED })
}

fn print(decision: &Decision, folder: Option<&Path>, ignored: &[(String, String)], json: bool) {
    if json {
        outln!("{:#}", text::json(decision, folder, ignored));
    } else {
        stdio::out(&text::text(decision, folder, ignored));
    }
}

/// Nothing was decided, or the decision could not be recorded: nothing may be installed.
fn failed(e: &EvidenceError) -> u8 {
    errln!("error: failed to {e}; nothing was decided");
    exit_code::NO_EVIDENCE
}

fn policy(file: &Path, json: bool) -> anyhow::Result<GatePolicy> {
    let folder = file.parent().unwrap_or(Path::new("")).to_owned();
    let read = |name: &str| read_regular(&folder.join(name), MAX_KEY);
    description::printed(GatePolicy::parse(file, &bytes(file)?, &read), json)
}

fn bytes(file: &Path) -> anyhow::Result<Vec<u8>> {
    read_regular(file, MAX_BYTES as u64)
        .map_err(|e| usage_error(&format!("failed to read {}: {e}", file.display())).into())
}

fn subjects(args: &GateArgs) -> anyhow::Result<Vec<Subject>> {
    let mut subjects = vec![];
    for text in &args.image {
        let subject = Subject::parse(text);
        if subject.sha256.is_none() {
            let message = format!("--image {text}: expected NAME@sha256:… or sha256:…, because a tag may be moved");
            return Err(usage_error(&message).into());
        }
        subjects.push(subject);
    }
    if let Some(file) = &args.manifests {
        let named = if file == Path::new("-") { "standard input".to_owned() } else { file.display().to_string() };
        let fault = |why: String| anyhow::Error::from(usage_error(&format!("{named}: {why}")));
        let text = manifests(file).map_err(|e| fault(e.to_string()))?;
        let images = manifest::images(&text).map_err(fault)?;
        if images.is_empty() {
            return Err(fault("the manifests name no image, so there is nothing to decide".into()));
        }
        subjects.extend(images);
    }
    Ok(subjects)
}

fn manifests(file: &Path) -> anyhow::Result<String> {
    let bytes = if file == Path::new("-") {
        let mut bytes = vec![];
        io::stdin().lock().take(manifest::MAX_BYTES + 1).read_to_end(&mut bytes)?;
        bytes
    } else {
        read_regular(file, manifest::MAX_BYTES)?
    };
    if bytes.len() as u64 > manifest::MAX_BYTES {
        return Err(anyhow!("the manifests are longer than {} MiB", manifest::MAX_BYTES >> 20));
    }
    String::from_utf8(bytes).map_err(|_| anyhow!("the manifests are not UTF-8 text"))
}

/// The log of the evidence folder, if it extends what was seen of it before.
fn view(args: &GateArgs, log: &crate::tlog::LogKey) -> Result<View, String> {
    let file = args.seen.clone().or_else(seen::default_file);
    let before = file.as_deref().map(|file| seen::last(file, log)).transpose()?.flatten();
    let view = View::open(&args.evidence.join(store::LOG), log).map_err(|e| format!("it failed to {e}"))?;
    if let Some(before) = before {
        view.extends(&before).map_err(|e| e.to_string())?;
    }
    if let Some(file) = file {
        seen::note(&file, log, view.note())?;
    }
    Ok(view)
}
