//! `dayfly log verify`: the whole log, against what was seen and signed of it before, and against the evidence beside it.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use serde_json::json;

use super::folder::EvidenceArgs;
use super::keys::{LogTrustArgs, WitnessArgs};
use super::seen;
use super::words::{line, refused};
use crate::cli::error::usage_error;
use crate::evidence::log::{self, Comparison};
use crate::evidence::{EvidenceError, store};
use crate::report::exit_code;
use crate::tlog::{View, Witnessed, witness};

/// How far the clock of a witness may be ahead of this machine's.
const CLOCK_SKEW: Duration = Duration::from_secs(300);

/// Arguments of `log verify`.
#[derive(Debug, Args)]
pub struct VerifyLogArgs {
    #[command(flatten)]
    evidence: EvidenceArgs,
    #[command(flatten)]
    trust: LogTrustArgs,
    #[command(flatten)]
    witness: WitnessArgs,
    /// Refuse what a witness signed longer ago
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration, requires = "witness")]
    max_age: Option<Duration>,
    /// File with the last checkpoint seen of each log (default: dayfly/logs.json in the folder of your state)
    #[arg(long, value_name = "FILE")]
    seen: Option<PathBuf>,
    /// Verify the log alone, without the evidence beside it
    #[arg(long)]
    log_only: bool,
}

/// Everything that was found.
struct Findings {
    compared: Comparison,
    witnessed: Vec<Witnessed>,
    /// What witnesses did not sign, or not lately.
    unwitnessed: Vec<String>,
}

impl Findings {
    fn is_complete(&self) -> bool {
        self.compared.is_complete() && self.unwitnessed.is_empty()
    }
}

/// Verifies a log; the exit code is 10 if it is refused.
pub(super) fn run(args: &VerifyLogArgs, json: bool) -> anyhow::Result<u8> {
    let key = args.trust.require()?;
    let witnesses = args.witness.keys(&key)?;
    let evidence = &args.evidence.evidence;
    let file = args.seen.clone().or_else(seen::default_file);
    let usage = |why: String| usage_error(&format!("failed to verify the log: {why}"));
    let before = file.as_deref().map(|file| seen::last(file, &key)).transpose().map_err(usage)?.flatten();
    let checked = View::open(&evidence.join(store::LOG), &key).and_then(|view| {
        before.as_ref().map_or(Ok(()), |seen| view.extends(seen))?;
        let witnessed = witness::check(&view, &witnesses)?;
        Ok((view, witnessed))
    });
    let (view, witnessed) = match checked {
        Ok(checked) => checked,
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
        Err(EvidenceError::Log(e)) => return refused(&e, json),
        Err(e) => {
            errln!("error: failed to {e}");
            return Ok(exit_code::NO_EVIDENCE);
        }
    };
    if let Some(file) = &file {
        seen::note(file, &key, view.note()).map_err(usage)?;
    }
    let now = Timestamp::now();
    let lacks = |of: &Witnessed| lacks(of, view.checkpoint().size, args.max_age, now);
    let unwitnessed = witnessed.iter().filter_map(lacks).collect();
    let findings = Findings { compared, witnessed, unwitnessed };
    tell(&view, &findings, before.map(|seen| seen.size), json);
    Ok(if findings.is_complete() { exit_code::PASSED } else { exit_code::REFUSED })
}

/// What a witness did not sign of a log with this many entries, or signed too long ago.
fn lacks(of: &Witnessed, size: u64, max_age: Option<Duration>, now: Timestamp) -> Option<String> {
    let name = &of.name;
    let (Some(entries), Some(time)) = (of.entries, of.time) else {
        return Some(format!("the witness {name} signed nothing that is here"));
    };
    if entries < size {
        let last = size - 1;
        return Some(format!(
            "the witness {name} has not signed entries {entries} to {last}: it signed last at {time}"
        ));
    }
    let age = now.duration_since(time);
    let is_old = max_age.is_some_and(|most| age.unsigned_abs() > most && age.is_positive());
    if is_old {
        return Some(format!("the witness {name} signed last at {time}, which is longer ago than --max-age"));
    }
    let is_ahead = max_age.is_some() && age.is_negative() && age.unsigned_abs() > CLOCK_SKEW;
    is_ahead.then(|| format!("the witness {name} signed at {time}, which is in the future"))
}

fn tell(view: &View, findings: &Findings, before: Option<u64>, json: bool) {
    let origin = &view.checkpoint().origin;
    let Findings { compared, witnessed, unwitnessed } = findings;
    if json {
        let value = json!({"verified": findings.is_complete(), "origin": origin, "seenBefore": before, "compared": compared,
            "witnesses": witnessed, "unwitnessed": unwitnessed});
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
    for text in unwitnessed {
        errln!("unwitnessed {text}");
    }
    for entry in &compared.never_closed {
        outln!("never closed  {} of {}: it counts as failed", entry.id, entry.environment);
    }
    for of in witnessed {
        if let (Some(entries), Some(time)) = (of.entries, of.time) {
            outln!("witnessed   {entries} entries by {} at {time}", of.name);
        }
    }
    let since = before.map_or_else(
        || "nothing was seen of it before".into(),
        |n| format!("it extends the {n} that were seen before"),
    );
    let state = if findings.is_complete() { "VERIFIED" } else { "REFUSED " };
    outln!("{state}  {origin}: {} entries; {since}", compared.entries);
}
