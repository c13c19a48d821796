//! The owner of an environment, read from its namespace.

use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::ResourceExt;

use crate::engine::kubernetes::client::{KubernetesEngine, api};
use crate::engine::kubernetes::{explain, images};
use crate::engine::{EngineError, Leftover};
use crate::lease::Lease;
use crate::model::RunId;
use crate::render::kubernetes::{ENVIRONMENT_ROLE, lease as annotations};
use crate::render::labels;

/// Time limit for the first list of a namespace.
const LIST_LIMIT: Duration = Duration::from_secs(90);

/// Fails for a namespace that dayfly did not create.
pub fn require_dayfly(namespace: &Namespace) -> Result<(), EngineError> {
    let name = namespace.name_any();
    if api::label(namespace, labels::ENVIRONMENT) == name && api::label(namespace, labels::ROLE) == ENVIRONMENT_ROLE {
        return Ok(());
    }
    Err(explain::refused(
        &format!("use namespace {name}"),
        "a namespace of that name exists that is not dayfly's, and dayfly does not touch it: rename the description, or delete the namespace by hand",
        Leftover::None,
    ))
}

/// The owner's lease. An environment that this process claimed and somebody is removing has no owner any more; one that a
/// newer run removes in order to create it again belongs to that run already.
pub async fn lease(engine: &KubernetesEngine, environment: &str) -> Result<Option<Lease>, EngineError> {
    let failed = |e| explain::failed(&format!("read the owner of environment {environment}"), &e, Leftover::None);
    let Some(namespace) = engine.namespaces().get_opt(environment).await.map_err(failed)? else { return Ok(None) };
    require_dayfly(&namespace)?;
    images::restore(engine, namespace.annotations());
    let leaving = namespace.metadata.deletion_timestamp.is_some();
    match annotations::parse(environment, namespace.annotations()) {
        Some(lease) if leaving && engine.run_state(lease.run, |run| run.claimed) => Ok(None),
        Some(lease) => Ok(Some(lease)),
        None if namespace.annotations().contains_key(annotations::LEASE) => Err(explain::refused(
            &format!("read the owner of environment {environment}"),
            "another version of dayfly created it; remove it with that version, or with `dayfly down`",
            Leftover::None,
        )),
        None => Ok(None),
    }
}

/// Run id of the owner, from the watch cache.
async fn owner(engine: &KubernetesEngine, environment: &str) -> Result<Option<RunId>, EngineError> {
    let cache = engine.cache(environment);
    let known = cache.wait_for(LIST_LIMIT, |snapshot, _| snapshot.owner.clone()).await;
    known.map(|owner| owner.filter(|o| !o.leaving).map(|o| o.run)).ok_or_else(|| {
        let words = format!("its namespace was not listed, and {}", cache.why_late(LIST_LIMIT));
        explain::refused(&format!("find the owner of environment {environment}"), &words, Leftover::Unknown)
    })
}

/// Fails when the environment no longer belongs to this run, so that a stale run creates nothing in it.
pub async fn require_ours(engine: &KubernetesEngine, lease: &Lease) -> Result<(), EngineError> {
    match owner(engine, &lease.environment).await? {
        Some(run) if run == lease.run => Ok(()),
        _ => Err(EngineError::Missing(format!(
            "environment {} as it was claimed: a newer run took it meanwhile, or it was removed",
            lease.environment
        ))),
    }
}
