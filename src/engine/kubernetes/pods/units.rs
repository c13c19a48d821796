//! Starts and stops units: a pod for each copy. A suite stops a unit by replacing its image, so that the pod, its address and
//! its files stay; restoring the image starts it again.

use std::net::IpAddr;
use std::time::Duration;

use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Pod;

use super::container_status::UNIT_CONTAINER;
use super::{context, pod};
use crate::engine::EngineError;
use crate::engine::kubernetes::cache::Snapshot;
use crate::engine::kubernetes::client::{KubernetesEngine, PodContext};
use crate::engine::kubernetes::explain;
use crate::engine::kubernetes::namespace::owner;
use crate::lease::Lease;
use crate::plan::Unit;
use crate::render::kubernetes::{Addresses, Object, STOPPED, unit};

/// Time limit for a running pod to get its address.
const ADDRESS_LIMIT: Duration = Duration::from_secs(10);

fn planned<'a>(lease: &'a Lease, unit: &str) -> Result<&'a Unit, EngineError> {
    let missing = || EngineError::Missing(format!("{unit} in environment {}", lease.environment));
    lease.plan.unit(unit).ok_or_else(missing)
}

/// Starts every copy; returns when their processes run.
pub async fn start(engine: &KubernetesEngine, lease: &Lease, name: &str) -> Result<(), EngineError> {
    let planned = planned(lease, name)?;
    owner::require_ours(engine, lease).await?;
    let context = context::load(engine, lease).await?;
    let addresses = context::resolve_addresses(engine, lease, &context, |u| planned.needs.contains(&u.name)).await;
    let room = Duration::from_millis(planned.within_ms);
    let wanted = rendered(engine, lease, planned, &context, &addresses)?;
    // Only the process that claimed the environment replaces pods that differ; other processes accept any existing pod,
    // because they may render it differently.
    let strict = engine.run_state(lease.run, |run| run.claimed);
    let fits = |found: &Pod, pod: &Object| !strict || pod::matches(found, pod);
    try_join_all(wanted.iter().map(async |pod| {
        let before = pod::ensure(engine, &lease.environment, name, pod, |found| fits(found, pod)).await?;
        pod::wait_until_running(engine, &lease.environment, name, &pod.name, UNIT_CONTAINER, before, room).await
    }))
    .await
    .map(drop)
}

/// A pod for each copy of the unit.
pub fn rendered(
    engine: &KubernetesEngine,
    lease: &Lease,
    unit: &Unit,
    context: &PodContext,
    addresses: &Addresses,
) -> Result<Vec<Object>, EngineError> {
    let copies = 1..=unit.replicas.max(1);
    let each = copies
        .map(|copy| engine.with_render_input(lease, |input| unit::pod(input, unit, copy, addresses, &context.secrets)));
    each.map(|pod| pod.map_err(|e| explain::unrendered(&e))).collect()
}

/// Stops every copy; returns when their processes ended.
pub async fn stop(engine: &KubernetesEngine, lease: &Lease, name: &str) -> Result<(), EngineError> {
    let planned = planned(lease, name)?;
    owner::require_ours(engine, lease).await?;
    try_join_all(context::pod_names(planned).into_iter().map(|pod| async move {
        pod::set_image(engine, &lease.environment, &pod, UNIT_CONTAINER, STOPPED).await?;
        let grace = Duration::from_secs(planned.stop_grace_secs.into());
        pod::wait_until_stopped(engine, &lease.environment, &pod, UNIT_CONTAINER, grace).await
    }))
    .await
    .map(drop)
}

/// The address of a unit's first pod, as soon as it has one.
pub async fn address(engine: &KubernetesEngine, lease: &Lease, unit: &str) -> Option<IpAddr> {
    let known = |snapshot: &Snapshot| snapshot.pod(unit)?.status.as_ref()?.pod_ip.clone()?.parse().ok();
    engine.cache(&lease.environment).wait_for(ADDRESS_LIMIT, |snapshot, _| known(snapshot)).await
}
