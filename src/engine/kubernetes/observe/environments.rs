//! Finds environments by labels, with their owners and the states of their units.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Event, Namespace, Pod};
use kube::api::ListParams;
use kube::{Api, ResourceExt};

use crate::engine::kubernetes::client::{KubernetesEngine, api};
use crate::engine::kubernetes::explain;
use crate::engine::kubernetes::namespace::owner;
use crate::engine::kubernetes::pods::container_status::{self, UNIT_CONTAINER};
use crate::engine::{EngineError, Leftover, ObservedEnvironment, RunningContainer, UnitState};
use crate::model::ImageRef;
use crate::render::kubernetes::{ENVIRONMENT_ROLE, lease};
use crate::render::labels::{self, ENVIRONMENT, ROLE, Role, UNIT};

/// One environment.
pub async fn one(engine: &KubernetesEngine, environment: &str) -> Result<Option<ObservedEnvironment>, EngineError> {
    let failed = |e| explain::failed(&format!("look at environment {environment}"), &e, Leftover::Unknown);
    let Some(namespace) = engine.namespaces().get_opt(environment).await.map_err(failed)? else { return Ok(None) };
    owner::require_dayfly(&namespace)?;
    let pods = engine.pods(environment).list(&ListParams::default()).await.map_err(failed)?;
    Ok(Some(observed(&namespace, pods.iter())))
}

/// All environments of the cluster.
pub async fn all(engine: &KubernetesEngine) -> Result<Vec<ObservedEnvironment>, EngineError> {
    let failed = |e| explain::failed("list environments", &e, Leftover::Unknown);
    let of = ListParams::default().labels(&format!("{ENVIRONMENT},{ROLE}={ENVIRONMENT_ROLE}"));
    let namespaces = engine.namespaces().list(&of).await.map_err(failed)?;
    if namespaces.items.is_empty() {
        return Ok(vec![]);
    }
    let units = ListParams::default().labels(&format!("{ENVIRONMENT},{ROLE}={}", Role::Unit.as_str()));
    let pods: Api<Pod> = Api::all(engine.client());
    // An account with rights only in its own environments cannot list the pods of others; their leases name their units.
    let pods = match engine.options().account {
        Some(_) => vec![],
        None => pods.list(&units).await.map_err(failed)?.items,
    };
    let of = |namespace: &Namespace| {
        let name = namespace.name_any();
        observed(namespace, pods.iter().filter(|p| p.namespace().as_deref() == Some(&name)))
    };
    Ok(namespaces.iter().filter(|n| owner::require_dayfly(n).is_ok()).map(of).collect())
}

fn observed<'a>(namespace: &Namespace, pods: impl Iterator<Item = &'a Pod>) -> ObservedEnvironment {
    let environment = namespace.name_any();
    let mut objects = vec![format!("namespace {environment}")];
    let mut states: BTreeMap<String, UnitState> = BTreeMap::new();
    for pod in pods {
        objects.push(format!("pod {}", pod.name_any()));
        if api::label(pod, ROLE) != Role::Unit.as_str() {
            continue;
        }
        let (unit, state) = (api::label(pod, UNIT), container_status::unit_state(pod));
        let worst = states.remove(unit).map_or(state.clone(), |known: UnitState| known.worse(state));
        states.insert(unit.to_owned(), worst);
    }
    let lease = lease::parse(&environment, namespace.annotations());
    // A unit without a pod has not been started.
    for unit in lease.iter().flat_map(|l| &l.plan.units) {
        states.entry(unit.name.clone()).or_insert(UnitState::Created);
    }
    let terminating = namespace.metadata.deletion_timestamp.is_some();
    let retention = lease.as_ref().map(|l| lease::retention(l, namespace.annotations()));
    let unreadable_lease = lease.is_none() && namespace.annotations().contains_key(lease::LEASE);
    ObservedEnvironment { environment, lease, retention, unreadable_lease, units: states, objects, terminating }
}

/// The pods of all units, as the cluster reports them.
pub async fn running(engine: &KubernetesEngine, environment: &str) -> Result<Vec<RunningContainer>, EngineError> {
    let of = format!("{},{ROLE}={}", api::of_environment(environment), Role::Unit.as_str());
    let pods = engine.pods(environment).list(&ListParams::default().labels(&of)).await;
    let pods =
        pods.map_err(|e| explain::failed(&format!("look at the pods of {environment}"), &e, Leftover::Unknown))?;
    let running = |pod: &Pod| {
        let copy = api::label(pod, labels::COPY).parse().unwrap_or(1);
        let status = container_status::container(pod, UNIT_CONTAINER);
        let image = status.map(|c| c.image_id.clone()).unwrap_or_default();
        RunningContainer {
            unit: labels::copy_name(api::label(pod, UNIT), copy),
            image_digest: digest(&image),
            process: status.and_then(|c| c.container_id.clone()).unwrap_or_default(),
            inspect: serde_json::to_string(pod).unwrap_or_default(),
        }
    };
    Ok(pods.iter().map(running).collect())
}

/// The digest `sha256:…` in a kubelet's image id: `name@sha256:…`, `sha256:…`, or with a scheme.
pub fn digest(image_id: &str) -> String {
    ImageRef::split(image_id).digest().unwrap_or(image_id).trim_start_matches("docker://").to_owned()
}

/// All pods and events as JSON, without Secrets.
pub async fn diagnostics(
    engine: &KubernetesEngine,
    environment: &str,
) -> Result<BTreeMap<String, Vec<u8>>, EngineError> {
    let failed = |e| explain::failed(&format!("read the pods and events of {environment}"), &e, Leftover::Unknown);
    let events: Api<Event> = Api::namespaced(engine.client(), environment);
    let mut pods = engine.pods(environment).list(&ListParams::default()).await.map_err(failed)?;
    let mut events = events.list(&ListParams::default()).await.map_err(failed)?;
    pods.items.iter_mut().for_each(|p| p.metadata.managed_fields = None);
    events.items.iter_mut().for_each(|e| e.metadata.managed_fields = None);
    let unwritten = |e| failed(kube::Error::SerdeError(e));
    Ok(BTreeMap::from([
        ("pods.json".to_owned(), serde_json::to_vec_pretty(&pods.items).map_err(unwritten)?),
        ("events.json".to_owned(), serde_json::to_vec_pretty(&events.items).map_err(unwritten)?),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_digest_from_every_form_of_an_image_id() {
        for id in ["r.test:5000/a/b@sha256:12", "sha256:12", "docker.io/library/a@sha256:12"] {
            assert_eq!(digest(id), "sha256:12");
        }
    }
}
