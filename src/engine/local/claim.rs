//! Claims environments with an anchor: a container that never runs and has the environment's name, so that the engine
//! admits only one. Its label holds the lease.

use std::time::{Duration, Instant};

use super::client::LocalEngine;
use super::{agent_image, anchor, explain, images, remove, retention};
use crate::engine::{Claim, ClaimPolicy, EngineError, Leftover};
use crate::lease::{Lease, TakenOver};
use crate::render::container::never_started;
use crate::render::labels::{self, ENVIRONMENT, Role};

/// Time limit of the attempts while other runs claim and release the environment.
const PATIENCE: Duration = Duration::from_secs(30);
/// Pause while the name belongs to a container that is being created or removed.
const PAUSE: Duration = Duration::from_millis(50);

/// Claims the environment for this run, unless a newer run or another owner has it.
pub async fn claim(engine: &LocalEngine, lease: &Lease, policy: ClaimPolicy) -> Result<Claim, EngineError> {
    // The anchor never runs, so any image will do. The agent image may not exist yet; its build starts now.
    let image = match lease.plan.units.first() {
        Some(unit) => images::resolved(engine, &unit.image).await?.id,
        None => agent_image::ensure(engine).await?,
    };
    let ahead = engine.clone();
    tokio::spawn(async move { agent_image::ensure(&ahead).await.map(drop) });
    let mut own = None;
    let claim = acquire(engine, lease, policy, &image, &mut own).await;
    if !matches!(claim, Ok(Claim::Acquired { .. }))
        && let Some(anchor) = own
        && let Err(words) = engine.discard(&anchor).await
    {
        tracing::warn!("could not remove the anchor of a claim that failed: {words}");
    }
    claim
}

/// Claims the environment; `own` is the id of the run's own anchor while the environment has another one.
async fn acquire(
    engine: &LocalEngine,
    lease: &Lease,
    policy: ClaimPolicy,
    image: &str,
    own: &mut Option<String>,
) -> Result<Claim, EngineError> {
    let environment = &lease.environment;
    let (mut replaced, mut taken_over) = (None, None);
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        let found = anchor::find(engine, environment).await?;
        let Some(anchor) = found.filter(|a| own.as_ref() != Some(&a.id)) else {
            let named = match own.as_deref() {
                _ if policy.compared.is_some() && replaced.is_none() => return Ok(Claim::ChangedMeanwhile),
                Some(anchor) => anchor::give_name(engine, anchor, environment).await?,
                None => create_anchor(engine, lease, environment.clone(), image).await?.is_some(),
            };
            if named {
                // An update removes what it replaces when the secrets are safe.
                let older = match lease.inherited.is_empty() {
                    true => remove::remove_older(engine, lease).await?,
                    false => None,
                };
                return Ok(Claim::Acquired { replaced: replaced.max(older), taken_over });
            }
            if own.as_deref().is_some() && engine.container(own.as_deref().unwrap_or_default()).await?.is_none() {
                *own = None;
            }
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let found = anchor::lease_of(&anchor, environment)?;
        if found.run == lease.run {
            return Ok(Claim::Acquired { replaced: None, taken_over });
        }
        let is_ours = lease.has_same_owner(found.owner.as_ref());
        if !is_ours {
            let held = if policy.take_over { hold(engine, &found).await? } else { None };
            if !policy.take_over || held.is_some() {
                return Ok(Claim::OwnedByOther { run: Some(found.run), owner: found.owner.map(Box::new), held });
            }
        }
        if found.run > lease.run {
            return Ok(Claim::HeldByNewer { run: found.run, commit: found.commit });
        }
        if policy.compared.is_some_and(|run| run != found.run) {
            return Ok(Claim::ChangedMeanwhile);
        }
        // Its own anchor exists before the older one goes, so that the environment always has an owner.
        if own.is_none() {
            let name = labels::object_name(lease, "anchor");
            *own = create_anchor(engine, lease, name, image).await?;
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
        &format!("claim environment {environment}"),
        "other runs keep claiming it; run again when they have ended",
        Leftover::None,
    ))
}

/// Why the environment of another owner is held, if it is.
async fn hold(engine: &LocalEngine, found: &Lease) -> Result<Option<String>, EngineError> {
    let containers = engine.containers(&[(ENVIRONMENT, &found.environment)]).await?;
    Ok(retention::effective(found, containers.iter()).kept().map(str::to_owned))
}

/// Creates an anchor of this name; returns its id, or none if the name is in use.
async fn create_anchor(
    engine: &LocalEngine,
    lease: &Lease,
    name: String,
    image: &str,
) -> Result<Option<String>, EngineError> {
    let failed =
        |words: &str| explain::failed(&format!("claim environment {}", lease.environment), words, Leftover::None);
    let mut labels = labels::of_run(lease, Role::Anchor);
    labels.insert(labels::LEASE.into(), serde_json::to_string(lease).map_err(|e| failed(&e.to_string()))?);
    match engine.create(&never_started(name, labels, &[], image)).await {
        Ok(id) => Ok(Some(id)),
        Err(e) if explain::is_name_in_use(&e) => Ok(None),
        Err(e) => Err(failed(&explain::words(&e))),
    }
}
