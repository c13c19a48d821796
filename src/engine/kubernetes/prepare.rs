//! Everything that is there before the first process: size, account, policies, secrets, files, addresses.
//!
//! In an environment that was taken over, what is the same stays, and what is no longer wanted goes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, Secret, Service};
use kube::api::ListParams;
use kube::core::PartialObjectMeta;
use kube::{Api, ResourceExt};

use super::{KubernetesEngine, api, claim, explain, lock, pods, remove, units};
use crate::engine::{EngineError, Leftover};
use crate::lease::Lease;
use crate::plan::Unit;
use crate::render::kubernetes::prepare::KEPT;
use crate::render::kubernetes::{Addresses, HASH, KEEP, Kind, Object, prepare};
use crate::render::labels::{ROLE, Role, UNIT};
use crate::secrets::Secrets;

/// How long the first look at an environment's pods may take.
const KNOWN: Duration = Duration::from_secs(60);

/// Makes everything that does not run.
pub async fn prepare(engine: &KubernetesEngine, lease: &Lease, secrets: &Secrets) -> Result<(), EngineError> {
    let name = &lease.environment;
    let objects = rendered(engine, lease, secrets)?;
    let in_place = lock(&engine.0.in_place).contains(name);
    let wanted = if in_place { differing(engine, name, objects).await? } else { objects };
    let (policies, rest): (Vec<Object>, Vec<Object>) = wanted.into_iter().partition(|o| o.kind == Kind::NetworkPolicy);
    tokio::try_join!(in_order(engine, name, &policies), engine.apply_all(name, &rest))?;
    discard_pods(engine, lease).await?;
    claim::still_ours(engine, lease).await
}

/// Where units are now: at the addresses of their pods where all of them have one, for there nothing has to be told of a
/// new pod first, as it has to be for a Service; else at that of the Service. `of` says whose pods count.
pub async fn places(
    engine: &KubernetesEngine,
    lease: &Lease,
    ground: &Ground,
    of: impl Fn(&Unit) -> bool,
) -> Addresses {
    let feed = engine.feed(&lease.environment);
    feed.until(KNOWN, |view, _| view.pods.as_ref().map(drop)).await;
    let view = feed.view();
    let view = view.borrow();
    let address = |name: &String| {
        let pod = view.pod(name).filter(|p| p.metadata.deletion_timestamp.is_none())?;
        pod.status.as_ref()?.pod_ip.clone()
    };
    let mut places = ground.addresses.clone();
    for unit in lease.plan.units.iter().filter(|u| of(u) && ground.addresses.contains_key(&u.name)) {
        if let Some(pods) = units::names(unit).iter().map(address).collect::<Option<Vec<_>>>() {
            places.insert(unit.name.clone(), pods);
        }
    }
    places
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

/// One after the other: network plugins take policies in as they come, and may take their time. Everything is closed
/// first, and what pods need first is opened first.
async fn in_order(engine: &KubernetesEngine, environment: &str, policies: &[Object]) -> Result<(), EngineError> {
    for policy in policies {
        engine.apply(environment, policy).await?;
    }
    Ok(())
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

/// Removes the pods of the older run that are not as this run wants them: before anything is started, so that no old pod
/// answers in a new one's place.
async fn discard_pods(engine: &KubernetesEngine, lease: &Lease) -> Result<(), EngineError> {
    if !lock(&engine.0.in_place).contains(&lease.environment) {
        return Ok(());
    }
    let ground = ground(engine, lease).await?;
    let mut wanted: BTreeMap<(String, String), &Unit> = BTreeMap::new();
    for unit in lease.plan.units.iter().filter(|u| !u.start_late) {
        for pod in units::rendered(engine, lease, unit, &ground, &ground.addresses)? {
            wanted.insert((pod.name.clone(), pod.hash().to_owned()), unit);
        }
    }
    let of_units = format!("{},{ROLE}={}", api::of_environment(&lease.environment), Role::Unit.as_str());
    let found = engine.pods(&lease.environment).list_metadata(&ListParams::default().labels(&of_units)).await;
    let found = found.map_err(|e| explain::failed("list the pods of the older run", &e, Leftover::Removable))?;
    let hash = |p: &PartialObjectMeta<Pod>| p.annotations().get(HASH).cloned().unwrap_or_default();
    let same = |p: &PartialObjectMeta<Pod>| wanted.get(&(p.name_any(), hash(p))).copied();
    // What needs a unit that starts anew does so after it, as it did the first time. Units stand after their needs.
    let mut anew: BTreeSet<&str> = BTreeSet::new();
    for unit in &lease.plan.units {
        let stays = found.iter().filter(|p| same(p).is_some_and(|u| u.name == unit.name)).count();
        if stays < units::names(unit).len() || unit.needs.iter().any(|n| anew.contains(n.as_str())) {
            anew.insert(&unit.name);
        }
    }
    let going = found.iter().filter(|p| same(p).is_none_or(|u| anew.contains(u.name.as_str())));
    let gone = going.map(|p| pods::discard(engine, &lease.environment, p.name_any()));
    futures::future::try_join_all(gone).await.map(drop)
}

/// Addresses of the units' Services.
async fn addresses(engine: &KubernetesEngine, environment: &str) -> Result<Addresses, EngineError> {
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

/// The secrets of an environment that is up.
pub async fn kept(engine: &KubernetesEngine, environment: &str) -> Result<Secrets, EngineError> {
    let secrets: Api<Secret> = Api::namespaced(engine.client(), environment);
    let found = match secrets.get(KEEP).await {
        Err(e) if explain::is_missing(&e) => None,
        found => Some(
            found.map_err(|e| explain::failed(&format!("read the secrets of {environment}"), &e, Leftover::None))?,
        ),
    };
    let bytes = found.and_then(|s| s.data).and_then(|mut data| data.remove(KEPT));
    bytes.and_then(|b| serde_json::from_slice(&b.0).ok()).ok_or_else(|| {
        EngineError::Missing(format!("the secrets of environment {environment}: it was never made to the end"))
    })
}
