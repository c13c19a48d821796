//! `dayfly reap`: remove environments whose time is over, and remnants without an owner.

use clap::Args;
use jiff::Timestamp;

use super::{Common, Output, connect, exit};
use crate::reaper::expired;

/// Arguments of `reap`.
#[derive(Debug, Args)]
pub struct ReapArgs {
    /// Remove what has outlived its ttl, and remnants that no environment owns
    #[arg(long, required = true)]
    expired: bool,
    /// Only say what would be removed, and why
    #[arg(long)]
    dry_run: bool,
}

/// Removes what is due; carries on past errors.
pub async fn run(args: ReapArgs, common: &Common) -> anyhow::Result<u8> {
    let engine = connect::engine(common).await?;
    let all = engine.list().await.map_err(|e| connect::told(common, &e))?;
    let due = expired::due(&all, Timestamp::now());
    if due.is_empty() && common.output == Output::Text {
        println!("nothing is due; {} environment(s) stay", all.len());
    }
    let mut incomplete = false;
    for (environment, reason) in due {
        let residual = if args.dry_run { Ok(vec![]) } else { engine.remove(&environment, None).await };
        let (removed, left) = match residual {
            Ok(left) => (
                left.is_empty() && !args.dry_run,
                left.iter().map(|r| format!("{}: {}", r.object, r.reason)).collect::<Vec<_>>(),
            ),
            Err(e) => (false, vec![format!("failed to {e}")]),
        };
        incomplete |= !left.is_empty();
        match common.output {
            Output::Json => println!(
                "{}",
                serde_json::json!({"environment": environment, "reason": reason, "removed": removed, "dryRun": args.dry_run, "residual": left})
            ),
            Output::Text if args.dry_run => println!("would remove {environment}: {reason}"),
            Output::Text if left.is_empty() => println!("removed {environment}: {reason}"),
            Output::Text => println!("NOT removed {environment} ({reason}):\n  {}", left.join("\n  ")),
        }
    }
    Ok(if incomplete { exit::TEARDOWN } else { exit::PASSED })
}
