//! The retention of an environment: what its lease says, and what markers say since. A container's labels cannot be changed,
//! so each change is a container of its own that never runs; it replaces the earlier ones of its kind.

use uuid::Uuid;

use super::client::LocalEngine;
use super::containers::Listed;
use super::{claim, explain};
use crate::engine::{EngineError, Leftover};
use crate::lease::{Lease, Retention, RetentionChange, RetentionUpdate};
use crate::render::container::never_started;
use crate::render::labels::{self, ENVIRONMENT, ROLE, RUN, Role};

/// What the lease and the markers among these containers amount to.
pub fn amount<'a>(lease: &Lease, containers: impl Iterator<Item = &'a Listed>) -> Retention {
    let run = lease.run.to_string();
    let own = containers.filter(|c| c.label(RUN) == run && c.label(ROLE) == Role::Retention.as_str());
    own.filter_map(said).fold(Retention::from_lease(lease), |retention, change| retention.with(&change))
}

fn said(marker: &Listed) -> Option<RetentionChange> {
    serde_json::from_str(marker.label(labels::RETENTION)).ok()
}

/// Changes the retention while this run has the environment.
pub async fn update(
    engine: &LocalEngine,
    environment: &str,
    run: Uuid,
    change: &RetentionChange,
) -> Result<RetentionUpdate, EngineError> {
    let Some(anchor) = engine.container(environment).await? else { return Ok(RetentionUpdate::NotFound) };
    let lease = claim::read(&anchor, environment)?;
    if lease.run != run {
        return Ok(RetentionUpdate::OwnedBy(lease.run));
    }
    let of_run = run.to_string();
    let markers =
        engine.containers(&[(ENVIRONMENT, environment), (RUN, &of_run), (ROLE, Role::Retention.as_str())]).await?;
    let retention = amount(&lease, markers.iter());
    if !retention.is_changed_by(change) {
        return Ok(RetentionUpdate::Current(retention));
    }
    let made = mark(engine, &lease, &anchor.image, change).await?;
    // Whoever removed the environment meanwhile, or took it, has not seen this marker.
    match claim::owner(engine, environment).await? {
        Some(owner) if owner == run => {}
        other => {
            discard(engine, environment, &made).await?;
            return Ok(other.map_or(RetentionUpdate::NotFound, RetentionUpdate::OwnedBy));
        }
    }
    for earlier in markers.iter().filter(|m| said(m).is_some_and(|s| change.supersedes(&s))) {
        discard(engine, environment, &earlier.id).await?;
    }
    Ok(RetentionUpdate::Current(retention.with(change)))
}

/// Makes a marker; returns its id.
async fn mark(
    engine: &LocalEngine,
    lease: &Lease,
    image: &str,
    change: &RetentionChange,
) -> Result<String, EngineError> {
    let failed =
        |words: &str| explain::failed(&format!("change the retention of {}", lease.environment), words, Leftover::None);
    let mut labels = labels::of_run(lease, Role::Retention);
    labels.insert(labels::RETENTION.into(), serde_json::to_string(change).map_err(|e| failed(&e.to_string()))?);
    // Two may amend at once, so that the name must be nobody else's.
    let mark = Uuid::now_v7().simple().to_string();
    let name = labels::object_name(lease, &format!("retention.{}", &mark[16..]));
    engine.create(&never_started(name, labels, &[], image)).await.map_err(|e| failed(&explain::words(&e)))
}

async fn discard(engine: &LocalEngine, environment: &str, marker: &str) -> Result<(), EngineError> {
    let failed =
        |words: String| explain::failed(&format!("change the retention of {environment}"), &words, Leftover::Removable);
    engine.discard(marker).await.map_err(failed)
}
