//! `dayfly down`: remove an environment; twice is fine, and nothing is left silently.

use std::time::Instant;

use super::{Common, EnvironmentArgs, Output, connect, exit};
use crate::engine::Engine;
use crate::lifecycle::up::{cause_of, millis};
use crate::lifecycle::{Journal, Notice};
use crate::report::facts::{Cause, CauseKind};

/// Removes the environment that the arguments name.
pub async fn run(args: EnvironmentArgs, common: &Common) -> anyhow::Result<u8> {
    let name = connect::environment_name(&args)?;
    let engine = connect::engine(common).await?;
    let json = common.output == Output::Json;
    if engine.observe(&name).await.map_err(|e| connect::told(common, &e))?.is_none() {
        if json {
            println!(
                "{}",
                serde_json::json!({"environment": name, "removed": false, "reason": "there is no such environment"})
            );
        } else {
            eprintln!("there is no environment {name}; nothing to remove");
        }
        return Ok(exit::PASSED);
    }
    let began = Instant::now();
    let left = engine.remove(&name, None).await.map_err(|e| connect::told(common, &e))?;
    if json {
        println!("{}", serde_json::json!({"environment": name, "removed": left.is_empty(), "residual": left}));
    } else if left.is_empty() {
        eprintln!("removed {name} in {:.1} s", began.elapsed().as_secs_f32());
    }
    if left.is_empty() {
        return Ok(exit::PASSED);
    }
    eprintln!("error: {} object(s) of {name} could not be removed:", left.len());
    left.iter().for_each(|r| eprintln!("  {}: {}", r.object, r.reason));
    Ok(exit::TEARDOWN)
}

/// Removes what a run made (or everything), and notes what happened; what is left becomes a cause.
pub async fn remove(engine: &dyn Engine, journal: &Journal, environment: &str, only: Option<uuid::Uuid>) {
    journal.note(Notice::Removing { environment: environment.to_owned() });
    let began = Instant::now();
    match engine.remove(environment, only).await {
        Ok(residual) => {
            let names = residual.iter().map(|r| r.object.as_str()).collect::<Vec<_>>().join(", ");
            journal.note(Notice::Removed { residual, took_ms: millis(began) });
            if !names.is_empty() {
                journal.note(Notice::Cause {
                    cause: Cause {
                        kind: CauseKind::TeardownIncomplete,
                        text: format!("could not be removed: {names}"),
                    },
                });
            }
        }
        Err(e) => {
            let text = format!("{}; what remains is removed by: dayfly down {environment}", cause_of(&e).text);
            journal.note(Notice::Cause { cause: Cause { kind: CauseKind::TeardownIncomplete, text } });
        }
    }
}
