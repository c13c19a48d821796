//! Creates, awaits, stops and replaces pods of any role.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::container_status::{self, ContainerPhase, StartFailure, UNIT_CONTAINER};
use crate::engine::kubernetes::client::{KubernetesEngine, api};
use crate::engine::kubernetes::explain;
use crate::engine::{EngineError, Leftover};
use crate::lease::Lease;
use crate::render::kubernetes::object::HOSTS;
use crate::render::kubernetes::{HASH, Kind, Object};
use crate::render::labels;

/// Time limit for a process to run, including image pulls. Start failures are reported earlier.
const START_LIMIT: Duration = Duration::from_secs(900);
/// Time limit for a process to end, beyond its own grace period.
pub const TERMINATION_LIMIT: Duration = Duration::from_secs(60);
/// Time limit for a pod to disappear, beyond its grace period.
const DELETION_LIMIT: Duration = Duration::from_secs(60);
/// Grace period of a pod that is replaced, in seconds.
const REPLACEMENT_GRACE_SECS: u32 = 2;
/// Time limit for a quota to count its usage.
const QUOTA_LIMIT: Duration = Duration::from_secs(15);
/// Pause between attempts.
const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// Attempts while other clients create a pod of the same name.
const ATTEMPTS: u8 = 20;

/// Creates a pod, unless one exists that `fits`. If it restarts a stopped pod, it returns the process that has ended, for
/// `wait_until_running`.
pub async fn ensure(
    engine: &KubernetesEngine,
    environment: &str,
    of: &str,
    pod: &Object,
    fits: impl Fn(&Pod) -> bool,
) -> Result<Option<Past>, EngineError> {
    let failed = |e: kube::Error| explain::failed(&format!("look at pod {}", pod.name), &e, Leftover::Removable);
    for _ in 0..ATTEMPTS {
        if let Some(found) = engine.pods(environment).get_opt(&pod.name).await.map_err(failed)? {
            if alive(&found) && fits(&found) {
                return restart_if_stopped(engine, environment, &found).await;
            }
            delete(engine, environment, pod.name.clone()).await?;
        }
        if create(engine, environment, of, pod).await? {
            return Ok(None);
        }
    }
    Err(explain::not_started(of, &format!("other clients keep creating pod {}", pod.name)))
}

/// Reports whether its process runs, or will.
pub fn alive(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|s| s.phase.as_deref());
    let lives = phase.is_none_or(|p| p == "Running" || p == "Pending") && !has_ended_for_good(pod);
    pod.metadata.deletion_timestamp.is_none() && lives
}

/// Reports whether the process of a pod that nothing restarts has ended; the phase says so a moment later.
fn has_ended_for_good(pod: &Pod) -> bool {
    let never = pod.spec.as_ref().and_then(|s| s.restart_policy.as_deref()) == Some("Never");
    let state = container_status::container(pod, UNIT_CONTAINER).and_then(|c| c.state.as_ref());
    never && state.is_some_and(|s| s.terminated.is_some())
}

/// Reports whether a pod equals the rendered one, including its hosts entries.
pub fn matches(found: &Pod, wanted: &Object) -> bool {
    found.annotations().get(HASH).map(String::as_str) == Some(wanted.hash()) && same_hosts(found, wanted)
}

/// Reports whether both have the same hosts entries.
fn same_hosts(found: &Pod, wanted: &Object) -> bool {
    let found = found.spec.as_ref().and_then(|s| s.host_aliases.as_ref());
    let found = found.and_then(|h| serde_json::to_value(h).ok()).unwrap_or_else(|| json!([]));
    wanted.value.pointer(&format!("/spec/{HOSTS}")) == Some(&found)
}

/// False if a pod of that name exists.
async fn create(engine: &KubernetesEngine, environment: &str, of: &str, pod: &Object) -> Result<bool, EngineError> {
    let until = tokio::time::Instant::now() + QUOTA_LIMIT;
    loop {
        match engine.create(environment, pod).await {
            Ok(()) => return Ok(true),
            Err(e) if explain::is_there_already(&e) => return Ok(false),
            Err(e) if explain::is_uncounted(&explain::words(&e)) && tokio::time::Instant::now() < until => {
                tokio::time::sleep(RETRY_PAUSE).await;
            }
            Err(e) => return Err(explain::not_started(of, &explain::words(&e))),
        }
    }
}

/// Restores the image of a unit that a suite stopped.
async fn restart_if_stopped(
    engine: &KubernetesEngine,
    environment: &str,
    found: &Pod,
) -> Result<Option<Past>, EngineError> {
    match found.annotations().get(labels::IMAGE) {
        Some(image) if container_status::is_stopped(found, UNIT_CONTAINER) => {
            set_image(engine, environment, &found.name_any(), UNIT_CONTAINER, image).await?;
            Ok(past(found, UNIT_CONTAINER))
        }
        _ => Ok(None),
    }
}

