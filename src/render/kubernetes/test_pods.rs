//! The pods that test an environment: agents at their positions, and container suites with an agent.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::object::{Kind, Object};
use super::{Addresses, POSITION, RenderError, RenderInput, env_name, parts, suite_name};
use crate::plan::{ContainerSuite, Position, SuitePlan, Unit};
use crate::render::labels::Role;
use crate::render::links::suite_callees;

/// Time that a Job may exceed the time limit of its suite.
const BACKSTOP_SECS: u64 = 900;

/// Returns the name of the agent's pod; none inside a unit, where the agent joins the unit's pod.
pub fn agent_name(position: &Position) -> Option<String> {
    match position {
        Position::Control => Some("agent.control".into()),
        Position::Neighbour => Some("agent.neighbour".into()),
        Position::Suite(suite) => Some(format!("agent.{}", suite_name(suite))),
        Position::Inside(_) => None,
    }
}

/// Renders the agent's pod; none inside a unit or for an unknown suite.
pub fn agent(
    input: &RenderInput<'_>,
    position: &Position,
    addresses: &Addresses,
) -> Result<Option<Object>, RenderError> {
    let plan = &input.lease.plan;
    let positioned = |name: &str| {
        let mut labels = input.labels(Role::Agent.as_str());
        labels.insert(POSITION.to_owned(), name.to_owned());
        labels
    };
    let (labels, callees): (BTreeMap<String, String>, Vec<&Unit>) = match position {
        Position::Control => (positioned("control"), plan.units.iter().collect()),
        Position::Neighbour => (positioned("neighbour"), vec![]),
        Position::Suite(name) => match plan.suites.get(name) {
            Some(suite) => (input.suite_labels(Role::Agent, name), suite_callees(plan, suite)),
            None => return Ok(None),
        },
        Position::Inside(_) => return Ok(None),
    };
    let context = json!({
        "name": agent_name(position), "namespace": input.namespace(), "labels": labels, "annotations": {},
        "dns": parts::dns(),
        "hosts": parts::hosts(input.lease, callees.into_iter(), addresses),
        "podSecurity": parts::pod_security(false),
        "image": input.agent_image,
        "resources": parts::agent_resources(),
        "security": parts::agent_security(),
    });
    input.templates.render("agent", Kind::Pod, &context, input.namespace()).map(Some)
}

/// Renders the Job of a container suite; `run` makes the names of repeated runs unique.
pub fn job(
    input: &RenderInput<'_>,
    suite: &SuitePlan,
    container: &ContainerSuite,
    run: &str,
    addresses: &Addresses,
) -> Result<Object, RenderError> {
    let callees = suite_callees(&input.lease.plan, suite);
    let results = json!({"name": "results", "mountPath": container.results});
    let (secrets_mount, secrets_volume) = parts::secrets(&suite_name(&suite.name));
    let (tmp_mount, tmp_volume) = parts::tmp();
    let mut volumes: Vec<Value> = vec![secrets_volume, json!({"name": "results", "emptyDir": {"sizeLimit": "1Gi"}})];
    let mut mounts = vec![secrets_mount, results.clone()];
    if container.results != "/tmp" {
        mounts.push(tmp_mount);
        volumes.push(tmp_volume);
    }
    let context = json!({
        "name": job_name(&suite.name, run), "namespace": input.namespace(),
        "labels": input.suite_labels(Role::Suite, &suite.name),
        "deadline": suite.timeout_ms.div_ceil(1000) + BACKSTOP_SECS,
        "hostname": suite.name,
        "dns": parts::dns(),
        "hosts": parts::hosts(input.lease, callees.into_iter(), addresses),
        "podSecurity": parts::pod_security(container.confinement.root),
        "image": input.image(&container.image),
        "command": parts::command(&container.command),
        "args": parts::command(&container.args),
        "workingDir": container.working_dir,
        "env": parts::env(&container.env, &env_name(&suite.name), container.secret_env.keys()),
        "resources": parts::resources(&container.limits),
        "security": parts::security(&container.confinement),
        "mounts": mounts, "volumes": volumes,
        "agentImage": input.agent_image,
        "agentResources": parts::agent_resources(),
        "agentSecurity": parts::agent_security(),
        "resultsMounts": [results],
    });
    input.templates.render("suite", Kind::Job, &context, input.namespace())
}

/// Returns the name of a suite's Job.
pub fn job_name(suite: &str, run: &str) -> String {
    format!("{}.{run}", suite_name(suite))
}
