//! Claims environments. The namespace is the claim: the API server creates only one of a name. Its annotations hold the lease,
//! and each update carries the version that was read, so that exactly one of two concurrent runs succeeds.

use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use tokio::time::Instant;

use super::{owner, remove, secrets as stored};
use crate::engine::kubernetes::client::{KubernetesEngine, api, retry, role_binding};
use crate::engine::kubernetes::explain;
use crate::engine::{Claim, ClaimPolicy, EngineError, Leftover, RemovalScope, ReplacePolicy};
use crate::lease::{Lease, Owner, TakenOver};
use crate::model::RunId;
use crate::plan::{Position, SuiteExecutor};
use crate::render::kubernetes::{
    Addresses, Kind, Object, RenderError, RenderInput, environment, lease as written, prepare, test_pods, unit,
};
use crate::secrets;

/// Time limit while other runs claim and release the environment, or it is being removed.
const TIME_LIMIT: Duration = Duration::from_secs(90);

/// The state of the environment's namespace.
enum Found {
    Nothing,
    Leaving,
    Owned(Box<Owned>),
}

/// An environment that has a lease; an unreadable lease names neither run nor owner.
struct Owned {
    namespace: Namespace,
    run: Option<RunId>,
    commit: String,
    owner: Option<Owner>,
    /// Why it is held, if it is.
    held: Option<String>,
}

/// Claims the environment for this run, unless a newer run or another owner has it, and starts its watches.
pub async fn claim(engine: &KubernetesEngine, lease: &Lease, policy: ClaimPolicy) -> Result<Claim, EngineError> {
    let claim = acquire(engine, lease, policy).await?;
    if matches!(claim, Claim::Acquired { .. }) {
        role_binding::ensure(engine, &lease.environment).await?;
        let cache = engine.cache(&lease.environment);
        engine.run_state(lease.run, |run| run.cache = Some(cache));
    }
    Ok(claim)
}

async fn acquire(engine: &KubernetesEngine, lease: &Lease, policy: ClaimPolicy) -> Result<Claim, EngineError> {
    let name = &lease.environment;
    let object = engine.with_render_input(lease, render_all).map_err(|e| explain::unrendered(&e))?;
    engine.run_state(lease.run, |run| (run.claimed, run.in_place) = (true, false));
    let until = Instant::now() + TIME_LIMIT;
    let (mut replaced, mut taken_over) = (None, None);
    while Instant::now() < until {
        match find(engine, name).await? {
            Found::Nothing if policy.compared.is_some() && replaced.is_none() => return Ok(Claim::ChangedMeanwhile),
            Found::Nothing => {
                if create(engine, &object).await? {
                    return Ok(Claim::Acquired { replaced, taken_over });
                }
            }
            Found::Leaving => remove::until_gone(engine, name, until).await?,
            Found::Owned(found) => {
                if found.run == Some(lease.run) {
                    return Ok(Claim::Acquired { replaced, taken_over });
                }
                let is_ours = lease.has_same_owner(found.owner.as_ref());
                if !is_ours && (!policy.take_over || found.held.is_some()) {
                    let held = found.held.filter(|_| policy.take_over);
                    return Ok(Claim::OwnedByOther { run: found.run, owner: found.owner.map(Box::new), held });
                }
                if let Some(run) = found.run.filter(|run| *run > lease.run) {
                    return Ok(Claim::HeldByNewer { run, commit: found.commit });
                }
                if policy.compared.is_some_and(|run| found.run != Some(run)) {
                    return Ok(Claim::ChangedMeanwhile);
                }
                if !take_over(engine, lease, &found.namespace, &object).await? {
                    continue;
                }
                replaced = replaced.max(found.run);
                if !is_ours {
                    taken_over = Some(Box::new(TakenOver { run_id: found.run, owner: found.owner }));
                }
                if policy.older == ReplacePolicy::InPlace && is_ours {
                    match stored::read(engine, name).await {
                        Ok(_) => {
                            engine.run_state(lease.run, |run| run.in_place = true);
                            return Ok(Claim::Acquired { replaced, taken_over });
                        }
                        // It was never complete. After any other error, what was said to stay must not go.
                        Err(EngineError::Missing(_)) => {}
                        Err(e) => return Err(e),
                    }
                }
                // It is ours now, so that no older run continues. It is removed and created again.
                for left in remove::remove(engine, name, RemovalScope::Run(lease.run)).await? {
                    tracing::warn!("{} of an older run still exists: {}", left.object, left.reason);
                }
            }
        }
    }
    Err(explain::refused(
        &format!("take environment {name}"),
        "other runs keep claiming it, or its removal does not end (`dayfly down` names what holds it); then run again",
        Leftover::None,
    ))
}

