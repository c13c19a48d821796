//! `dayfly extend`: extends an environment's lifetime, counted from now on; it is never shortened.

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::error::usage_error;
use super::retention::Changed;
use super::{Common, Output, list, retention};
use crate::lease::RetentionChange;
use crate::reaper::open_pull_requests::whole_seconds;
use crate::report::exit_code;
use crate::spec::quantity;

/// Arguments of `extend`.
#[derive(Debug, Args)]
pub struct ExtendArgs {
    /// Name of the environment, such as `hello-pr-1`
    environment: String,
    /// Minimum lifetime from now on, such as 2h
    #[arg(value_name = "DURATION")]
    by: String,
}

/// Extends the environment's lifetime.
pub async fn run(args: ExtendArgs, common: &Common) -> anyhow::Result<u8> {
    let ms = quantity::duration_ms(&args.by, quantity::LONGEST_LIFE_MS)
        .map_err(|why| usage_error(&format!("{:?} is not how long an environment may live: {why}", args.by)))?;
    let now = Timestamp::now();
    let until = now.checked_add(SignedDuration::from_millis(i64::try_from(ms)?))?;
    let change = RetentionChange::Extended(until);
    let Changed { before, after, .. } = retention::change(&args.environment, &change, common).await?;
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
