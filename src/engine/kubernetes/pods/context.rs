//! Inputs of pods that only the cluster knows: secrets, and addresses of other units.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Service;
use kube::Api;
use kube::api::ListParams;

use crate::engine::kubernetes::client::{KubernetesEngine, PodContext, api};
use crate::engine::kubernetes::explain;
use crate::engine::kubernetes::namespace::secrets;
use crate::engine::{EngineError, Leftover};
use crate::lease::Lease;
use crate::plan::Unit;
use crate::render::kubernetes::Addresses;
use crate::render::labels::{self, UNIT};

/// Time limit for the first list of an environment's pods.
const LIST_LIMIT: Duration = Duration::from_secs(60);

/// Names of a unit's pods.
pub fn pod_names(unit: &Unit) -> Vec<String> {
    (1..=unit.replicas.max(1)).map(|copy| labels::copy_name(&unit.name, copy)).collect()
}

/// The context of this run's pods, read once for each run.
pub async fn load(engine: &KubernetesEngine, lease: &Lease) -> Result<Arc<PodContext>, EngineError> {
    if let Some(known) = engine.run_state(lease.run, |run| run.context.clone()) {
        return Ok(known);
    }
    let name = &lease.environment;
    let (addresses, secrets) = tokio::try_join!(service_addresses(engine, name), secrets::read(engine, name))?;
    let context = Arc::new(PodContext { addresses, secrets });
    engine.run_state(lease.run, |run| run.context = Some(context.clone()));
    Ok(context)
}

/// The present addresses of units: those of their pods if all pods have one, because a Service lags behind its pods; else the
/// Service's. `with_pods` selects the units whose pods count.
pub async fn resolve_addresses(
    engine: &KubernetesEngine,
    lease: &Lease,
    context: &PodContext,
    with_pods: impl Fn(&Unit) -> bool,
) -> Addresses {
    let cache = engine.cache(&lease.environment);
    cache.wait_for(LIST_LIMIT, |snapshot, _| snapshot.pods.as_ref().map(drop)).await;
    let snapshot = cache.subscribe();
    let snapshot = snapshot.borrow();
    let address = |name: &String| {
        let pod = snapshot.pod(name).filter(|p| p.metadata.deletion_timestamp.is_none())?;
        pod.status.as_ref()?.pod_ip.clone()
    };
    let mut addresses = context.addresses.clone();
    for unit in lease.plan.units.iter().filter(|u| with_pods(u) && context.addresses.contains_key(&u.name)) {
        if let Some(pods) = pod_names(unit).iter().map(address).collect::<Option<Vec<_>>>() {
            addresses.insert(unit.name.clone(), pods);
        }
    }
    addresses
}

/// The addresses of the environment's Services, by unit.
pub async fn service_addresses(engine: &KubernetesEngine, environment: &str) -> Result<Addresses, EngineError> {
    let services: Api<Service> = Api::namespaced(engine.client(), environment);
    let found = services.list(&ListParams::default().labels(&api::of_environment(environment))).await;
    let found = found.map_err(|e| explain::failed("list the services' addresses", &e, Leftover::Removable))?;
    let address = |s: &Service| {
        let unit = api::label(s, UNIT).to_owned();
        let ip = s.spec.as_ref()?.cluster_ip.clone().filter(|ip| ip != "None")?;
        Some((unit, vec![ip]))
    };
    Ok(found.iter().filter_map(address).collect())
}
