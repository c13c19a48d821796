//! Who has an environment: the namespace itself. The API server lets only one be made; its annotations carry the lease,
//! and they change hands only from the version that was read, so that of two who want it exactly one gets it.

use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use tokio::time::Instant;
use uuid::Uuid;

use super::{owner, remove, secrets as stored};
use crate::engine::kubernetes::client::{KubernetesEngine, api, retry, role_binding};
use crate::engine::kubernetes::explain;
use crate::engine::{Claim, EngineError, Leftover, RemovalScope, ReplacePolicy};
use crate::lease::Lease;
use crate::plan::{Position, SuiteExecutor};
use crate::render::kubernetes::{
    Addresses, Kind, Object, RenderError, RenderInput, environment, lease as written, prepare, test_pods, unit,
};
use crate::secrets::Secrets;

/// How long it is tried while others take and give up the same environment, or it is still being removed.
const PATIENCE: Duration = Duration::from_secs(90);

/// What was found where the namespace would be made.
enum Found {
    Nothing,
    Leaving,
    Owned { namespace: Box<Namespace>, run: Option<Uuid>, commit: String },
}

/// Takes the environment for this run, unless a newer run has it; from then on it is watched.
pub async fn claim(engine: &KubernetesEngine, lease: &Lease, older: ReplacePolicy) -> Result<Claim, EngineError> {
    let claim = acquire(engine, lease, older).await?;
    if matches!(claim, Claim::Acquired { .. }) {
        role_binding::ensure(engine, &lease.environment).await?;
        let cache = engine.cache(&lease.environment);
        engine.run_state(lease.run, |run| run.cache = Some(cache));
    }
    Ok(claim)
}

async fn acquire(engine: &KubernetesEngine, lease: &Lease, older: ReplacePolicy) -> Result<Claim, EngineError> {
    let name = &lease.environment;
    let object = engine.with_render_input(lease, render_all).map_err(|e| explain::unrendered(&e))?;
    engine.run_state(lease.run, |run| (run.claimed, run.in_place) = (true, false));
    let until = Instant::now() + PATIENCE;
    let mut replaced = None;
    while Instant::now() < until {
        match find(engine, name).await? {
            Found::Nothing => {
                if create(engine, &object).await? {
                    return Ok(Claim::Acquired { replaced, kept_secrets: None });
                }
            }
            Found::Leaving => remove::until_gone(engine, name, until).await?,
            Found::Owned { run: Some(run), .. } if run == lease.run => {
                return Ok(Claim::Acquired { replaced, kept_secrets: None });
            }
            Found::Owned { run: Some(run), commit, .. } if run > lease.run => {
                return Ok(Claim::HeldByNewer { run, commit });
            }
            Found::Owned { namespace, run, .. } => {
                if !take_over(engine, lease, &namespace, &object).await? {
                    continue;
                }
                replaced = replaced.max(run);
                if older == ReplacePolicy::InPlace
                    && let Ok(kept) = stored::read(engine, name).await
                {
                    engine.run_state(lease.run, |run| run.in_place = true);
                    return Ok(Claim::Acquired { replaced, kept_secrets: Some(Box::new(kept)) });
                }
                // Ours now, so that nobody older goes on; what is in it goes, and it is made again.
                for left in remove::remove(engine, name, RemovalScope::Run(lease.run)).await? {
                    tracing::warn!("{} of an older run is still there: {}", left.object, left.reason);
                }
            }
        }
    }
    Err(explain::refused(
        &format!("take environment {name}"),
        "others keep taking it, or it is not removed to the end (`dayfly down` says what holds it); run again then",
        Leftover::None,
    ))
}

/// Renders everything once before anything is made, with what is not known yet left out; gives the namespace.
fn render_all(input: &RenderInput<'_>) -> Result<Object, RenderError> {
    let (secrets, addresses) = (Secrets::default(), Addresses::new());
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
    let owner = written::owner(namespace.annotations());
    let (run, commit) = owner.map_or((None, String::new()), |(run, commit)| (Some(run), commit));
    Ok(Found::Owned { namespace: Box::new(namespace), run, commit })
}

/// False when it has to be looked at again: somebody was faster, or the connection broke before the answer came.
async fn create(engine: &KubernetesEngine, object: &Object) -> Result<bool, EngineError> {
    let namespace: Namespace = serde_json::from_value(object.value.clone())
        .map_err(|e| explain::refused("render the namespace", &e.to_string(), Leftover::None))?;
    let params = kube::api::PostParams { field_manager: Some(api::MANAGER.into()), dry_run: false };
    match engine.namespaces().create(&params, &namespace).await {
        Ok(_) => Ok(true),
        Err(e) if explain::is_conflict(&e) || retry::is_interrupted(&e) => Ok(false),
        Err(e) => {
            let leftover = if explain::status(&e).is_some() { Leftover::None } else { Leftover::Unknown };
            Err(explain::failed(&format!("make namespace {}", object.name), &e, leftover))
        }
    }
}

/// Puts our lease in place of the older one; false when somebody else changed the namespace meanwhile.
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
        // Somebody else did, or we did: when an answer is lost on its way, the request is repeated.
        Err(e) if explain::is_conflict(&e) || explain::is_missing(&e) => {
            Ok(matches!(find(engine, &name).await?, Found::Owned { run: Some(run), .. } if run == lease.run))
        }
        Err(e) => Err(explain::failed(&format!("take over {:?} {name}", Kind::Namespace), &e, Leftover::Removable)),
    }
}
