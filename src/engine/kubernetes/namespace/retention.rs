//! The retention of an environment, as an annotation of its namespace. Each update carries the version that was read, so that
//! concurrent updates lose nothing, and no update affects another run.

use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::owner;
use crate::engine::kubernetes::client::KubernetesEngine;
use crate::engine::kubernetes::explain;
use crate::engine::{EngineError, Leftover};
use crate::lease::{RetentionChange, RetentionUpdate};
use crate::model::RunId;
use crate::render::kubernetes::lease;

/// Attempts while other clients change the namespace.
const ATTEMPTS: usize = 20;

/// Changes the retention while this run owns the environment.
pub async fn update(
    engine: &KubernetesEngine,
    environment: &str,
    run: RunId,
    change: &RetentionChange,
) -> Result<RetentionUpdate, EngineError> {
    for _ in 0..ATTEMPTS {
        if let Some(amended) = attempt(engine, environment, run, change).await? {
            return Ok(amended);
        }
    }
    Err(refused(environment, "other clients keep changing it; try again"))
}

/// None if another client changed the namespace meanwhile.
async fn attempt(
    engine: &KubernetesEngine,
    environment: &str,
    run: RunId,
    change: &RetentionChange,
) -> Result<Option<RetentionUpdate>, EngineError> {
    let failed = |e| explain::failed(&format!("change the retention of {environment}"), &e, Leftover::None);
    let Some(namespace) = engine.namespaces().get_opt(environment).await.map_err(failed)? else {
        return Ok(Some(RetentionUpdate::NotFound));
    };
    owner::require_dayfly(&namespace)?;
    if namespace.metadata.deletion_timestamp.is_some() {
        return Ok(Some(RetentionUpdate::Terminating));
    }
    let Some(found) = lease::parse(environment, namespace.annotations()) else {
        let why = "it has no owner, or another version of dayfly created it; see `dayfly status`";
        return Err(refused(environment, why));
    };
    if found.run != run {
        return Ok(Some(RetentionUpdate::OwnedBy(found.run)));
    }
    let retention = lease::retention(&found, namespace.annotations());
    if !retention.is_changed_by(change) {
        return Ok(Some(RetentionUpdate::Current(retention)));
    }
    let retention = retention.with(change);
    let text = lease::retention_annotation(run, &retention).map_err(|e| refused(environment, &e))?;
    let version = namespace.resource_version();
    let patch = json!({"metadata": {"resourceVersion": version, "annotations": {(lease::RETENTION): text}}});
    match engine.namespaces().patch(environment, &PatchParams::default(), &Patch::Merge(&patch)).await {
        Ok(_) => Ok(Some(RetentionUpdate::Current(retention))),
        Err(e) if explain::is_conflict(&e) || explain::is_missing(&e) => Ok(None),
        Err(e) => Err(failed(e)),
    }
}

fn refused(environment: &str, why: &str) -> EngineError {
    explain::refused(&format!("change the retention of {environment}"), why, Leftover::None)
}
