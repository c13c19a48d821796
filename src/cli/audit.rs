//! `dayfly audit`: everything of some time in one folder, verified, with what is missing.

use std::path::{Path, PathBuf};

use clap::Args;
use jiff::{Timestamp, ToSpan as _};

use super::error::usage_error;
use super::key::load_public;
use super::log::{LogTrustArgs, seen};
use super::request::DEFAULT_EVIDENCE;
use super::{Common, Output};
use crate::audit::{self, AuditIndex, Facts, Period, collect, index, merge};
use crate::base::{Process, history};
use crate::evidence::{EvidenceError, VerifyingKey, log, store};
use crate::model::Repository;
use crate::model::sanitize::one_line;
use crate::report::exit_code;
use crate::tlog::{LogKey, View};

/// Most findings that are printed; the audit has all.
const SHOWN: usize = 20;

/// Arguments of `audit`.
#[derive(Debug, Args)]
pub struct AuditArgs {
    /// First day, in UTC
    #[arg(long, value_name = "DAY")]
    from: jiff::civil::Date,
    /// Last day, in UTC (default: today)
    #[arg(long, value_name = "DAY")]
    to: Option<jiff::civil::Date>,
    /// Evidence folder (default: `evidence` in the working folder)
    #[arg(long, value_name = "FOLDER", env = "DAYFLY_EVIDENCE", hide_env_values = true, default_value = DEFAULT_EVIDENCE)]
    evidence: PathBuf,
    /// Public key to trust: of runs, of removals or of the gate (repeatable)
    #[arg(long, value_name = "FILE", required = true)]
    public_key: Vec<PathBuf>,
    #[command(flatten)]
    log: LogTrustArgs,
    /// File with the last checkpoint seen of each log (default: dayfly/logs.json in the folder of your state)
    #[arg(long, value_name = "FILE")]
    seen: Option<PathBuf>,
    /// Main branch of a git repository: each of its changes must have a run that passed
    #[arg(long, value_name = "REVISION")]
    branch: Option<String>,
    /// The git repository (default: that of the working folder)
    #[arg(long, value_name = "FOLDER", requires = "branch")]
    git: Option<PathBuf>,
    /// Count runs of this repository only (default: the address of the remote `origin`, if it has one)
    #[arg(long, value_name = "URL|OWNER/NAME", requires = "branch")]
    repository: Option<String>,
    /// Draw this many changes, or runs without --branch
    #[arg(long, value_name = "NUMBER", requires = "seed")]
    sample: Option<usize>,
    /// Number that decides what is drawn: the same one draws the same
    #[arg(long, value_name = "NUMBER", requires = "sample")]
    seed: Option<u64>,
    /// Folder to write the audit to; it must not exist
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
}

/// Makes an audit; the exit code is 10 if it has findings.
pub fn run(args: &AuditArgs, common: &Common) -> anyhow::Result<u8> {
    let json = common.output == Output::Json;
    let now = Timestamp::now();
    let period = period(args, now)?;
    if args.out.exists() {
        return Err(usage_error(&format!("{} exists already; name a new folder", args.out.display())).into());
    }
    if !args.evidence.is_dir() {
        return Err(usage_error(&format!("there is no evidence folder {}", args.evidence.display())).into());
    }
    let keys = args.public_key.iter().map(|file| load_public(file)).collect::<anyhow::Result<Vec<_>>>()?;
    let log_key = args.log.key()?;
    let commits = args.branch.as_deref().map(|branch| commits(args, branch, period)).transpose()?;
    match make(args, &keys, log_key.as_ref(), commits, period, now) {
        Ok(index) => {
            print(&index, &args.out, json);
            Ok(if index.findings.is_empty() { exit_code::PASSED } else { exit_code::REFUSED })
        }
        Err(e) => {
            errln!("error: failed to {e}");
            Ok(exit_code::NO_EVIDENCE)
        }
    }
}

type Commits = (Vec<crate::base::Commit>, Option<Repository>);

fn make(
    args: &AuditArgs,
    keys: &[VerifyingKey],
    log_key: Option<&LogKey>,
    commits: Option<Commits>,
    period: Period,
    now: Timestamp,
) -> Result<AuditIndex, EvidenceError> {
    let collected = collect(&args.evidence, keys, period)?;
    let repository = commits.as_ref().and_then(|(_, of)| of.as_ref().map(ToString::to_string));
    let changes = commits.map(|(commits, of)| merge::changes(&commits, &collected, of.as_ref()));
    let log = log_key.map(|key| compare(args, key));
    let facts = Facts {
        period,
        now,
        keys: keys.iter().map(VerifyingKey::keyid).collect(),
        collected: &collected,
        changes,
        repository,
        log,
        sample: args.sample.zip(args.seed),
    };
    let index = index(facts);
    let text = log_key.map(ToString::to_string);
    audit::write(&args.out, &args.evidence, &collected, &index, keys, text.as_deref())?;
    Ok(index)
}

