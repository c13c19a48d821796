//! Updates in place: which pods stay. A pod is compared by the hash of what it was created from, and by whom it may call; its
//! dependents follow a unit, because their hosts entries hold its address.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::ListParams;

use super::client::{KubernetesEngine, PodContext, api};
use super::explain;
use super::pods::container_status::{self, UNIT_CONTAINER};
use super::pods::{context, pod, units};
use crate::engine::{Comparison, EngineError, Leftover};
use crate::lease::{Inherited, Lease};
use crate::plan::changes::{Fate, Fates, starts_anew};
use crate::plan::{Unit, UnitKind};
use crate::render::kubernetes::{HASH, Object};
use crate::render::labels::{self, ROLE, Role, UNIT};
use crate::secrets::Secrets;

/// Compares the environment with what the lease and its secrets ask for.
pub async fn compare(engine: &KubernetesEngine, lease: &Lease, secrets: &Secrets) -> Result<Comparison, EngineError> {
    let addresses = context::service_addresses(engine, &lease.environment).await?;
    let context = PodContext { addresses, secrets: secrets.clone() };
    let pods = pods(engine, lease).await?;
    // The objects of an environment do not bear the name of their run.
    Ok(Comparison { fates: fates(engine, lease, &context, &pods)?, inherited: Inherited::default() })
}

/// The names of the pods that do not stay.
pub async fn pods_to_replace(
    engine: &KubernetesEngine,
    lease: &Lease,
    context: &PodContext,
) -> Result<Vec<String>, EngineError> {
    let pods = pods(engine, lease).await?;
    let fates = fates(engine, lease, context, &pods)?;
    let staying = lease.plan.units.iter().filter(|u| fates.get(&u.name) == Some(&Fate::Stays));
    let staying: BTreeSet<String> = staying.flat_map(context::pod_names).collect();
    Ok(pods.iter().map(ResourceExt::name_any).filter(|name| !staying.contains(name)).collect())
}

/// The pods of all units.
async fn pods(engine: &KubernetesEngine, lease: &Lease) -> Result<Vec<Pod>, EngineError> {
    let of_units = format!("{},{ROLE}={}", api::of_environment(&lease.environment), Role::Unit.as_str());
    let found = engine.pods(&lease.environment).list(&ListParams::default().labels(&of_units)).await;
    found.map(|list| list.items).map_err(|e| explain::failed("list the pods of the older run", &e, Leftover::Removable))
}

fn fates(engine: &KubernetesEngine, lease: &Lease, context: &PodContext, pods: &[Pod]) -> Result<Fates, EngineError> {
    let mut fates = Fates::new();
    // Units are listed after their needs.
    for unit in &lease.plan.units {
        let own: BTreeMap<String, &Pod> =
            pods.iter().filter(|p| api::label(*p, UNIT) == unit.name).map(|p| (p.name_any(), p)).collect();
        let wanted = units::rendered(engine, lease, unit, context, &context.addresses)?;
        let starts_anew = |need: &String| starts_anew(&lease.plan, &fates, need);
        let fate = match fate(lease, unit, &own, &wanted) {
            // A unit restarts after the units that it needs, as at its first start.
            Fate::Stays if unit.needs.iter().any(starts_anew) => Fate::Differs,
            fate => fate,
        };
        fates.insert(unit.name.clone(), fate);
    }
    let gone = pods.iter().map(|p| api::label(p, UNIT)).filter(|name| lease.plan.unit(name).is_none());
    fates.extend(gone.map(|name| (name.to_owned(), Fate::Differs)));
    Ok(fates)
}

fn fate(lease: &Lease, unit: &Unit, own: &BTreeMap<String, &Pod>, wanted: &[Object]) -> Fate {
    if own.is_empty() {
        return Fate::Missing;
    }
    let usable = |pod: &&Pod| if unit.kind == UnitKind::Job { has_succeeded(pod) } else { pod::alive(pod) };
    if unit.start_late || !own.values().all(usable) {
        return Fate::Ended;
    }
    let pairs: Option<Vec<(&Pod, &Object)>> =
        wanted.iter().map(|object| Some((*own.get(&object.name)?, object))).collect();
    let Some(pairs) = pairs else { return Fate::Differs };
    let callees = callees(lease, unit);
    if pairs.iter().all(|(pod, object)| annotation(pod, HASH) == object.hash() && hosts(pod) == callees) {
        return Fate::Stays;
    }
    let image = |object: &Object| object.value["metadata"]["annotations"][labels::IMAGE].clone();
    match pairs.iter().any(|(pod, object)| image(object) != annotation(pod, labels::IMAGE)) {
        true => Fate::OtherImage,
        false => Fate::Differs,
    }
}

/// Reports whether the process of a pod has ended with exit code 0: a job need not run again. The phase says so a moment later.
fn has_succeeded(pod: &Pod) -> bool {
    let state = container_status::container(pod, UNIT_CONTAINER).and_then(|c| c.state.as_ref());
    let ended = state.and_then(|s| s.terminated.as_ref());
    pod.metadata.deletion_timestamp.is_none() && ended.is_some_and(|t| t.exit_code == 0)
}

fn annotation<'a>(pod: &'a Pod, key: &str) -> &'a str {
    pod.annotations().get(key).map_or("", String::as_str)
}

/// The units that have hosts entries in the pods of a unit.
fn callees(lease: &Lease, unit: &Unit) -> BTreeSet<String> {
    let callees = lease.plan.reachable_by(&unit.name).filter(|u| u.name != unit.name && !u.open_ports().is_empty());
    callees.map(|u| u.name.clone()).collect()
}

/// The units that a pod has hosts entries for; the first name of each is that of its unit.
fn hosts(pod: &Pod) -> BTreeSet<String> {
    let aliases = pod.spec.as_ref().and_then(|spec| spec.host_aliases.as_ref());
    aliases.into_iter().flatten().filter_map(|alias| alias.hostnames.as_ref()?.first().cloned()).collect()
}