/// A process that has ended, by the id of its container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past(String);

fn past(pod: &Pod, container: &str) -> Option<Past> {
    container_status::last_termination(container_status::container(pod, container)?)?.container_id.clone().map(Past)
}

/// Changes a container's image; the kubelet stops its process gracefully and starts the new image.
pub async fn set_image(
    engine: &KubernetesEngine,
    environment: &str,
    pod: &str,
    container: &str,
    image: &str,
) -> Result<(), EngineError> {
    let patch = json!({"spec": {"containers": [{"name": container, "image": image}]}});
    let patched = engine.pods(environment).patch(pod, &PatchParams::default(), &Patch::Strategic(&patch)).await;
    patched.map(drop).map_err(|e| explain::failed(&format!("stop or start {pod}"), &e, Leftover::Removable))
}

/// How long pods that belong to no unit may wait for a node: as long as the most patient unit.
pub fn room(lease: &Lease) -> Duration {
    Duration::from_millis(lease.plan.units.iter().map(|u| u.within_ms).max().unwrap_or_default())
}

/// Waits until the process of a container runs or has ended; the watch reports ends. The end of the process `before` does not
/// count. `room` is how long the pod may wait for a node.
pub async fn wait_until_running(
    engine: &KubernetesEngine,
    environment: &str,
    of: &str,
    pod: &str,
    container: &str,
    before: Option<Past>,
    room: Duration,
) -> Result<(), EngineError> {
    let limit = START_LIMIT + room;
    let cache = engine.cache(environment);
    let mut last = String::new();
    let done = cache.wait_for(limit, |snapshot, now| {
        let found = snapshot.pod(pod)?;
        match container_status::classify(found, container, snapshot.events_of(pod), room, now) {
            ContainerPhase::Terminated { .. } if before.is_some() && past(found, container) == before => None,
            ContainerPhase::Running | ContainerPhase::Terminated { .. } => Some(Ok(())),
            ContainerPhase::Failed(failure) => Some(Err(failure)),
            ContainerPhase::Waiting(said) => {
                last = said;
                None
            }
            ContainerPhase::Stopped => None,
        }
    });
    match done.await {
        Some(Ok(())) => Ok(()),
        Some(Err(StartFailure::Capacity(why))) => Err(EngineError::Capacity(format!("{of}: {why}"))),
        Some(Err(StartFailure::Image(why))) => {
            let image = cache.subscribe().borrow().pod(pod).and_then(|p| image_of(p, container)).unwrap_or_default();
            Err(EngineError::Images(vec![(image, format!("{why} (used by {of})"))]))
        }
        Some(Err(StartFailure::Start(reason))) => {
            Err(EngineError::Start { unit: of.to_owned(), reason, leftover: Leftover::Removable })
        }
        None => {
            Err(explain::not_started(of, &format!("its process does not run, and {}; {last}", cache.why_late(limit))))
        }
    }
}

fn image_of(pod: &Pod, container: &str) -> Option<String> {
    pod.spec.as_ref()?.containers.iter().find(|c| c.name == container)?.image.clone()
}

/// Waits until the process of a stopped container has ended. `grace` is the time that it has before it is killed.
pub async fn wait_until_stopped(
    engine: &KubernetesEngine,
    environment: &str,
    pod: &str,
    container: &str,
    grace: Duration,
) -> Result<(), EngineError> {
    let cache = engine.cache(environment);
    let limit = TERMINATION_LIMIT + grace;
    let done = cache.wait_for(limit, |snapshot, _| {
        let found = snapshot.pod(pod)?;
        let state = container_status::container(found, container)?.state.as_ref()?;
        // The image is checked too, because an older status may precede the change.
        (container_status::is_stopped(found, container) && state.running.is_none()).then_some(())
    });
    done.await.ok_or_else(|| {
        let words = format!("its process has not ended, and {}", cache.why_late(limit));
        explain::refused(&format!("stop {pod}"), &words, Leftover::Removable)
    })
}

/// Deletes a pod and waits until its name is free.
pub async fn delete(engine: &KubernetesEngine, environment: &str, pod: String) -> Result<(), EngineError> {
    let cache = engine.cache(environment);
    // The first list precedes the deletion, so that an absent pod is gone, and not unlisted.
    cache.wait_for(DELETION_LIMIT, |snapshot, _| snapshot.pods.as_ref().map(drop)).await;
    engine.delete(Kind::Pod, environment, &pod, &api::with_grace_period(REPLACEMENT_GRACE_SECS)).await?;
    let gone = cache
        .wait_for(DELETION_LIMIT, |snapshot, _| (snapshot.pods.is_some() && snapshot.pod(&pod).is_none()).then_some(()))
        .await;
    gone.ok_or_else(|| {
        let words = "it still exists; `dayfly status` and the events of its node may show why";
        explain::refused(&format!("replace pod {pod}"), words, Leftover::Removable)
    })
}
