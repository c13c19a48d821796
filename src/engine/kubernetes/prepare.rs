//! Creates everything that exists before the first process: quota, account, policies, secrets, files, Services.
//!
//! In an environment that was taken over, equal objects stay, and objects of the older run alone are deleted.

use std::collections::BTreeSet;

use kube::ResourceExt;

use super::client::{KubernetesEngine, api};
use super::explain;
use super::namespace::{owner, remove};
use super::pods::{context, pod, stop_signal};
use super::update;
use crate::engine::EngineError;
use crate::lease::Lease;
use crate::render::kubernetes::{HASH, Kind, Object, prepare};
use crate::secrets::Secrets;

/// Creates everything that does not run.
pub async fn prepare(engine: &KubernetesEngine, lease: &Lease, secrets: &Secrets) -> Result<(), EngineError> {
    let name = &lease.environment;
    let objects = render(engine, lease, secrets)?;
    let in_place = engine.run_state(lease.run, |run| run.in_place);
    let wanted = if in_place { select_differing(engine, name, objects).await? } else { objects };
    let (policies, rest): (Vec<Object>, Vec<Object>) = wanted.into_iter().partition(|o| o.kind == Kind::NetworkPolicy);
    tokio::try_join!(apply_in_order(engine, name, &policies), engine.apply_all(name, &rest))?;
    stop_signal::require_support(engine, lease).await?;
    discard_pods(engine, lease).await?;
    owner::require_ours(engine, lease).await
}

/// Creates policies one after the other, because network plugins process them in order and may lag: first the policy that
/// denies everything, then the others in the order in which pods need them.
async fn apply_in_order(engine: &KubernetesEngine, environment: &str, policies: &[Object]) -> Result<(), EngineError> {
    for policy in policies {
        engine.apply(environment, policy).await?;
    }
    Ok(())
}

fn render(engine: &KubernetesEngine, lease: &Lease, secrets: &Secrets) -> Result<Vec<Object>, EngineError> {
    let pull_secret = engine.options().pull_secret.as_deref();
    engine
        .with_render_input(lease, |input| prepare::objects(input, secrets, pull_secret))
        .map_err(|e| explain::unrendered(&e))
}

/// Selects the objects that are missing or differ, and deletes those that are not wanted.
async fn select_differing(
    engine: &KubernetesEngine,
    environment: &str,
    objects: Vec<Object>,
) -> Result<Vec<Object>, EngineError> {
    let mut there: BTreeSet<(Kind, String, String)> = BTreeSet::new();
    for kind in api::CONTENTS {
        for found in engine.listed(kind, environment).await? {
            let name = found.name_any();
            if kind == Kind::Job || !objects.iter().any(|o| o.kind == kind && o.name == name) {
                engine.delete(kind, environment, &name, &api::with_grace_period(remove::GRACE_SECS)).await?;
            } else {
                there.insert((kind, name, found.annotations().get(HASH).cloned().unwrap_or_default()));
            }
        }
    }
    Ok(objects.into_iter().filter(|o| !there.contains(&(o.kind, o.name.clone(), o.hash().to_owned()))).collect())
}

/// Deletes the pods of the older run that do not stay, before anything is started, so that no old pod answers in place of a new
/// one.
async fn discard_pods(engine: &KubernetesEngine, lease: &Lease) -> Result<(), EngineError> {
    if !engine.run_state(lease.run, |run| run.in_place) {
        return Ok(());
    }
    let context = context::load(engine, lease).await?;
    let gone = update::pods_to_replace(engine, lease, &context).await?;
    let gone = gone.into_iter().map(|name| pod::delete(engine, &lease.environment, name));
    futures::future::try_join_all(gone).await.map(drop)
}
