//! Writes an object's status, over the version that the decision was made on, and publishes Events.

use jiff::Timestamp;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{ObjectMeta, Patch, PostParams};
use kube::{Api, Resource, ResourceExt};
use serde_json::json;

use super::api::{objects, params};
use super::error::{ReconcileError, api_error};
use crate::controller::context::Context;
use crate::controller::decide::QueueState;
use crate::controller::events::{self, Notice};
use crate::controller::status;
use crate::crd::{TestEnvironmentStatus, TestEnvironmentSummary};

/// Writes the status, and publishes an event for each news in it.
pub async fn write(
    object: &TestEnvironmentSummary,
    before: &TestEnvironmentStatus,
    after: &TestEnvironmentStatus,
    context: &Context,
) -> Result<(), ReconcileError> {
    let operations = json!([
        // Another version of the object refuses this as a conflict.
        {"op": "replace", "path": "/metadata/resourceVersion", "value": object.resource_version()},
        {"op": "add", "path": "/status", "value": after},
    ]);
    let invalid = |e| api_error("write the status")(kube::Error::SerdeError(e));
    let patch: json_patch::Patch = serde_json::from_value(operations).map_err(invalid)?;
    let written = objects(object, context).patch_status(&object.name_any(), &params(), &Patch::Json::<()>(patch)).await;
    match written {
        Ok(_) => {
            publish(object, &events::between(before, after), context).await;
            Ok(())
        }
        // The object is gone, and its status with it.
        Err(kube::Error::Api(s)) if s.code == 404 => Ok(()),
        Err(e) => Err(api_error("write the status")(e)),
    }
}

/// The status after a change of the run.
pub fn updated(
    object: &TestEnvironmentSummary,
    change: impl FnOnce(&mut TestEnvironmentStatus),
    now: Timestamp,
) -> TestEnvironmentStatus {
    let mut status = object.status.clone().unwrap_or_default();
    change(&mut status);
    status::update(&status, object.spec.keep, &[], &QueueState::Admitted, now)
}

/// Publishes Events about the object; a failure stops nothing. kube's `Recorder` would aggregate by reason alone, and so drop
/// the message of each later `Blocked` or `NotRemoved`.
pub async fn publish(object: &TestEnvironmentSummary, notices: &[Notice], context: &Context) {
    let namespace = object.namespace().unwrap_or_default();
    let events: Api<Event> = Api::namespaced(context.client.clone(), &namespace);
    for (i, notice) in notices.iter().enumerate() {
        let now = Timestamp::now();
        let event = Event {
            metadata: ObjectMeta {
                name: Some(format!("{}.{:x}{i}", object.name_any(), now.as_nanosecond())),
                namespace: Some(namespace.clone()),
                ..ObjectMeta::default()
            },
            action: Some(notice.action.clone()),
            reason: Some(notice.reason.clone()),
            note: Some(notice.note.clone()),
            type_: Some(if notice.warning { "Warning" } else { "Normal" }.to_owned()),
            event_time: Some(MicroTime(now)),
            regarding: Some(object.object_ref(&())),
            reporting_controller: Some("dayfly.dev/controller".to_owned()),
            reporting_instance: Some(context.settings.identity.clone()),
            ..Event::default()
        };
        if let Err(e) = events.create(&PostParams::default(), &event).await {
            tracing::warn!("failed to create event {}: {e}", notice.reason);
        }
    }
}
