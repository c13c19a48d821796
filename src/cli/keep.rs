//! `dayfly keep`: protects an environment from `dayfly reap`.

use clap::Args;
use jiff::Timestamp;
use serde_json::json;

use super::error::usage_error;
use super::retention::Changed;
use super::{Common, Output, list, retention};
use crate::lease::{Hold, RetentionChange};
use crate::report::exit_code;

/// Longest reason, in characters.
const LONGEST_REASON: usize = 200;

/// Arguments of `keep`.
#[derive(Debug, Args)]
pub struct KeepArgs {
    /// Name of the environment, such as `hello-pr-1`
    environment: String,
    /// Why the environment must stay
    #[arg(long, value_name = "TEXT", required_unless_present = "release")]
    reason: Option<String>,
    /// Release a kept environment
    #[arg(long, conflicts_with = "reason")]
    release: bool,
}

/// Keeps an environment, or releases it.
pub async fn run(args: KeepArgs, common: &Common) -> anyhow::Result<u8> {
    let reason = args.reason.as_deref().map(checked).transpose()?;
    let kept = Hold { reason, since: Timestamp::now() };
    let change = RetentionChange::Held(kept);
    let Changed { before, after, owner } = retention::change(&args.environment, &change, common).await?;
    let name = &args.environment;
    match (common.output, after.kept()) {
        (Output::Json, kept) => {
            outln!("{}", json!({"environment": name, "kept": kept, "before": before.kept(), "owner": owner}))
        }
        (Output::Text, Some(reason)) => outln!(
            "{name} is kept: {reason}\n{}until `dayfly keep {name} --release`, `dayfly reap` leaves it and another owner cannot take it over; the owner's next run replaces it, and `dayfly down` removes it",
            owner.map(|o| format!("owner: {o}\n")).unwrap_or_default()
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
        return Err(usage_error(&what).into());
    }
    Ok(reason.to_owned())
}
