//! Units: a pod for each copy, made when its turn has come. A suite stops one by taking its image away, so that the
//! pod, its address and what it wrote stay; giving the image back starts it again.

use std::net::IpAddr;
use std::time::Duration;

use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Pod;

use super::view::View;
use super::{KubernetesEngine, claim, lock, pods, prepare};
use crate::engine::EngineError;
use crate::lease::Lease;
use crate::plan::Unit;
use crate::render::kubernetes::{Addresses, Object, STOPPED, unit};
use crate::render::labels;

/// Name of a unit's container in its pod.
pub const CONTAINER: &str = "unit";
/// How long a pod that runs may take to be told its address.
const ADDRESSED: Duration = Duration::from_secs(10);

/// Names of a unit's pods.
pub fn names(unit: &Unit) -> Vec<String> {
    (1..=unit.replicas.max(1)).map(|copy| labels::copy(&unit.name, copy)).collect()
}

fn planned<'a>(lease: &'a Lease, unit: &str) -> Result<&'a Unit, EngineError> {
    let missing = || EngineError::Missing(format!("{unit} in environment {}", lease.environment));
    lease.plan.unit(unit).ok_or_else(missing)
}

/// Starts every copy; returns when their processes run.
pub async fn start(engine: &KubernetesEngine, lease: &Lease, name: &str) -> Result<(), EngineError> {
    let planned = planned(lease, name)?;
    claim::still_ours(engine, lease).await?;
    let ground = prepare::ground(engine, lease).await?;
    let places = prepare::places(engine, lease, &ground, |u| planned.needs.contains(&u.name)).await;
    let wanted = rendered(engine, lease, planned, &ground, &places)?;
    // Whoever brought the environment up has removed what differs; for anybody else a pod that is there is the right one,
    // however they would have rendered it.
    let strict = lock(&engine.0.claimed).contains(&lease.run);
    let fits = |found: &Pod, pod: &Object| !strict || pods::same(found, pod);
    try_join_all(wanted.iter().map(async |pod| {
        let before = pods::ensure(engine, &lease.environment, name, pod, |found| fits(found, pod)).await?;
        pods::runs(engine, &lease.environment, name, &pod.name, CONTAINER, before).await
    }))
    .await
    .map(drop)
}

/// A pod for each copy of the unit.
pub fn rendered(
    engine: &KubernetesEngine,
    lease: &Lease,
    unit: &Unit,
    ground: &prepare::Ground,
    places: &Addresses,
) -> Result<Vec<Object>, EngineError> {
    let copies = 1..=unit.replicas.max(1);
    let each = copies.map(|copy| engine.staged(lease, |stage| unit::pod(stage, unit, copy, places, &ground.secrets)));
    each.map(|pod| pod.map_err(|e| claim::unrendered(&e))).collect()
}

/// Stops every copy; returns when their processes ended.
pub async fn stop(engine: &KubernetesEngine, lease: &Lease, name: &str) -> Result<(), EngineError> {
    let planned = planned(lease, name)?;
    claim::still_ours(engine, lease).await?;
    try_join_all(names(planned).into_iter().map(|pod| async move {
        pods::set_image(engine, &lease.environment, &pod, CONTAINER, STOPPED).await?;
        pods::ended(engine, &lease.environment, &pod, CONTAINER).await
    }))
    .await
    .map(drop)
}

/// The address of a unit's first pod, as soon as it has one.
pub async fn address(engine: &KubernetesEngine, lease: &Lease, unit: &str) -> Option<IpAddr> {
    let known = |view: &View| view.pod(unit)?.status.as_ref()?.pod_ip.clone()?.parse().ok();
    engine.feed(&lease.environment).until(ADDRESSED, |view, _| known(view)).await
}
