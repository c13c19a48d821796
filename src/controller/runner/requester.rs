//! The user behind a TestEnvironment. Anyone may write an annotation: it counts only while an admission policy compares it with
//! the user of each request.

use k8s_openapi::api::admissionregistration::v1::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{Api, Client, ResourceExt};

use crate::crd::{TestEnvironment, USER};

/// Name of the policy that checks the annotation, and of its binding (manifests/install/admission.yaml).
pub const POLICY: &str = "dayfly-requesters";

/// The user who last wrote the object's spec, as the API server knows them; none unless it checked the annotation.
pub async fn user(client: &Client, object: &TestEnvironment) -> Option<String> {
    let user = object.annotations().get(USER).filter(|user| !user.is_empty())?;
    match checked_since(client).await {
        // An older object may have its annotation from a time without the policy.
        Ok(Some(since)) if object.metadata.creation_timestamp.as_ref().is_some_and(|t| *t > since) => {
            Some(user.clone())
        }
        Ok(_) => {
            tracing::warn!("the user of the TestEnvironment is unknown: the policy {POLICY} did not check it");
            None
        }
        Err(e) => {
            tracing::warn!("the user of the TestEnvironment is unknown: failed to read the policy {POLICY}: {e}");
            None
        }
    }
}

/// Since when the policy denies a wrong annotation everywhere, if it does.
async fn checked_since(client: &Client) -> Result<Option<Time>, kube::Error> {
    let policies: Api<ValidatingAdmissionPolicy> = Api::all(client.clone());
    let bindings: Api<ValidatingAdmissionPolicyBinding> = Api::all(client.clone());
    let (policy, binding) = tokio::try_join!(policies.get_opt(POLICY), bindings.get_opt(POLICY))?;
    Ok(policy.zip(binding).and_then(|(policy, binding)| {
        let bound = &binding.spec;
        // Match resources narrow it to some objects.
        let denies = bound.policy_name == POLICY
            && bound.validation_actions.iter().any(|action| action == "Deny")
            && bound.match_resources.is_none();
        let times = policy.metadata.creation_timestamp.zip(binding.metadata.creation_timestamp);
        times.filter(|_| denies).map(|(policy, binding)| policy.max(binding))
    }))
}
