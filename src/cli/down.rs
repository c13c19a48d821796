//! `dayfly down`: removes an environment, and names every object that it could not remove.
//!
//! A name that nothing has is probably misspelt, and an error unless `--ignore-not-found` is given. The name that a description
//! and a pull request give cannot be misspelt: there, nothing to remove is a success.

use std::time::{Duration, Instant};

use clap::Args;

use super::error::{engine_error, removal_error};
use super::{Common, EnvironmentArgs, Output, environment, target};
use crate::engine::{Engine, EngineError, ObservedEnvironment, RemovalScope, Residual};
use crate::reaper::incomplete::unstarted_units;
use crate::report::exit_code;

/// Time that the engine may need to complete the last request of a killed process.
const LATE: Duration = Duration::from_secs(1);

/// Arguments of `down`.
#[derive(Debug, Args)]
pub struct DownArgs {
    #[command(flatten)]
    environment: EnvironmentArgs,
    /// Succeed if there is no environment of this name
    #[arg(long)]
    ignore_not_found: bool,
}

/// Removes the environment that the arguments name.
pub async fn run(args: DownArgs, common: &Common) -> anyhow::Result<u8> {
    let name = environment::name(&args.environment)?;
    let engine = target::engine(common).await?;
    let json = common.output == Output::Json;
    let Some(observed) = engine.observe(&name).await.map_err(|e| engine_error(common, &e))? else {
        let may_be_absent = args.ignore_not_found || args.environment.pr.is_some();
        return Ok(nothing_to_remove(&name, may_be_absent, engine.as_ref(), common).await);
    };
    let began = Instant::now();
    let mut left = engine.remove(&name, RemovalScope::All).await.map_err(|e| removal_error(common, &e))?;
    if left.is_empty() && is_incomplete(&observed) {
        left = again(engine.as_ref(), &name).await.map_err(|e| removal_error(common, &e))?;
    }
    if let Some(lease) = &observed.lease
        && let Err(e) = engine.notify_requester(lease, "down").await
    {
        tracing::debug!("failed to {e}");
    }
    if json {
        outln!("{}", serde_json::json!({"environment": name, "removed": left.is_empty(), "residual": left}));
    } else if left.is_empty() {
        errln!("removed {name} in {:.1} s", began.elapsed().as_secs_f32());
    }
    if left.is_empty() {
        return Ok(exit_code::PASSED);
    }
    errln!("error: {} object(s) of {name} could not be removed:", left.len());
    left.iter().for_each(|r| errln!("  {}: {}", r.object, r.reason));
    Ok(exit_code::TEARDOWN)
}

/// Says that there is no environment of this name; returns the exit code.
async fn nothing_to_remove(name: &str, may_be_absent: bool, engine: &dyn Engine, common: &Common) -> u8 {
    let similar = if may_be_absent { vec![] } else { environment::similar(name, engine).await };
    if common.output == Output::Json {
        outln!(
            "{}",
            serde_json::json!({
                "environment": name, "removed": false, "reason": "there is no such environment", "similar": similar
            })
        );
    }
    let absent = environment::not_found(name, common);
    if may_be_absent {
        if common.output == Output::Text {
            errln!("{absent}; nothing to remove");
        }
        return exit_code::PASSED;
    }
    let meant = environment::suggestion(&similar);
    errln!("error: {absent}{meant}; nothing was removed (--ignore-not-found accepts that)");
    exit_code::USAGE
}

/// Returns true if creation was interrupted: a unit is missing, or was never started.
fn is_incomplete(observed: &ObservedEnvironment) -> bool {
    observed.lease.is_none() || !unstarted_units(observed).is_empty()
}

/// Removes objects that the engine creates late, for the last request of a killed process.
async fn again(engine: &dyn Engine, environment: &str) -> Result<Vec<Residual>, EngineError> {
    let until = Instant::now() + LATE;
    while Instant::now() < until {
        if engine.observe(environment).await?.is_some() {
            return engine.remove(environment, RemovalScope::All).await;
        }
        tokio::time::sleep(LATE / 10).await;
    }
    Ok(vec![])
}
