//! Tells the TestEnvironment that requested an environment of its removal.

use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::crd::{REAPED, TestEnvironment};
use crate::engine::kubernetes::client::{KubernetesEngine, api};
use crate::engine::kubernetes::explain;
use crate::engine::{EngineError, Leftover};
use crate::lease::Lease;

/// Annotates the TestEnvironment with the run and the reason, if it still exists.
pub async fn notify_removed(engine: &KubernetesEngine, lease: &Lease, why: &str) -> Result<(), EngineError> {
    let Some((namespace, name)) = lease.requester.as_deref().and_then(|a| a.split_once('/')) else { return Ok(()) };
    let objects: Api<TestEnvironment> = Api::namespaced(engine.client(), namespace);
    let patch = json!({"metadata": {"annotations": {(REAPED): format!("{} {why}", lease.run)}}});
    let params = PatchParams { field_manager: Some(api::MANAGER.into()), ..PatchParams::default() };
    match objects.patch_metadata(name, &params, &Patch::Merge(&patch)).await {
        Err(e) if explain::is_missing(&e) => Ok(()),
        told => {
            let doing = format!("tell TestEnvironment {namespace}/{name} that its environment was removed");
            told.map(drop).map_err(|e| explain::failed(&doing, &e, Leftover::None))
        }
    }
}