fn period(args: &AuditArgs, now: Timestamp) -> anyhow::Result<Period> {
    let utc = jiff::tz::TimeZone::UTC;
    let last = args.to.unwrap_or_else(|| now.to_zoned(utc.clone()).date());
    if last < args.from {
        return Err(usage_error(&format!("--to {last} is before --from {}", args.from)).into());
    }
    let at = |day: jiff::civil::Date| day.to_zoned(utc.clone()).map(|zoned| zoned.timestamp());
    let end = last.checked_add(1.day()).and_then(at);
    match (at(args.from), end) {
        (Ok(from), Ok(until)) => Ok(Period { from, until }),
        _ => Err(usage_error("--from and --to are not in a time that can be computed").into()),
    }
}

/// The changes of the main branch, and the repository whose runs count.
fn commits(args: &AuditArgs, branch: &str, period: Period) -> anyhow::Result<Commits> {
    let working = std::env::current_dir().map_err(|e| usage_error(&format!("the working folder is unknown: {e}")))?;
    let folder = args.git.as_ref().map_or(working.clone(), |git| working.join(git));
    let process = Process { folder, path: std::env::var_os("PATH").unwrap_or_default() };
    // Git's times are inclusive.
    let until = period.until - 1.second();
    let (commits, remote) = history(branch, &process, &period.from.to_string(), &until.to_string())
        .map_err(|e| usage_error(&format!("--branch {branch}: {e}")))?;
    let repository = match &args.repository {
        Some(text) => {
            let not = || usage_error(&format!("--repository {text}: expected a URL, or OWNER/NAME"));
            Some(Repository::parse(text).ok_or_else(not)?)
        }
        None => remote.as_deref().and_then(Repository::parse),
    };
    Ok((commits, repository))
}

/// Compares the log with the evidence folder, and with what was seen of it before.
fn compare(args: &AuditArgs, key: &LogKey) -> Result<log::Comparison, String> {
    let file = args.seen.clone().or_else(seen::default_file);
    let before = file.as_deref().map(|file| seen::last(file, key)).transpose()?.flatten();
    let view = View::open(&args.evidence.join(store::LOG), key).map_err(|e| format!("failed to {e}"))?;
    if let Some(before) = before {
        view.extends(&before).map_err(|e| e.to_string())?;
    }
    let compared = log::compare(&args.evidence, &view).map_err(|e| format!("failed to {e}"))?;
    if let Some(file) = file {
        seen::note(&file, key, view.note())?;
    }
    Ok(compared)
}

fn print(index: &AuditIndex, out: &Path, json: bool) {
    if json {
        outln!(
            "{:#}",
            serde_json::json!({"out": out, "findings": index.findings, "runs": index.runs.len(), "sample": index.sample})
        );
        return;
    }
    outln!("period      {} to {}", index.period.from, index.period.until);
    outln!(
        "records     {} runs, {} decisions about images, {} removals",
        index.runs.len(),
        index.decisions.len(),
        index.removals.len()
    );
    match &index.changes {
        Some(changes) => {
            let recorded = changes.iter().filter(|change| change.is_recorded()).count();
            let of = index.repository.as_ref().map(|r| format!(" of {}", one_line(r, 200))).unwrap_or_default();
            outln!("changes     {recorded} of {}{of} have a run that passed", changes.len());
        }
        None => outln!("changes     not compared: give the main branch with --branch"),
    }
    match &index.log {
        Some(log) => outln!("log         {} entries of all times", log.entries),
        None => outln!("log         not read: give its public key with --log-public-key"),
    }
    index.sample.iter().for_each(|id| outln!("sample      {id}"));
    index.findings.iter().take(SHOWN).for_each(|finding| outln!("finding     {}", one_line(finding, 300)));
    if index.findings.len() > SHOWN {
        outln!("            and {} more in {}", index.findings.len() - SHOWN, out.join("README.md").display());
    }
    outln!("audit       {} ({} findings)", out.display(), index.findings.len());
}
