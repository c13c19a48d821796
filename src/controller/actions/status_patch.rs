//! What is said of an object: its status, over the version that the decision was made on, and Events.

use jiff::Timestamp;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{ObjectMeta, Patch, PostParams};
use kube::{Api, Resource, ResourceExt};
use serde_json::json;

use super::{StepError, failed, objects, params};
use crate::controller::decide::Turn;
use crate::controller::events::{self, Told};
use crate::controller::{Context, status};
use crate::crd::{TestEnvironmentStatus, TestEnvironmentSummary};

/// Writes the status over that of the version which the decision was made on, and tells what is new.
pub async fn write(
    object: &TestEnvironmentSummary,
    was: &TestEnvironmentStatus,
    is: &TestEnvironmentStatus,
    context: &Context,
) -> Result<(), StepError> {
    let operations = json!([
        // Of another version, it is refused as a conflict.
        {"op": "replace", "path": "/metadata/resourceVersion", "value": object.resource_version()},
        {"op": "add", "path": "/status", "value": is},
    ]);
    let unwritten = |e| failed("write the status")(kube::Error::SerdeError(e));
    let patch: json_patch::Patch = serde_json::from_value(operations).map_err(unwritten)?;
    let written = objects(object, context).patch_status(&object.name_any(), &params(), &Patch::Json::<()>(patch)).await;
    match written {
        Ok(_) => {
            tell(object, &events::between(was, is), context).await;
            Ok(())
        }
        // It is gone, and with it whoever would have read this.
        Err(kube::Error::Api(s)) if s.code == 404 => Ok(()),
        Err(e) => Err(failed("write the status")(e)),
    }
}

/// What is said after a change of the run itself.
pub fn restated(
    object: &TestEnvironmentSummary,
    change: impl FnOnce(&mut TestEnvironmentStatus),
    now: Timestamp,
) -> TestEnvironmentStatus {
    let mut is = object.status.clone().unwrap_or_default();
    change(&mut is);
    status::of(&is, object.spec.keep, &[], &Turn::Now, now)
}

/// Makes Events about the object. That they are not made stops nothing.
pub async fn tell(object: &TestEnvironmentSummary, told: &[Told], context: &Context) {
    let namespace = object.namespace().unwrap_or_default();
    let events: Api<Event> = Api::namespaced(context.client.clone(), &namespace);
    for (i, told) in told.iter().enumerate() {
        let now = Timestamp::now();
        let event = Event {
            metadata: ObjectMeta {
                name: Some(format!("{}.{:x}{i}", object.name_any(), now.as_nanosecond())),
                namespace: Some(namespace.clone()),
                ..ObjectMeta::default()
            },
            action: Some(told.action.clone()),
            reason: Some(told.reason.clone()),
            note: Some(told.note.clone()),
            type_: Some(if told.warning { "Warning" } else { "Normal" }.to_owned()),
            event_time: Some(MicroTime(now)),
            regarding: Some(object.object_ref(&())),
            reporting_controller: Some("dayfly.dev/controller".to_owned()),
            reporting_instance: Some(context.settings.identity.clone()),
            ..Event::default()
        };
        if let Err(e) = events.create(&PostParams::default(), &event).await {
            tracing::warn!("failed to make the event {}: {e}", told.reason);
        }
    }
}
