//! The signed record of what the controller removes by itself: begun before, ended after, and ended by whoever comes next
//! where an attempt broke off in between. Nothing of it is remembered: what was begun lies in the cluster.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;

use super::{StepError, failed};
use crate::controller::{Context, TEST_ENVIRONMENT};
use crate::crd::{RunStatus, TestEnvironmentSummary};
use crate::engine::{Engine, Observed, Residual};
use crate::evidence::predicate::{RemovalReason, Remover};
use crate::evidence::removal::{self, Record};
use crate::evidence::removal_store::RemovalStore;
use crate::evidence::{EvidenceError, SigningKey, key_secret};

/// The key that runs and removals are signed with, as it is now.
pub async fn signing_key(doing: &'static str, context: &Context) -> Result<Arc<SigningKey>, StepError> {
    let (namespace, name) = (context.settings.namespace.clone(), context.settings.key_secret.clone());
    let secrets: Api<Secret> = Api::namespaced(context.client.clone(), &namespace);
    let secret = secrets.get_opt(&name).await.map_err(failed("look for the signing key"))?;
    let why = match secret {
        Some(secret) => match usable(secret, context).await {
            Ok(key) => return Ok(key),
            Err(why) => why,
        },
        None => "there is nothing".to_owned(),
    };
    Err(StepError::NoKey { doing, why, namespace, name })
}

/// The key in a Secret; why there is none. Decrypting one takes 16 MiB for a moment: once for each version, and one at a time.
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
        Ok(None) => Err(format!("there is no `{}`", key_secret::KEY)),
        Err(e) => Err(format!("it could not be read: {e}")),
    }
}

/// Begins the record of a removal. Nothing may be removed when this fails.
pub async fn begin(
    object: &TestEnvironmentSummary,
    observed: &Observed,
    reason: RemovalReason,
    context: &Context,
) -> Result<Record, StepError> {
    let key = signing_key("record a removal", context).await?;
    let environment = removal::environment(observed, context.engine.kind(), &context.engine.info());
    let record = removal::begin(environment, remover(context).await, reason, Timestamp::now(), &key);
    let record = record.map_err(unrecorded(&observed.environment))?;
    shelf(object, context).put(&record).await.map_err(unrecorded(&observed.environment))?;
    Ok(record)
}

/// The record of this run's removal that was begun and not ended.
pub async fn unended(
    object: &TestEnvironmentSummary,
    run: &RunStatus,
    context: &Context,
) -> Result<Option<Record>, StepError> {
    let left = shelf(object, context).unended().await.map_err(unrecorded(&run.environment))?;
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
            // Signed with a key that was replaced, perhaps: nobody can end it any more.
            Err(e) => tracing::warn!("ConfigMap {name} is not taken up: {e}"),
        }
    }
    Ok(None)
}

/// Ends a record: with what is left, or why it failed.
pub async fn end(
    object: &TestEnvironmentSummary,
    mut record: Record,
    outcome: Result<Vec<Residual>, String>,
    context: &Context,
) -> Result<(), StepError> {
    let key = signing_key("record a removal", context).await?;
    let environment = record.environment().id.clone();
    record.end(outcome, Timestamp::now(), &key).map_err(unrecorded(&environment))?;
    shelf(object, context).put(&record).await.map_err(unrecorded(&environment))
}

/// Beside the janitor's, and found again by the object.
fn shelf(object: &TestEnvironmentSummary, context: &Context) -> RemovalStore {
    RemovalStore {
        client: context.client.clone(),
        namespace: context.settings.namespace.clone(),
        mark: Some((TEST_ENVIRONMENT, object.uid().to_owned())),
    }
}

async fn remover(context: &Context) -> Remover {
    Remover { account: context.engine.account().await, ..context.settings.remover.clone() }
}

fn unrecorded(environment: &str) -> impl FnOnce(EvidenceError) -> StepError {
    move |source| StepError::Unrecorded { environment: environment.to_owned(), source }
}