/// Renders all objects before any is created, without secrets and addresses; returns the namespace.
fn render_all(input: &RenderInput<'_>) -> Result<Object, RenderError> {
    let (secrets, addresses) = (secrets::placeholders(&input.lease.plan), Addresses::new());
    prepare::objects(input, &secrets, None)?;
    let plan = &input.lease.plan;
    for planned in &plan.units {
        unit::pod(input, planned, 1, &addresses, &secrets)?;
    }
    test_pods::agent(input, &Position::Control, &addresses)?;
    for suite in plan.suites.values() {
        if let SuiteExecutor::Container(container) = &suite.executor {
            test_pods::job(input, suite, container, "trial", &addresses)?;
        }
    }
    environment::namespace(input)
}

async fn find(engine: &KubernetesEngine, name: &str) -> Result<Found, EngineError> {
    let found = engine.namespaces().get_opt(name).await;
    let found = found.map_err(|e| explain::failed(&format!("look for namespace {name}"), &e, Leftover::None))?;
    let Some(namespace) = found else { return Ok(Found::Nothing) };
    owner::require_dayfly(&namespace)?;
    if namespace.metadata.deletion_timestamp.is_some() {
        return Ok(Found::Leaving);
    }
    let annotations = namespace.annotations();
    let (run, commit) = written::owner(annotations).map_or((None, String::new()), |(run, commit)| (Some(run), commit));
    let held = run.and_then(|run| written::hold(run, annotations));
    let owner = written::declared_owner(annotations);
    Ok(Found::Owned(Box::new(Owned { namespace, run, commit, owner, held })))
}

/// False if it must be read again: another run was faster, or the connection broke before the answer.
async fn create(engine: &KubernetesEngine, object: &Object) -> Result<bool, EngineError> {
    let namespace: Namespace = serde_json::from_value(object.value.clone())
        .map_err(|e| explain::refused("render the namespace", &e.to_string(), Leftover::None))?;
    let params = kube::api::PostParams { field_manager: Some(api::MANAGER.into()), dry_run: false };
    match engine.namespaces().create(&params, &namespace).await {
        Ok(_) => Ok(true),
        Err(e) if explain::is_conflict(&e) || retry::is_interrupted(&e) => Ok(false),
        Err(e) => {
            let leftover = if explain::status(&e).is_some() { Leftover::None } else { Leftover::Unknown };
            Err(explain::failed(&format!("create namespace {}", object.name), &e, leftover))
        }
    }
}

/// Replaces the older lease by ours; false if another client changed the namespace meanwhile.
async fn take_over(
    engine: &KubernetesEngine,
    lease: &Lease,
    namespace: &Namespace,
    object: &Object,
) -> Result<bool, EngineError> {
    let mut patch = json!({"metadata": {"resourceVersion": namespace.resource_version()}});
    for part in ["labels", "annotations"] {
        patch["metadata"][part] = object.value["metadata"][part].clone();
    }
    let name = namespace.name_any();
    match engine.namespaces().patch(&name, &PatchParams::default(), &Patch::Merge(&patch)).await {
        Ok(_) => Ok(true),
        // Another client changed it, or we did: a request whose answer was lost is repeated.
        Err(e) if explain::is_conflict(&e) || explain::is_missing(&e) => {
            Ok(matches!(find(engine, &name).await?, Found::Owned(found) if found.run == Some(lease.run)))
        }
        Err(e) => Err(explain::failed(&format!("take over {:?} {name}", Kind::Namespace), &e, Leftover::Removable)),
    }
}
