//! The retention of an environment: its lease, and markers with later changes. The labels of a container cannot be changed,
//! so each change is a container that never runs; it replaces earlier ones of its kind.

use super::client::LocalEngine;
use super::containers::Listed;
use super::{anchor, explain};
use crate::engine::{EngineError, Leftover};
use crate::lease::{Lease, Retention, RetentionChange, RetentionUpdate};
use crate::model::RunId;
use crate::render::container::never_started;
use crate::render::labels::{self, ENVIRONMENT, ROLE, RUN, Role};

/// Returns the retention that follows from the lease and the markers among these containers.
pub fn effective<'a>(lease: &Lease, containers: impl Iterator<Item = &'a Listed>) -> Retention {
    let run = lease.run.to_string();
    let own = containers.filter(|c| c.label(RUN) == run && c.label(ROLE) == Role::Retention.as_str());
    own.map(|marker| change_of(marker).unwrap_or_else(|| RetentionChange::unreadable(lease)))
        .fold(Retention::from_lease(lease), |retention, change| retention.with(&change))
}

fn change_of(marker: &Listed) -> Option<RetentionChange> {
    serde_json::from_str(marker.label(labels::RETENTION)).ok()
}

/// Changes the retention while this run owns the environment.
pub async fn update(
    engine: &LocalEngine,
    environment: &str,
    run: RunId,
    change: &RetentionChange,
) -> Result<RetentionUpdate, EngineError> {
    let Some(anchor) = anchor::find(engine, environment).await? else { return Ok(RetentionUpdate::NotFound) };
    let lease = anchor::lease_of(&anchor, environment)?;
    if lease.run != run {
        return Ok(RetentionUpdate::OwnedBy(lease.run));
    }
    let of_run = run.to_string();
    let markers =
        engine.containers(&[(ENVIRONMENT, environment), (RUN, &of_run), (ROLE, Role::Retention.as_str())]).await?;
    let retention = effective(&lease, markers.iter());
    if !retention.is_changed_by(change) {
        return Ok(RetentionUpdate::Current(retention));
    }
    let created = create_marker(engine, &lease, &anchor.image, change).await?;
    // A run that removed or claimed the environment meanwhile has not seen this marker.
    match anchor::owner(engine, environment).await? {
        Some(owner) if owner.run == run => {}
        other => {
            discard(engine, environment, &created).await?;
            return Ok(other.map_or(RetentionUpdate::NotFound, |owner| RetentionUpdate::OwnedBy(owner.run)));
        }
    }
    for earlier in markers.iter().filter(|m| change_of(m).is_some_and(|earlier| change.supersedes(&earlier))) {
        discard(engine, environment, &earlier.id).await?;
    }
    Ok(RetentionUpdate::Current(retention.with(change)))
}

/// Creates a marker; returns its id.
async fn create_marker(
    engine: &LocalEngine,
    lease: &Lease,
    image: &str,
    change: &RetentionChange,
) -> Result<String, EngineError> {
    let failed =
        |words: &str| explain::failed(&format!("change the retention of {}", lease.environment), words, Leftover::None);
    let mut labels = labels::of_run(lease, Role::Retention);
    labels.insert(labels::RETENTION.into(), serde_json::to_string(change).map_err(|e| failed(&e.to_string()))?);
    // Concurrent changes need different names.
    let id = uuid::Uuid::now_v7().simple().to_string();
    let name = labels::object_name(lease, &format!("retention.{}", &id[16..]));
    engine.create(&never_started(name, labels, &[], image)).await.map_err(|e| failed(&explain::words(&e)))
}

async fn discard(engine: &LocalEngine, environment: &str, marker: &str) -> Result<(), EngineError> {
    let failed =
        |words: String| explain::failed(&format!("change the retention of {environment}"), &words, Leftover::Removable);
    engine.discard(marker).await.map_err(failed)
}
