//! Checks that the cluster knows `stopSignal`: one whose feature gate ContainerStopSignals is off drops the field, and would ask
//! processes to end by another signal than the description says.

use k8s_openapi::api::core::v1::Pod;
use kube::api::PostParams;

use super::{context, units};
use crate::engine::kubernetes::client::KubernetesEngine;
use crate::engine::kubernetes::explain;
use crate::engine::{EngineError, Leftover};
use crate::lease::Lease;

/// Fails, by a dry run, if a unit asks for a signal and the cluster would not keep it.
pub async fn require_support(engine: &KubernetesEngine, lease: &Lease) -> Result<(), EngineError> {
    let Some(unit) = lease.plan.units.iter().find(|u| u.stop_signal.is_some()) else { return Ok(()) };
    let context = context::load(engine, lease).await?;
    let Some(pod) = units::rendered(engine, lease, unit, &context, &context.addresses)?.into_iter().next() else {
        return Ok(());
    };
    let failed = |words: &str| explain::refused(&format!("try the pod of {}", unit.name), words, Leftover::Removable);
    let mut pod: Pod = serde_json::from_value(pod.value).map_err(|e| failed(&e.to_string()))?;
    // Another name than that of a pod of an older run.
    pod.metadata.name = Some("stop-signal-trial".to_owned());
    let params = PostParams { dry_run: true, ..PostParams::default() };
    let made = engine.pods(&lease.environment).create(&params, &pod).await;
    let made = made.map_err(|e| failed(&explain::words(&e)))?;
    if keeps_signal(&made) {
        return Ok(());
    }
    let why = "this cluster does not support `stopSignal` (its feature gate ContainerStopSignals is off); remove it, and set \
               STOPSIGNAL in the image, which every engine follows";
    Err(explain::not_started(&unit.name, why))
}

fn keeps_signal(pod: &Pod) -> bool {
    let mut containers = pod.spec.iter().flat_map(|s| &s.containers).filter_map(|c| c.lifecycle.as_ref());
    containers.any(|l| l.stop_signal.is_some())
}
