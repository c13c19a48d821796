//! dayfly's finalizer on the object.

use kube::ResourceExt;
use kube::api::Patch;
use serde_json::json;

use super::api::{objects, params};
use super::error::{ReconcileError, api_error};
use super::removal_record;
use super::status_patch::publish;
use crate::controller::context::{Context, lock};
use crate::controller::events;
use crate::crd::TestEnvironmentSummary;

/// On every TestEnvironment that dayfly has handled.
pub const FINALIZER: &str = "dayfly.dev/release";

/// Adds the finalizer.
pub async fn add(object: &TestEnvironmentSummary, context: &Context) -> Result<(), ReconcileError> {
    set(object, context, true).await
}

/// Removes the finalizer, so that the object goes; an event and the record name the leftover.
pub async fn remove(
    object: &TestEnvironmentSummary,
    leftover: Option<&str>,
    context: &Context,
) -> Result<(), ReconcileError> {
    if let Some(leftover) = leftover {
        tracing::error!("removing the finalizer although {leftover}");
        let note = format!("the object is deleted although {leftover}; `dayfly reap` removes what is left");
        publish(object, &[events::event(true, "LeftBehind", "Remove", &note)], context).await;
        close_record(object, leftover, context).await;
    }
    set(object, context, false).await?;
    lock(&context.running).remove(object.uid());
    Ok(())
}

async fn set(object: &TestEnvironmentSummary, context: &Context, on: bool) -> Result<(), ReconcileError> {
    let mut finalizers: Vec<&str> =
        object.finalizers().iter().map(String::as_str).filter(|f| *f != FINALIZER).collect();
    if on {
        finalizers.push(FINALIZER);
    }
    let patch = json!({"metadata": {"resourceVersion": object.resource_version(), "finalizers": finalizers}});
    let done = objects(object, context).patch(&object.name_any(), &params(), &Patch::Merge(&patch)).await;
    match done {
        // The object is gone: nothing holds it any more.
        Err(kube::Error::Api(s)) if s.code == 404 && !on => Ok(()),
        done => done.map(drop).map_err(api_error("change the finalizer")),
    }
}

/// Completes the record of the unfinished removal, if there is one. A failure holds nothing up: an incomplete record says as
/// much.
async fn close_record(object: &TestEnvironmentSummary, leftover: &str, context: &Context) {
    let Some(run) = object.run() else { return };
    let closed = async {
        match removal_record::unended(object, run, context).await? {
            Some(record) => removal_record::end(object, record, Err(leftover.to_owned()), context).await,
            None => Ok(()),
        }
    };
    if let Err(e) = closed.await {
        tracing::warn!("failed to {e}");
    }
}
