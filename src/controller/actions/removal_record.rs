//! The signed record of a removal by the controller: begun before, ended after. The cluster holds what was begun, so that the
//! next attempt ends the record of one that was interrupted.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;

use super::error::{ReconcileError, api_error};
use crate::controller::context::Context;
use crate::controller::labels::TEST_ENVIRONMENT;
use crate::crd::{RunStatus, TestEnvironmentSummary};
use crate::engine::{Engine, ObservedEnvironment, Residual};
use crate::evidence::predicate::{RemovalReason, Remover};
use crate::evidence::removal::{self, Record};
use crate::evidence::removal_store::RemovalStore;
use crate::evidence::{EvidenceError, SigningKey, key_secret};

/// The current key for runs and removals.
pub async fn signing_key(doing: &'static str, context: &Context) -> Result<Arc<SigningKey>, ReconcileError> {
    let (namespace, name) = (context.settings.namespace.clone(), context.settings.key_secret.clone());
    let secrets: Api<Secret> = Api::namespaced(context.client.clone(), &namespace);
    let secret = secrets.get_opt(&name).await.map_err(api_error("read the signing key"))?;
    let why = match secret {
        Some(secret) => match usable(secret, context).await {
            Ok(key) => return Ok(key),
            Err(why) => why,
        },
        None => "it does not exist".to_owned(),
    };
    Err(ReconcileError::NoKey { doing, why, namespace, name })
}

/// Reads the key in a Secret. Decrypting takes 16 MiB for a moment, so it happens once for each version, one at a time.
async fn usable(secret: Secret, context: &Context) -> Result<Arc<SigningKey>, String> {
    let version = secret.metadata.resource_version.clone().unwrap_or_default();
    let mut known = context.key.lock().await;
    if let Some((of, key)) = known.as_ref()
        && *of == version
    {
        return Ok(key.clone());
    }
    let read = tokio::task::spawn_blocking(move || key_secret::signing_key(&secret)).await;
    match read {
        Ok(Some(Ok(key))) => Ok(known.insert((version, Arc::new(key))).1.clone()),
        Ok(Some(Err(e))) => Err(format!("failed to {e}")),
        Ok(None) => Err(format!("it has no `{}`", key_secret::KEY)),
        Err(e) => Err(format!("reading it failed: {e}")),
    }
}

/// Begins the record of a removal; if this fails, nothing may be removed.
pub async fn begin(
    object: &TestEnvironmentSummary,
    observed: &ObservedEnvironment,
    reason: RemovalReason,
    context: &Context,
) -> Result<Record, ReconcileError> {
    let key = signing_key("record a removal", context).await?;
    let environment = removal::environment(observed, context.engine.kind(), &context.engine.info());
    let record = removal::begin(environment, remover(context).await, reason, Timestamp::now(), &key);
    let record = record.map_err(unrecorded(&observed.environment))?;
    store(object, context).put(&record).await.map_err(unrecorded(&observed.environment))?;
    Ok(record)
}

/// The unfinished record of this run's removal.
pub async fn unended(
    object: &TestEnvironmentSummary,
    run: &RunStatus,
    context: &Context,
) -> Result<Option<Record>, ReconcileError> {
    let left = store(object, context).unended().await.map_err(unrecorded(&run.environment))?;
    if left.is_empty() {
        return Ok(None);
    }
    let key = signing_key("record a removal", context).await?.verifying_key();
    let remover = remover(context).await;
    for (name, begun) in left {
        match removal::resume(begun, remover.clone(), &key) {
            Ok(record) if record.environment().run_id.is_some_and(|id| id.to_string() == run.id) => {
                return Ok(Some(record));
            }
            Ok(_) => {}
            // Perhaps signed with a key that was replaced: nobody can end it any more.
            Err(e) => tracing::warn!("ignoring the removal record in ConfigMap {name}: {e}"),
        }
    }
    Ok(None)
}

/// Ends a record with what is left, or with the error.
pub async fn end(
    object: &TestEnvironmentSummary,
    mut record: Record,
    outcome: Result<Vec<Residual>, String>,
    context: &Context,
) -> Result<(), ReconcileError> {
    let key = signing_key("record a removal", context).await?;
    let environment = record.environment().id.clone();
    record.end(outcome, Timestamp::now(), &key).map_err(unrecorded(&environment))?;
    store(object, context).put(&record).await.map_err(unrecorded(&environment))
}

/// The store that the reaper uses too; a label leads back to the object.
fn store(object: &TestEnvironmentSummary, context: &Context) -> RemovalStore {
    RemovalStore {
        client: context.client.clone(),
        namespace: context.settings.namespace.clone(),
        label: Some((TEST_ENVIRONMENT, object.uid().to_owned())),
    }
}

async fn remover(context: &Context) -> Remover {
    Remover { account: context.engine.account().await, ..context.settings.remover.clone() }
}

fn unrecorded(environment: &str) -> impl FnOnce(EvidenceError) -> ReconcileError {
    move |source| ReconcileError::Unrecorded { environment: environment.to_owned(), source }
}
