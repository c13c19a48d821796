//! Creates everything that exists before the first process: quota, account, policies, secrets, files, Services.
//!
//! In an environment that was taken over, equal objects stay, and objects of the older run alone are deleted.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::ListParams;
use kube::core::PartialObjectMeta;

use super::client::{KubernetesEngine, api};
use super::explain;
use super::namespace::{owner, remove};
use super::pods::{context, pod, units};
use crate::engine::{EngineError, Leftover};
use crate::lease::Lease;
use crate::plan::Unit;
use crate::render::kubernetes::{HASH, Kind, Object, prepare};
use crate::render::labels::{ROLE, Role};
use crate::secrets::Secrets;

/// Creates everything that does not run.
pub async fn prepare(engine: &KubernetesEngine, lease: &Lease, secrets: &Secrets) -> Result<(), EngineError> {
    let name = &lease.environment;
    let objects = render(engine, lease, secrets)?;
    let in_place = engine.run_state(lease.run, |run| run.in_place);
    let wanted = if in_place { select_differing(engine, name, objects).await? } else { objects };
    let (policies, rest): (Vec<Object>, Vec<Object>) = wanted.into_iter().partition(|o| o.kind == Kind::NetworkPolicy);
    tokio::try_join!(apply_in_order(engine, name, &policies), engine.apply_all(name, &rest))?;
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

/// Deletes the pods of the older run that differ, before anything is started, so that no old pod answers in place of a new
/// one.
async fn discard_pods(engine: &KubernetesEngine, lease: &Lease) -> Result<(), EngineError> {
    if !engine.run_state(lease.run, |run| run.in_place) {
        return Ok(());
    }
    let context = context::load(engine, lease).await?;
    let mut wanted: BTreeMap<(String, String), &Unit> = BTreeMap::new();
    for unit in lease.plan.units.iter().filter(|u| !u.start_late) {
        for pod in units::rendered(engine, lease, unit, &context, &context.addresses)? {
            wanted.insert((pod.name.clone(), pod.hash().to_owned()), unit);
        }
    }
    let of_units = format!("{},{ROLE}={}", api::of_environment(&lease.environment), Role::Unit.as_str());
    let found = engine.pods(&lease.environment).list_metadata(&ListParams::default().labels(&of_units)).await;
    let found = found.map_err(|e| explain::failed("list the pods of the older run", &e, Leftover::Removable))?;
    let hash = |p: &PartialObjectMeta<Pod>| p.annotations().get(HASH).cloned().unwrap_or_default();
    let same = |p: &PartialObjectMeta<Pod>| wanted.get(&(p.name_any(), hash(p))).copied();
    // A unit restarts after the units that it needs, as at its first start. Units are listed after their needs.
    let mut anew: BTreeSet<&str> = BTreeSet::new();
    for unit in &lease.plan.units {
        let stays = found.iter().filter(|p| same(p).is_some_and(|u| u.name == unit.name)).count();
        if stays < context::pod_names(unit).len() || unit.needs.iter().any(|n| anew.contains(n.as_str())) {
            anew.insert(&unit.name);
        }
    }
    let going = found.iter().filter(|p| same(p).is_none_or(|u| anew.contains(u.name.as_str())));
    let gone = going.map(|p| pod::delete(engine, &lease.environment, p.name_any()));
    futures::future::try_join_all(gone).await.map(drop)
}
