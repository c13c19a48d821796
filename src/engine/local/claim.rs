//! Who has an environment: the anchor, a container that never runs, has the environment's own name, so that the
//! engine itself lets only one be there. It carries the lease in a label.

use std::time::{Duration, Instant};

use uuid::Uuid;

use super::client::LocalEngine;
use super::containers::Inspected;
use super::{agent_image, explain, images, remove};
use crate::engine::{Claim, EngineError, Leftover};
use crate::lease::Lease;
use crate::render::container::never_started;
use crate::render::labels::{self, Role};

/// How long it is tried while others take and give up the same environment.
const PATIENCE: Duration = Duration::from_secs(30);
/// Pause while the engine keeps the name of a container that is just being made or removed.
const AGAIN: Duration = Duration::from_millis(50);

/// Takes the environment for this run, unless a newer run has it.
pub async fn claim(engine: &LocalEngine, lease: &Lease) -> Result<Claim, EngineError> {
    // Any image will do for what never runs; that of the agent may still have to be made, which begins now.
    let image = match lease.plan.units.first() {
        Some(unit) => images::held(engine, &unit.image).await?.id,
        None => agent_image::ensure(engine).await?,
    };
    let ahead = engine.clone();
    tokio::spawn(async move { agent_image::ensure(&ahead).await.map(drop) });
    let mut replaced = None;
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        if make_anchor(engine, lease, &image).await? {
            let older = remove::older(engine, &lease.environment, lease.run).await?;
            return Ok(Claim::Acquired { replaced: replaced.max(older), kept_secrets: None });
        }
        let Some(anchor) = engine.container(&lease.environment).await? else {
            tokio::time::sleep(AGAIN).await;
            continue;
        };
        let owner = read(&anchor, &lease.environment)?;
        if owner.run == lease.run {
            return Ok(Claim::Acquired { replaced: None, kept_secrets: None });
        }
        if owner.run > lease.run {
            return Ok(Claim::HeldByNewer { run: owner.run, commit: owner.commit });
        }
        // By its id: another newer run may have put its own in this place meanwhile.
        engine
            .discard(&anchor.id)
            .await
            .map_err(|words| explain::failed("take over from an older run", &words, Leftover::Removable))?;
        replaced = replaced.max(Some(owner.run));
    }
    Err(explain::failed(
        &format!("take environment {}", lease.environment),
        "others keep taking it; run again when they are done",
        Leftover::None,
    ))
}

/// False when there is one already.
async fn make_anchor(engine: &LocalEngine, lease: &Lease, image: &str) -> Result<bool, EngineError> {
    let failed =
        |words: &str| explain::failed(&format!("take environment {}", lease.environment), words, Leftover::None);
    let mut labels = labels::of_run(lease, Role::Anchor);
    labels.insert(labels::LEASE.into(), serde_json::to_string(lease).map_err(|e| failed(&e.to_string()))?);
    match engine.create(&never_started(lease.environment.clone(), labels, &[], image)).await {
        Ok(_) => Ok(true),
        Err(e) if taken(&e) => Ok(false),
        Err(e) => Err(failed(&explain::words(&e))),
    }
}

/// The name is in use; podman 4 says so with status 500.
fn taken(error: &bollard::errors::Error) -> bool {
    explain::status(error) == Some(409) || explain::words(error).contains("already in use")
}

/// The lease on an anchor.
pub fn read(anchor: &Inspected, environment: &str) -> Result<Lease, EngineError> {
    let failed =
        |words: &str| explain::failed(&format!("read who has environment {environment}"), words, Leftover::None);
    let labels = anchor.config.labels.clone().unwrap_or_default();
    let text = labels.get(labels::LEASE).ok_or_else(|| {
        failed(&format!("there is a container named {environment} that is not dayfly's; rename or remove it"))
    })?;
    parse(text).ok_or_else(|| {
        failed("it was made by another version of dayfly; remove it with that version, or with `dayfly down`")
    })
}

/// A lease from its label.
pub fn parse(label: &str) -> Option<Lease> {
    serde_json::from_str(label).ok()
}

/// The present owner.
pub async fn lease(engine: &LocalEngine, environment: &str) -> Result<Option<Lease>, EngineError> {
    match engine.container(environment).await? {
        Some(anchor) => read(&anchor, environment).map(Some),
        None => Ok(None),
    }
}

/// Run id of the present owner.
pub async fn owner(engine: &LocalEngine, environment: &str) -> Result<Option<Uuid>, EngineError> {
    let anchor = engine.container(environment).await?;
    Ok(anchor.and_then(|a| a.config.labels).and_then(|l| l.get(labels::RUN).and_then(|r| r.parse().ok())))
}
