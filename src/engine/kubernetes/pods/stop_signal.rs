//! Checks that the cluster knows `stopSignal`: one whose feature gate ContainerStopSignals is off drops the field, and would ask
//! processes to end by another signal than the description says.
//!
//! It tries a Job, and only dry: nothing is created that could stay, and no pod that the quota would count beside those of an
//! environment that is updated.

use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::{Pod, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
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
    let pod: Pod = serde_json::from_value(pod.value).map_err(|e| failed(&e.to_string()))?;
    let params = PostParams { dry_run: true, ..PostParams::default() };
    let jobs: Api<Job> = Api::namespaced(engine.client(), &lease.environment);
    let made = jobs.create(&params, &trial(pod)).await.map_err(|e| failed(&explain::words(&e)))?;
    if keeps_signal(&made) {
        return Ok(());
    }
    let why = "this cluster does not support `stopSignal` (its feature gate ContainerStopSignals is off); remove it, and set \
               STOPSIGNAL in the image, which every engine follows";
    Err(explain::not_started(&unit.name, why))
}

/// A Job of which the API server keeps what it would keep of the pod.
fn trial(pod: Pod) -> Job {
    let mut spec = pod.spec.unwrap_or_default();
    // A Job has no other.
    spec.restart_policy = Some("Never".to_owned());
    let metadata = ObjectMeta { labels: pod.metadata.labels, ..ObjectMeta::default() };
    let template = PodTemplateSpec { metadata: Some(metadata), spec: Some(spec) };
    Job {
        metadata: ObjectMeta { name: Some("stop-signal-trial".to_owned()), ..ObjectMeta::default() },
        spec: Some(JobSpec { template, ..JobSpec::default() }),
        status: None,
    }
}

fn keeps_signal(job: &Job) -> bool {
    let pod = job.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
    let mut containers = pod.iter().flat_map(|s| &s.containers).filter_map(|c| c.lifecycle.as_ref());
    containers.any(|l| l.stop_signal.is_some())
}
