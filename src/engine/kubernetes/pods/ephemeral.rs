//! Starts agents inside units: an ephemeral container of dayfly's own image in the unit's pod, in its network and process
//! namespaces, as another user than the unit's. It is created when it is first needed, and ends with the process that it joined.

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::container_status::{self, UNIT_CONTAINER};
use super::pod;
use crate::agent::AgentLink;
use crate::engine::kubernetes::client::KubernetesEngine;
use crate::engine::kubernetes::client::exec::{self, AGENT};
use crate::engine::kubernetes::{explain, images};
use crate::engine::{EngineError, Leftover};
use crate::lease::Lease;
use crate::plan::{Confinement, Unit};
use crate::render::container::user_inside;
use crate::render::kubernetes::parts;

/// Attempts while other clients add ephemeral containers.
const ATTEMPTS: u8 = 5;

/// Starts an agent inside the unit's first copy.
pub async fn start(engine: &KubernetesEngine, lease: &Lease, unit: &str) -> Result<AgentLink, EngineError> {
    let planned = lease
        .plan
        .unit(unit)
        .ok_or_else(|| EngineError::Missing(format!("{unit} in environment {}", lease.environment)))?;
    let environment = &lease.environment;
    let user = user_inside(lease, user(engine, environment, planned).await?);
    let container = ensure_container(engine, environment, planned, user).await?;
    exec::run(engine, environment, unit, &container, &AGENT).await
}

/// User of the unit's process, if it is known.
async fn user(engine: &KubernetesEngine, environment: &str, unit: &Unit) -> Result<Option<u32>, EngineError> {
    let image = images::fact(engine, &unit.image).and_then(|f| f.user);
    let said = unit.confinement.user.clone().or(image);
    if let (Some(user), _) = parts::ids(said.as_deref()) {
        return Ok(u32::try_from(user).ok());
    }
    let pod = pod(engine, environment, &unit.name).await?;
    let linux = container_status::container(&pod, UNIT_CONTAINER).and_then(|c| c.user.as_ref()?.linux.clone());
    Ok(linux.and_then(|l| u32::try_from(l.uid).ok()))
}

pub(super) async fn pod(engine: &KubernetesEngine, environment: &str, name: &str) -> Result<Pod, EngineError> {
    let failed = |e| explain::failed(&format!("look at pod {name}"), &e, Leftover::Unknown);
    let found = engine.pods(environment).get_opt(name).await.map_err(failed)?;
    found.ok_or_else(|| EngineError::Missing(format!("the pod of {name}")))
}

/// Name of the agent's container for this user and the unit's present process; it is created if it does not exist.
async fn ensure_container(
    engine: &KubernetesEngine,
    environment: &str,
    unit: &Unit,
    user: u32,
) -> Result<String, EngineError> {
    let of = format!("an agent inside {}", unit.name);
    for _ in 0..ATTEMPTS {
        let pod = pod(engine, environment, &unit.name).await?;
        let Some(present) = container_status::container(&pod, UNIT_CONTAINER).filter(|c| runs(c)) else {
            return Err(explain::not_started(&of, &format!("{} is not running", unit.name)));
        };
        let name = name(present, user);
        let there = container_status::container(&pod, &name);
        if there.is_some_and(runs) {
            return Ok(name);
        }
        if there.is_none() && !create(engine, environment, &unit.name, &container(engine, &name, user)).await? {
            continue;
        }
        // Its pod has a node.
        let room = std::time::Duration::ZERO;
        return pod::wait_until_running(engine, environment, &of, &unit.name, &name, None, room).await.map(|()| name);
    }
    Err(explain::not_started(&of, "other clients keep changing its pod"))
}

pub(super) fn runs(status: &ContainerStatus) -> bool {
    status.state.as_ref().is_some_and(|s| s.running.is_some())
}

/// Name of the container for this user and process; the restart count identifies the process.
fn name(present: &ContainerStatus, user: u32) -> String {
    format!("agent-{}-{user}", present.restart_count)
}

fn container(engine: &KubernetesEngine, name: &str, user: u32) -> Value {
    let confinement = Confinement { user: Some(format!("{user}:{user}")), ..Confinement::default() };
    json!({
        "name": name, "image": engine.agent_image(), "imagePullPolicy": "IfNotPresent",
        "command": [AGENT[0], AGENT[1], "rest"], "targetContainerName": UNIT_CONTAINER,
        "securityContext": parts::security(&confinement),
    })
}

/// False if another client changed the pod meanwhile.
async fn create(
    engine: &KubernetesEngine,
    environment: &str,
    pod: &str,
    container: &Value,
) -> Result<bool, EngineError> {
    let patch = json!({"spec": {"ephemeralContainers": [container]}});
    let pods = engine.pods(environment);
    match pods.patch_ephemeral_containers(pod, &PatchParams::default(), &Patch::Strategic(&patch)).await {
        Ok(_) => Ok(true),
        Err(e) if explain::is_conflict(&e) => Ok(false),
        Err(e) => Err(explain::not_started(&format!("an agent inside {pod}"), &explain::words(&e))),
    }
}
