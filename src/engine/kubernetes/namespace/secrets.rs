//! The environment's secrets, as the cluster stores them.

use k8s_openapi::api::core::v1::Secret;
use kube::Api;

use crate::engine::kubernetes::client::KubernetesEngine;
use crate::engine::kubernetes::explain;
use crate::engine::{EngineError, Leftover};
use crate::render::kubernetes::ALL_SECRETS;
use crate::render::kubernetes::prepare::SECRETS_FILE;
use crate::secrets::Secrets;

/// Reads the secrets of an environment.
pub async fn read(engine: &KubernetesEngine, environment: &str) -> Result<Secrets, EngineError> {
    let secrets: Api<Secret> = Api::namespaced(engine.client(), environment);
    let found = secrets.get_opt(ALL_SECRETS).await;
    let found =
        found.map_err(|e| explain::failed(&format!("read the secrets of {environment}"), &e, Leftover::None))?;
    let bytes = found.and_then(|s| s.data).and_then(|mut data| data.remove(SECRETS_FILE));
    bytes.and_then(|b| serde_json::from_slice(&b.0).ok()).ok_or_else(|| {
        EngineError::Missing(format!("the secrets of environment {environment}: it was never completed"))
    })
}
