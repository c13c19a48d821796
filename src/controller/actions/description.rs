//! Checks the description that the object holds or names.

use jiff::Timestamp;
use kube::{Api, ResourceExt};

use super::error::{ReconcileError, api_error};
use super::status_patch::write;
use crate::controller::context::Context;
use crate::controller::decide::QueueState;
use crate::controller::proof;
use crate::controller::run_request::{self, Unresolved};
use crate::controller::status::{self, DescriptionCheck};
use crate::crd::{TestEnvironment, TestEnvironmentSummary};

/// Checks the description and writes the result into the status.
pub async fn check(object: &TestEnvironmentSummary, context: &Context) -> Result<(), ReconcileError> {
    let objects: Api<TestEnvironment> =
        Api::namespaced(context.client.clone(), &object.namespace().unwrap_or_default());
    let whole = objects.get(&object.name_any()).await.map_err(api_error("read the description"))?;
    let result = match run_request::resolve(&context.client, &whole, &context.settings.namespace, None).await {
        Ok(request) => DescriptionCheck::Valid {
            summary: format!("{} services, {} suites", request.plan.units.len(), request.plan.suites.len()),
            environment: request.plan.environment,
            description_digest: request.plan.description_digest,
            input_digest: whole.spec.input_digest(),
            identity: proof::verified(&whole.spec, request.proof),
        },
        Err(Unresolved::Invalid(why)) => DescriptionCheck::Invalid(why),
        Err(Unresolved::Source(why)) => DescriptionCheck::Missing(why),
        Err(Unresolved::NotAllowed(why)) => DescriptionCheck::NotAllowed(why),
        Err(Unresolved::Api(e)) => return Err(api_error("read the description")(e)),
    };
    let retry = match &result {
        DescriptionCheck::Missing(why) => Err(ReconcileError::NoDescription(why.clone())),
        DescriptionCheck::NotAllowed(why) => Err(ReconcileError::NotAllowed(why.clone())),
        _ => Ok(()),
    };
    let (before, now) = (object.status.clone().unwrap_or_default(), Timestamp::now());
    let generation = whole.metadata.generation.unwrap_or_default();
    let after = status::after_check(before.clone(), generation, &whole.spec.commit, result, now);
    let after = status::update(&after, object.spec.keep, &[], &QueueState::Admitted, now);
    if after != before {
        write(object, &before, &after, context).await?;
    }
    retry
}
