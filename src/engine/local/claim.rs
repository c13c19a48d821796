//! Claims environments with an anchor: a container that never runs and has the environment's name, so that the engine
//! admits only one. Its label holds the lease.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::client::LocalEngine;
use super::containers::Inspected;
use super::{agent_image, explain, images, remove};
use crate::engine::{Claim, EngineError, Leftover};
use crate::lease::Lease;
use crate::model::RunId;
use crate::render::container::never_started;
use crate::render::labels::{self, Role};

/// Time limit of the attempts while other runs claim and release the environment.
const PATIENCE: Duration = Duration::from_secs(30);
/// Pause while the name belongs to a container that is being created or removed.
const PAUSE: Duration = Duration::from_millis(50);

/// Claims the environment for this run, unless a newer run owns it.
pub async fn claim(engine: &LocalEngine, lease: &Lease) -> Result<Claim, EngineError> {
    // The anchor never runs, so any image will do. The agent image may not exist yet; its build starts now.
    let image = match lease.plan.units.first() {
        Some(unit) => images::resolved(engine, &unit.image).await?.id,
        None => agent_image::ensure(engine).await?,
    };
    let ahead = engine.clone();
    tokio::spawn(async move { agent_image::ensure(&ahead).await.map(drop) });
    let mut replaced = None;
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        if create_anchor(engine, lease, &image).await? {
            let older = remove::remove_older(engine, &lease.environment, lease.run).await?;
            return Ok(Claim::Acquired { replaced: replaced.max(older), kept_secrets: None });
        }
        let Some(anchor) = engine.container(&lease.environment).await? else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let owner = lease_of(&anchor, &lease.environment)?;
        if owner.run == lease.run {
            return Ok(Claim::Acquired { replaced: None, kept_secrets: None });
        }
        if owner.run > lease.run {
            return Ok(Claim::HeldByNewer { run: owner.run, commit: owner.commit });
        }
        // By id, because a newer run may have replaced the anchor meanwhile.
        engine
            .discard(&anchor.id)
            .await
            .map_err(|words| explain::failed("replace an older run", &words, Leftover::Removable))?;
        replaced = replaced.max(Some(owner.run));
    }
    Err(explain::failed(
        &format!("claim environment {}", lease.environment),
        "other runs keep claiming it; run again when they have ended",
        Leftover::None,
    ))
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

/// Parses the lease of an anchor.
pub fn lease_of(anchor: &Inspected, environment: &str) -> Result<Lease, EngineError> {
    let failed =
        |words: &str| explain::failed(&format!("read the owner of environment {environment}"), words, Leftover::None);
    let labels = anchor.config.labels.clone().unwrap_or_default();
    let text = labels.get(labels::LEASE).ok_or_else(|| {
        failed(&format!("the container {environment} does not belong to dayfly; rename or remove it"))
    })?;
    parse(text).ok_or_else(|| {
        failed("another version of dayfly created it; remove it with that version, or with `dayfly down`")
    })
}

/// Parses the label of a lease.
pub fn parse(label: &str) -> Option<Lease> {
    serde_json::from_str(label).ok()
}

/// Returns the owner's lease.
pub async fn lease(engine: &LocalEngine, environment: &str) -> Result<Option<Lease>, EngineError> {
    match engine.container(environment).await? {
        Some(anchor) => lease_of(&anchor, environment).map(Some),
        None => Ok(None),
    }
}

/// Returns the owner's run id.
pub async fn owner(engine: &LocalEngine, environment: &str) -> Result<Option<RunId>, EngineError> {
    match engine.container(environment).await? {
        Some(anchor) => owner_of(&anchor.config.labels.unwrap_or_default(), environment),
        None => Ok(None),
    }
}

/// The owner that an anchor names; none if the container is not dayfly's.
fn owner_of(labels: &BTreeMap<String, String>, environment: &str) -> Result<Option<RunId>, EngineError> {
    let unreadable = |_| {
        let why = "another version of dayfly created it; remove it with that version, or with `dayfly down`";
        explain::failed(&format!("read the owner of environment {environment}"), why, Leftover::None)
    };
    labels.get(labels::RUN).map(|run| run.parse()).transpose().map_err(unreadable)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn owner(run: &str) -> Result<Option<RunId>, EngineError> {
        owner_of(&BTreeMap::from([(labels::RUN.to_owned(), run.to_owned())]), "e-pr-1")
    }

    #[test]
    fn an_anchor_names_its_owner() {
        let run = RunId::now();
        assert_eq!(owner(&run.to_string()).unwrap(), Some(run));
        assert_eq!(owner_of(&BTreeMap::new(), "e-pr-1").unwrap(), None);
    }

    #[test]
    fn an_unreadable_owner_is_an_error() {
        for run in ["", "7", "of-another-version"] {
            let why = owner(run).unwrap_err().to_string();
            assert!(
                why.contains("read the owner of environment e-pr-1: another version of dayfly created it"),
                "{why}"
            );
        }
    }
}
