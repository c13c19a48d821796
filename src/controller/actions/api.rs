//! The controller's access to TestEnvironments.

use kube::api::PatchParams;
use kube::{Api, ResourceExt};

use crate::controller::context::{Context, MANAGER};
use crate::crd::TestEnvironmentSummary;

/// The TestEnvironments of the object's namespace.
pub fn objects(object: &TestEnvironmentSummary, context: &Context) -> Api<TestEnvironmentSummary> {
    Api::namespaced(context.client.clone(), &object.namespace().unwrap_or_default())
}

/// Parameters of every patch.
pub fn params() -> PatchParams {
    PatchParams { field_manager: Some(MANAGER.into()), ..PatchParams::default() }
}
