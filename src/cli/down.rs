//! `dayfly down`: removes an environment. Idempotent; names every object that it could not remove.

use std::time::{Duration, Instant};

use super::error::engine_error;
use super::{Common, EnvironmentArgs, Output, environment, target};
use crate::engine::{Engine, EngineError, ObservedEnvironment, RemovalScope, Residual};
use crate::reaper::incomplete::unstarted_units;
use crate::report::exit_code;

/// Time that the engine may need to complete the last request of a killed process.
const LATE: Duration = Duration::from_secs(1);

/// Removes the environment that the arguments name.
pub async fn run(args: EnvironmentArgs, common: &Common) -> anyhow::Result<u8> {
    let name = environment::name(&args)?;
    let engine = target::engine(common).await?;
    let json = common.output == Output::Json;
    let Some(observed) = engine.observe(&name).await.map_err(|e| engine_error(common, &e))? else {
        if json {
            outln!(
                "{}",
                serde_json::json!({"environment": name, "removed": false, "reason": "there is no such environment"})
            );
        } else {
            errln!("{}; nothing to remove", environment::not_found(&name, common));
        }
        return Ok(exit_code::PASSED);
    };
    let began = Instant::now();
    let mut left = engine.remove(&name, RemovalScope::All).await.map_err(|e| engine_error(common, &e))?;
    if left.is_empty() && is_incomplete(&observed) {
        left = again(engine.as_ref(), &name).await.map_err(|e| engine_error(common, &e))?;
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
