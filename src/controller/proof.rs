//! What proves the claims of a TestEnvironment's requester.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kube::ResourceExt;

use crate::crd::{TestEnvironment, TestEnvironmentSpec, VerifiedIdentity};
use crate::identity::{self, Claimed, IdentityError, KeyFiles};
use crate::model::{Digest, Proof};
use crate::policy::Policy;
use crate::run::RunRequest;

/// The proof by the policy, or by the identity token. A token that the controller verified for the same claims is not
/// verified again: it may have expired in the queue.
pub(super) async fn of(
    object: &TestEnvironment,
    policy: &Policy,
    files: &BTreeMap<String, Vec<u8>>,
    request: &RunRequest,
) -> Result<Option<Proof>, IdentityError> {
    let namespace = object.namespace().unwrap_or_default();
    let change = &request.change;
    let Some(token) = &object.spec.identity_token else {
        return Ok(identity::by_policy(policy, &namespace, change.repository.as_deref()));
    };
    let verified = object.status.as_ref().and_then(|s| s.identity.as_ref());
    if let Some(verified) = verified.filter(|v| v.of == digest(&object.spec)) {
        return Ok(Some(verified.proof.clone()));
    }
    let claimed = Claimed {
        repository: change.repository.as_deref(),
        pr: change.pr,
        commit: &change.commit,
        actor: request.runner.actor.as_deref(),
    };
    let keys = KeyFiles::Map(files);
    identity::by_token(token, policy, Some(&namespace), &claimed, keys, Timestamp::now()).await.map(Some)
}

/// The proof of the identity token, for the status.
pub(super) fn verified(spec: &TestEnvironmentSpec, proof: Option<Proof>) -> Option<VerifiedIdentity> {
    let proof = proof.filter(|_| spec.identity_token.is_some())?;
    Some(VerifiedIdentity { of: digest(spec), proof })
}

fn digest(spec: &TestEnvironmentSpec) -> String {
    let actor = spec.requested_by.as_ref().and_then(|r| r.actor.as_ref());
    let all = (&spec.identity_token, &spec.repository, spec.pull_request, &spec.commit, actor);
    Digest::compute_json(&serde_json::json!(all)).hex()
}
