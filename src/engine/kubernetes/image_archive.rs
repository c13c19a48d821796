//! Archives of the images that an environment runs, read from their registries: nodes send none.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::Api;
use kube::api::ListParams;

use super::client::{KubernetesEngine, api};
use super::explain;
use super::observe::environments;
use super::pods::container_status::{self, UNIT_CONTAINER};
use super::registry::Registry;
use crate::engine::{EngineError, ImageArchive, Leftover};
use crate::lease::Lease;
use crate::model::{Digest, ImageRef};
use crate::plan::ScannedImage;
use crate::render::labels::{ROLE, Role, UNIT};

/// Begins to send an image by the digest that its pods report; that of a container suite alone by the digest that was pinned.
pub async fn send(engine: &KubernetesEngine, lease: &Lease, of: &ScannedImage) -> Result<ImageArchive, EngineError> {
    let refused = |why: String| EngineError::Images(vec![(of.image.clone(), why)]);
    let from = ImageRef::split(&of.image).pulled_through(engine.options().registry_mirror.as_deref());
    if from.is_local() {
        return Err(refused("it is only on the nodes, and in no registry that it could be read from".into()));
    }
    let pods = pods(engine, lease).await?;
    let digest = running_digest(engine, &pods, of).map_err(refused)?;
    let reference = ImageRef::split(&format!("{}@{digest}", from.name()));
    let credentials = engine.options().pull_secret.as_deref();
    let registry = Registry::new(credentials).map_err(|e| refused(format!("--pull-secret: {e}")))?;
    let contents = registry.contents(&reference, platform(engine, &pods, of)).await;
    let contents = contents.map_err(|e| refused(e.to_string()))?;
    let id = contents.digest.clone();
    Ok(ImageArchive::sending(digest, id, |pieces| async move { registry.send(&reference, contents, &pieces).await }))
}

/// The pods of all units of the environment.
async fn pods(engine: &KubernetesEngine, lease: &Lease) -> Result<Vec<Pod>, EngineError> {
    let environment = &lease.environment;
    let of = format!("{},{ROLE}={}", api::of_environment(environment), Role::Unit.as_str());
    let pods = engine.pods(environment).list(&ListParams::default().labels(&of)).await;
    let failed = |e| explain::failed(&format!("look at the pods of {environment}"), &e, Leftover::None);
    pods.map(|list| list.items).map_err(failed)
}

fn runs(pod: &Pod, of: &ScannedImage) -> bool {
    let unit = api::label(pod, UNIT);
    of.units.iter().any(|name| name == unit)
}

/// The digest of an image in the pods of its units.
fn running_digest(engine: &KubernetesEngine, pods: &[Pod], of: &ScannedImage) -> Result<String, String> {
    let reported: BTreeSet<String> = pods
        .iter()
        .filter(|pod| runs(pod, of))
        .filter_map(|pod| container_status::container(pod, UNIT_CONTAINER))
        .map(|container| environments::digest(&container.image_id))
        .filter(|digest| digest.parse::<Digest>().is_ok())
        .collect();
    let mut reported = reported.into_iter();
    match (reported.next(), reported.next()) {
        (Some(digest), None) => Ok(digest),
        (Some(_), Some(_)) => Err("its pods run different images of that name".into()),
        (None, _) if !of.units.is_empty() => Err("no pod reports a digest of it".into()),
        (None, _) => {
            let pinned = engine.pinned_images().get(&of.image).map(|pinned| pinned.as_run.clone());
            let digest = pinned.and_then(|as_run| ImageRef::split(&as_run).digest().map(str::to_owned));
            digest
                .ok_or_else(|| "its digest is not known, because its registry could not be asked before it ran".into())
        }
    }
}

/// The platform of the nodes that run an image, such as `linux/amd64`; for one of suites alone, of those that run the units.
async fn platform(engine: &KubernetesEngine, pods: &[Pod], of: &ScannedImage) -> Result<String, String> {
    let names = pods.iter().filter(|pod| of.units.is_empty() || runs(pod, of));
    let names: BTreeSet<&str> = names.filter_map(|pod| pod.spec.as_ref()?.node_name.as_deref()).collect();
    let nodes: Api<Node> = Api::all(engine.client());
    let mut platforms = BTreeSet::new();
    for name in names {
        let node = nodes.get(name).await;
        let node = node.map_err(|e| explain::failed(&format!("read the platform of node {name}"), &e, Leftover::None));
        let node = node.map_err(|e| format!("it has images for several platforms: failed to {e}"))?;
        let info = node.status.and_then(|status| status.node_info);
        let info = info.ok_or_else(|| format!("node {name} does not say its platform"))?;
        platforms.insert(format!("{}/{}", info.operating_system, info.architecture));
    }
    let mut platforms = platforms.into_iter();
    match (platforms.next(), platforms.next()) {
        (Some(platform), None) => Ok(platform),
        (None, _) => Err("it has images for several platforms, and no pod runs it".into()),
        (Some(_), Some(_)) => Err("it runs on nodes of several platforms".into()),
    }
}
