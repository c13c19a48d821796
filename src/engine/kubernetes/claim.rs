//! Who has an environment: the namespace itself. The API server lets only one be made; its annotations carry the lease,
//! and they change hands only from the version that was read, so that of two who want it exactly one gets it.

use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use tokio::time::Instant;
use uuid::Uuid;

use super::{KubernetesEngine, api, explain, lock, patient, remove, rights};
use crate::engine::{Claim, EngineError, Leftover, Older};
use crate::lease::Lease;
use crate::plan::{Position, SuiteExecutor};
use crate::render::kubernetes::{
    Addresses, ENVIRONMENT_ROLE, Kind, Object, RenderError, Stage, environment, judge, lease as written, prepare, unit,
};
use crate::render::labels;
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
pub async fn claim(engine: &KubernetesEngine, lease: &Lease, older: Older) -> Result<Claim, EngineError> {
    let claim = take(engine, lease, older).await?;
    if matches!(claim, Claim::Ours { .. }) {
        rights::take(engine, &lease.environment).await?;
        let feed = engine.feed(&lease.environment);
        lock(&engine.0.held).insert(lease.environment.clone(), feed);
    }
    Ok(claim)
}

async fn take(engine: &KubernetesEngine, lease: &Lease, older: Older) -> Result<Claim, EngineError> {
    let name = &lease.environment;
    let object = engine.staged(lease, tried).map_err(|e| unrendered(&e))?;
    lock(&engine.0.in_place).remove(name);
    lock(&engine.0.claimed).insert(lease.run);
    let until = Instant::now() + PATIENCE;
    let mut replaced = None;
    while Instant::now() < until {
        match look(engine, name).await? {
            Found::Nothing => {
                if made(engine, &object).await? {
                    return Ok(Claim::Ours { replaced, kept: None });
                }
            }
            Found::Leaving => remove::until_gone(engine, name, until).await?,
            Found::Owned { run: Some(run), .. } if run == lease.run => {
                return Ok(Claim::Ours { replaced, kept: None });
            }
            Found::Owned { run: Some(run), commit, .. } if run > lease.run => return Ok(Claim::Newer { run, commit }),
            Found::Owned { namespace, run, .. } => {
                if !taken(engine, lease, &namespace, &object).await? {
                    continue;
                }
                replaced = replaced.max(run);
                if older == Older::Updated
                    && let Ok(kept) = super::prepare::kept(engine, name).await
                {
                    lock(&engine.0.in_place).insert(name.clone());
                    return Ok(Claim::Ours { replaced, kept: Some(Box::new(kept)) });
                }
                // Ours now, so that nobody older goes on; what is in it goes, and it is made again.
                for left in remove::remove(engine, name, remove::Whose::Of(lease.run)).await? {
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
fn tried(stage: &Stage<'_>) -> Result<Object, RenderError> {
    let (secrets, addresses) = (Secrets::default(), Addresses::new());
    prepare::objects(stage, &secrets, None)?;
    let plan = &stage.lease.plan;
    for planned in &plan.units {
        unit::pod(stage, planned, 1, &addresses, &secrets)?;
    }
    judge::agent(stage, &Position::Control, &addresses)?;
    for suite in plan.suites.values() {
        if let SuiteExecutor::Container(container) = &suite.judge {
            judge::job(stage, suite, container, "trial", &addresses)?;
        }
    }
    environment::namespace(stage)
}

/// What a template made of this environment cannot be sent.
pub fn unrendered(error: &RenderError) -> EngineError {
    EngineError::Unrenderable(format!("failed to {error}"))
}

async fn look(engine: &KubernetesEngine, name: &str) -> Result<Found, EngineError> {
    let found = engine.namespaces().get_opt(name).await;
    let found = found.map_err(|e| explain::failed(&format!("look for namespace {name}"), &e, Leftover::None))?;
    let Some(namespace) = found else { return Ok(Found::Nothing) };
    own(&namespace)?;
    if namespace.metadata.deletion_timestamp.is_some() {
        return Ok(Found::Leaving);
    }
    let owner = written::owner(namespace.annotations());
    let (run, commit) = owner.map_or((None, String::new()), |(run, commit)| (Some(run), commit));
    Ok(Found::Owned { namespace: Box::new(namespace), run, commit })
}

/// Fails for a namespace that dayfly did not make.
pub fn own(namespace: &Namespace) -> Result<(), EngineError> {
    let name = namespace.name_any();
    if api::label(namespace, labels::ENVIRONMENT) == name && api::label(namespace, labels::ROLE) == ENVIRONMENT_ROLE {
        return Ok(());
    }
    Err(explain::refused(
        &format!("use namespace {name}"),
        "there is a namespace of that name that is not dayfly's; it is not touched: rename the description, or remove the namespace by hand",
        Leftover::None,
    ))
}

/// False when it has to be looked at again: somebody was faster, or the connection broke before the answer came.
async fn made(engine: &KubernetesEngine, object: &Object) -> Result<bool, EngineError> {
    let namespace: Namespace = serde_json::from_value(object.value.clone())
        .map_err(|e| explain::refused("render the namespace", &e.to_string(), Leftover::None))?;
    let params = kube::api::PostParams { field_manager: Some(api::MANAGER.into()), dry_run: false };
    match engine.namespaces().create(&params, &namespace).await {
        Ok(_) => Ok(true),
        Err(e) if explain::is_conflict(&e) || patient::broken_off(&e) => Ok(false),
        Err(e) => {
            let leftover = if explain::status(&e).is_some() { Leftover::None } else { Leftover::Unknown };
            Err(explain::failed(&format!("make namespace {}", object.name), &e, leftover))
        }
    }
}

/// Puts our lease in place of the older one; false when somebody else changed the namespace meanwhile.
async fn taken(
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
            Ok(matches!(look(engine, &name).await?, Found::Owned { run: Some(run), .. } if run == lease.run))
        }
        Err(e) => Err(explain::failed(&format!("take over {:?} {name}", Kind::Namespace), &e, Leftover::Removable)),
    }
}

/// The present owner. What this process claimed and somebody removes has none any more; what a newer run removes in
/// order to make it anew is that run's already.
pub async fn lease(engine: &KubernetesEngine, environment: &str) -> Result<Option<Lease>, EngineError> {
    let failed = |e| explain::failed(&format!("read who has environment {environment}"), &e, Leftover::None);
    let Some(namespace) = engine.namespaces().get_opt(environment).await.map_err(failed)? else { return Ok(None) };
    own(&namespace)?;
    super::images::remember(engine, namespace.annotations());
    let leaving = namespace.metadata.deletion_timestamp.is_some();
    match written::parse(environment, namespace.annotations()) {
        Some(lease) if leaving && lock(&engine.0.claimed).contains(&lease.run) => Ok(None),
        Some(lease) => Ok(Some(lease)),
        None if namespace.annotations().contains_key(written::LEASE) => Err(explain::refused(
            &format!("read who has environment {environment}"),
            "it was made by another version of dayfly; remove it with that version, or with `dayfly down`",
            Leftover::None,
        )),
        None => Ok(None),
    }
}

/// Run id of the present owner, as the watch of the namespace has it.
pub async fn owner(engine: &KubernetesEngine, environment: &str) -> Result<Option<Uuid>, EngineError> {
    let known = engine.feed(environment).until(PATIENCE, |view, _| view.owner.clone()).await;
    known.map(|owner| owner.filter(|o| !o.leaving).map(|o| o.run)).ok_or_else(|| {
        let words = format!("the API server does not say within {} s", PATIENCE.as_secs());
        explain::refused(&format!("find out who has environment {environment}"), &words, Leftover::Unknown)
    })
}

/// Fails when the environment is not this run's any more, so that a stale run makes nothing in it.
pub async fn still_ours(engine: &KubernetesEngine, lease: &Lease) -> Result<(), EngineError> {
    match owner(engine, &lease.environment).await? {
        Some(run) if run == lease.run => Ok(()),
        _ => Err(EngineError::Missing(format!(
            "environment {} as it was claimed: a newer run took it meanwhile, or it was removed",
            lease.environment
        ))),
    }
}
