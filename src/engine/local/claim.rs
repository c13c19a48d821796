//! Claims environments with an anchor: a container that never runs and has the environment's name, so that the engine
//! admits only one. Its label holds the lease.

use std::time::{Duration, Instant};

use super::client::LocalEngine;
use super::{agent_image, anchor, explain, images, remove, retention};
use crate::engine::{Claim, EngineError, Leftover};
use crate::lease::{Lease, TakenOver};
use crate::render::container::never_started;
use crate::render::labels::{self, ENVIRONMENT, Role};

/// Time limit of the attempts while other runs claim and release the environment.
const PATIENCE: Duration = Duration::from_secs(30);
/// Pause while the name belongs to a container that is being created or removed.
const PAUSE: Duration = Duration::from_millis(50);

/// Claims the environment for this run, unless a newer run or another owner has it; `take_over` takes it from another owner.
pub async fn claim(engine: &LocalEngine, lease: &Lease, take_over: bool) -> Result<Claim, EngineError> {
    // The anchor never runs, so any image will do. The agent image may not exist yet; its build starts now.
    let image = match lease.plan.units.first() {
        Some(unit) => images::resolved(engine, &unit.image).await?.id,
        None => agent_image::ensure(engine).await?,
    };
    let ahead = engine.clone();
    tokio::spawn(async move { agent_image::ensure(&ahead).await.map(drop) });
    let (mut replaced, mut taken_over) = (None, None);
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        if create_anchor(engine, lease, &image).await? {
            let older = remove::remove_older(engine, &lease.environment, lease.run).await?;
            return Ok(Claim::Acquired { replaced: replaced.max(older), kept_secrets: None, taken_over });
        }
        let Some(anchor) = engine.container(&lease.environment).await? else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let found = anchor::lease_of(&anchor, &lease.environment)?;
        if found.run == lease.run {
            return Ok(Claim::Acquired { replaced: None, kept_secrets: None, taken_over });
        }
        let is_ours = lease.has_same_owner(found.owner.as_ref());
        if !is_ours {
            let held = if take_over { hold(engine, &found).await? } else { None };
            if !take_over || held.is_some() {
                return Ok(Claim::OwnedByOther { run: Some(found.run), owner: found.owner.map(Box::new), held });
            }
        }
        if found.run > lease.run {
            return Ok(Claim::HeldByNewer { run: found.run, commit: found.commit });
        }
        // By id, because a newer run may have replaced the anchor meanwhile.
        engine
            .discard(&anchor.id)
            .await
            .map_err(|words| explain::failed("replace an older run", &words, Leftover::Removable))?;
        replaced = replaced.max(Some(found.run));
        if !is_ours {
            taken_over = Some(Box::new(TakenOver { run_id: Some(found.run), owner: found.owner }));
        }
    }
    Err(explain::failed(
        &format!("claim environment {}", lease.environment),
        "other runs keep claiming it; run again when they have ended",
        Leftover::None,
    ))
}

/// Why the environment of another owner is held, if it is.
async fn hold(engine: &LocalEngine, found: &Lease) -> Result<Option<String>, EngineError> {
    let containers = engine.containers(&[(ENVIRONMENT, &found.environment)]).await?;
    Ok(retention::effective(found, containers.iter()).kept().map(str::to_owned))
}

/// Creates the anchor; returns false if there is one already.
async fn create_anchor(engine: &LocalEngine, lease: &Lease, image: &str) -> Result<bool, EngineError> {
    let failed =
        |words: &str| explain::failed(&format!("claim environment {}", lease.environment), words, Leftover::None);
    let mut labels = labels::of_run(lease, Role::Anchor);
    labels.insert(labels::LEASE.into(), serde_json::to_string(lease).map_err(|e| failed(&e.to_string()))?);
    match engine.create(&never_started(lease.environment.clone(), labels, &[], image)).await {
        Ok(_) => Ok(true),
        Err(e) if is_name_in_use(&e) => Ok(false),
        Err(e) => Err(failed(&explain::words(&e))),
    }
}

/// Returns true if the name is in use, which podman 4 reports with status 500.
fn is_name_in_use(error: &bollard::errors::Error) -> bool {
    explain::status(error) == Some(409) || explain::words(error).contains("already in use")
}
