//! Everything that is there before the first process: size, account, policies, secrets, files, addresses.
//!
//! In an environment that was taken over, what is the same stays, and what is no longer wanted goes.

use std::collections::BTreeSet;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Secret, Service};
use kube::api::ListParams;
use kube::{Api, ResourceExt};

use super::{KubernetesEngine, api, claim, explain, lock, remove, units};
use crate::engine::{EngineError, Lease, Leftover, Secrets};
use crate::render::kubernetes::prepare::KEPT;
use crate::render::kubernetes::{Addresses, HASH, KEEP, Kind, Object, prepare};
use crate::render::labels::{Role, UNIT};

/// Makes everything that does not run.
pub async fn prepare(engine: &KubernetesEngine, lease: &Lease, secrets: &Secrets) -> Result<(), EngineError> {
    let name = &lease.environment;
    let objects = rendered(engine, lease, secrets)?;
    let in_place = lock(&engine.0.in_place).contains(name);
    let wanted = if in_place { differing(engine, name, objects).await? } else { objects };
    // What pods are counted against and confined by comes first.
    let (first, rest): (Vec<Object>, Vec<Object>) =
        wanted.into_iter().partition(|o| matches!(o.kind, Kind::ServiceAccount | Kind::NetworkPolicy | Kind::LimitRange));
    engine.apply_all(name, &first).await?;
    engine.apply_all(name, &rest).await?;
    discard_pods(engine, lease).await?;
    claim::still_ours(engine, lease).await
}

/// What pods stand on: found out once for each run.
pub struct Ground {
    /// Addresses of Services by unit.
    pub addresses: Addresses,
    /// All secrets of the environment.
    pub secrets: Secrets,
}

/// The ground of this run's pods, as the cluster has it.
pub async fn ground(engine: &KubernetesEngine, lease: &Lease) -> Result<Arc<Ground>, EngineError> {
    let known = |engine: &KubernetesEngine| lock(&engine.0.grounds).get(&lease.run).cloned();
    if let Some(known) = known(engine) {
        return Ok(known);
    }
    let name = &lease.environment;
    let (addresses, secrets) = tokio::try_join!(addresses(engine, name), kept(engine, name))?;
    let ground = Arc::new(Ground { addresses, secrets });
    lock(&engine.0.grounds).insert(lease.run, ground.clone());
    Ok(ground)
}

fn rendered(engine: &KubernetesEngine, lease: &Lease, secrets: &Secrets) -> Result<Vec<Object>, EngineError> {
    let pull_secret = engine.0.options.pull_secret.as_deref();
    engine.staged(lease, |stage| prepare::objects(stage, secrets, pull_secret)).map_err(|e| claim::unrendered(&e))
}

/// Those objects that are not there as they should be; removes what should not be there at all.
async fn differing(
    engine: &KubernetesEngine,
    environment: &str,
    objects: Vec<Object>,
) -> Result<Vec<Object>, EngineError> {
    let mut there: BTreeSet<(Kind, String, String)> = BTreeSet::new();
    for kind in api::CONTENTS {
        for found in engine.listed(kind, environment).await? {
            let name = found.name_any();
            if kind == Kind::Job || !objects.iter().any(|o| o.kind == kind && o.name == name) {
                engine.delete(kind, environment, &name, &api::within(remove::GRACE_SECS)).await?;
            } else {
                there.insert((kind, name, found.annotations().get(HASH).cloned().unwrap_or_default()));
            }
        }
    }
    Ok(objects.into_iter().filter(|o| !there.contains(&(o.kind, o.name.clone(), o.hash().to_owned()))).collect())
}

/// Removes pods that a plan no longer has, or that a suite starts.
async fn discard_pods(engine: &KubernetesEngine, lease: &Lease) -> Result<(), EngineError> {
    if !lock(&engine.0.in_place).contains(&lease.environment) {
        return Ok(());
    }
    let wanted: BTreeSet<String> =
        lease.plan.units.iter().filter(|u| !u.start_late).flat_map(units::names).collect();
    let of_units = format!("{},{}={}", api::of_environment(&lease.environment), crate::render::labels::ROLE, Role::Unit.as_str());
    let found = engine.pods(&lease.environment).list_metadata(&ListParams::default().labels(&of_units)).await;
    let found = found.map_err(|e| explain::failed("list the pods of the older run", &e, Leftover::Removable))?;
    for pod in found.iter().filter(|p| !wanted.contains(&p.name_any())) {
        units::discard(engine, &lease.environment, &pod.name_any()).await?;
    }
    Ok(())
}

/// Addresses of the units' Services.
async fn addresses(engine: &KubernetesEngine, environment: &str) -> Result<Addresses, EngineError> {
    let services: Api<Service> = Api::namespaced(engine.client(), environment);
    let found = services.list(&ListParams::default().labels(&api::of_environment(environment))).await;
    let found = found.map_err(|e| explain::failed("list the services' addresses", &e, Leftover::Removable))?;
    let address = |s: &Service| {
        let unit = api::label(s, UNIT).to_owned();
        let ip = s.spec.as_ref()?.cluster_ip.clone().filter(|ip| ip != "None")?;
        Some((unit, ip))
    };
    Ok(found.iter().filter_map(address).collect())
}

/// The secrets of an environment that is up.
pub async fn kept(engine: &KubernetesEngine, environment: &str) -> Result<Secrets, EngineError> {
    let secrets: Api<Secret> = Api::namespaced(engine.client(), environment);
    let found = match secrets.get(KEEP).await {
        Err(e) if explain::is_missing(&e) => None,
        found => Some(found.map_err(|e| explain::failed(&format!("read the secrets of {environment}"), &e, Leftover::None))?),
    };
    let bytes = found.and_then(|s| s.data).and_then(|mut data| data.remove(KEPT));
    bytes.and_then(|b| serde_json::from_slice(&b.0).ok()).ok_or_else(|| {
        EngineError::Missing(format!("the secrets of environment {environment}: it was never made to the end"))
    })
}
