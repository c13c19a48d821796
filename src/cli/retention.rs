//! `dayfly extend` and `dayfly keep`: how long an environment stays.

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{Common, Output, connect, list};
use crate::engine::Observed;
use crate::lease::{Hold, Retention, RetentionChange, RetentionUpdate};
use crate::reaper::open_pull_requests::whole_seconds;
use crate::report::exit_code;
use crate::spec::quantity;

/// Longest reason, in characters.
const LONGEST_REASON: usize = 200;

/// Arguments of `extend`.
#[derive(Debug, Args)]
pub struct ExtendArgs {
    /// Name of the environment, such as `hello-pr-1`
    environment: String,
    /// How long it stays from now on at least, such as 2h
    #[arg(value_name = "DURATION")]
    by: String,
}

/// Arguments of `keep`.
#[derive(Debug, Args)]
pub struct KeepArgs {
    /// Name of the environment, such as `hello-pr-1`
    environment: String,
    /// Why it must stay
    #[arg(long, value_name = "TEXT", required_unless_present = "release")]
    reason: Option<String>,
    /// It need not stay any more
    #[arg(long, conflicts_with = "reason")]
    release: bool,
}

/// Lets an environment live longer.
pub async fn extend(args: ExtendArgs, common: &Common) -> anyhow::Result<u8> {
    let ms = quantity::duration_ms(&args.by, quantity::LONGEST_LIFE_MS)
        .map_err(|why| connect::usage(&format!("{:?} is not how long an environment may live: {why}", args.by)))?;
    let now = Timestamp::now();
    let until = now.checked_add(SignedDuration::from_millis(i64::try_from(ms)?))?;
    let (before, after) = amend(&args.environment, &RetentionChange::Extended(until), common).await?;
    let (name, changed) = (&args.environment, before.expires < after.expires);
    match common.output {
        Output::Json => outln!(
            "{}",
            json!({"environment": name, "expires": after.expires, "before": before.expires, "changed": changed})
        ),
        Output::Text if changed => {
            let (expires, before) = (whole_seconds(after.expires), whole_seconds(before.expires));
            outln!("{name} expires {}, at {expires} (before: {before})", list::expiry(now, after.expires));
        }
        Output::Text => {
            outln!(
                "{name} expires {} anyhow, at {}; that stays",
                list::expiry(now, after.expires),
                whole_seconds(after.expires)
            );
        }
    }
    Ok(exit_code::PASSED)
}

/// Keeps an environment, or releases it.
pub async fn keep(args: KeepArgs, common: &Common) -> anyhow::Result<u8> {
    let reason = args.reason.as_deref().map(checked).transpose()?;
    let kept = Hold { reason, since: Timestamp::now() };
    let (before, after) = amend(&args.environment, &RetentionChange::Held(kept), common).await?;
    let name = &args.environment;
    match (common.output, after.kept()) {
        (Output::Json, kept) => outln!("{}", json!({"environment": name, "kept": kept, "before": before.kept()})),
        (Output::Text, Some(reason)) => outln!(
            "{name} is kept: {reason}\n`dayfly reap` leaves it until `dayfly keep {name} --release`; `dayfly down`, `up` and `run` do not"
        ),
        (Output::Text, None) if before.kept().is_none() => outln!("{name} was not kept; nothing changed"),
        (Output::Text, None) => {
            outln!("{name} is kept no more; it expires {}", list::expiry(Timestamp::now(), after.expires));
        }
    }
    Ok(exit_code::PASSED)
}

fn checked(reason: &str) -> anyhow::Result<String> {
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > LONGEST_REASON || reason.chars().any(char::is_control) {
        let what = format!("--reason takes one line of 1 to {LONGEST_REASON} characters that says why");
        return Err(connect::usage(&what).into());
    }
    Ok(reason.to_owned())
}

/// Changes the retention; gives them as they were and as they are. Whatever hinders it is told, and has its exit code.
async fn amend(environment: &str, change: &RetentionChange, common: &Common) -> anyhow::Result<(Retention, Retention)> {
    let engine = connect::engine(common).await?;
    let found = engine.observe(environment).await.map_err(|e| connect::told(common, &e))?;
    let Some(found) = found else { return Err(connect::absent(environment, common).into()) };
    let (run, before) = owned(environment, found)?;
    match engine.amend(environment, run, change).await.map_err(|e| connect::told(common, &e))? {
        RetentionUpdate::Now(after) => Ok((before, after)),
        RetentionUpdate::Gone => Err(connect::absent(environment, common).into()),
        RetentionUpdate::Leaving => Err(leaving(environment).into()),
        RetentionUpdate::Taken(newer) => {
            errln!("error: run {newer} took {environment} just now; nothing was changed: look at it, and try again");
            Err(connect::Ended(exit_code::UNEXPECTED).into())
        }
    }
}

/// Who has it, and on which retention.
fn owned(environment: &str, found: Observed) -> Result<(uuid::Uuid, Retention), connect::Ended> {
    match found {
        Observed { leaving: true, .. } => Err(leaving(environment)),
        Observed { lease: Some(lease), retention: Some(retention), .. } => Ok((lease.run, retention)),
        o if o.unread => {
            Err(connect::usage(&format!("another version of dayfly made {environment}; use that version")))
        }
        _ => Err(connect::usage(&format!(
            "nobody has {environment}: these are remnants; see `dayfly status {environment}`"
        ))),
    }
}

fn leaving(environment: &str) -> connect::Ended {
    connect::usage(&format!("{environment} is being removed, which nothing stops any more"))
}
