//! What judges an environment: dayfly's agents at their positions, and container suites with an agent beside them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::object::{Kind, Object};
use super::{Addresses, POSITION, RenderError, Stage, parts, suite_name};
use crate::plan::{ContainerSuite, Position, SuitePlan, Unit};
use crate::render::labels::Role;
use crate::render::wires::suite_callees;

/// How much longer than its suite a Job may live.
const BACKSTOP_SECS: u64 = 900;

/// Name of the agent's pod at a position of its own; none inside a unit, where it joins that unit's pod.
pub fn agent_name(position: &Position) -> Option<String> {
    match position {
        Position::Control => Some("agent.control".into()),
        Position::Neighbour => Some("agent.neighbour".into()),
        Position::Suite(suite) => Some(format!("agent.{}", suite_name(suite))),
        Position::Inside(_) => None,
    }
}

/// The agent's pod at a position; none inside a unit, and for a suite that is not known.
pub fn agent(stage: &Stage<'_>, position: &Position, addresses: &Addresses) -> Result<Option<Object>, RenderError> {
    let plan = &stage.lease.plan;
    let positioned = |name: &str| {
        let mut labels = stage.labels(Role::Agent.as_str());
        labels.insert(POSITION.to_owned(), name.to_owned());
        labels
    };
    let (labels, callees): (BTreeMap<String, String>, Vec<&Unit>) = match position {
        Position::Control => (positioned("control"), plan.units.iter().collect()),
        Position::Neighbour => (positioned("neighbour"), vec![]),
        Position::Suite(name) => match plan.suites.get(name) {
            Some(suite) => (stage.suite_labels(Role::Agent, name), suite_callees(plan, suite)),
            None => return Ok(None),
        },
        Position::Inside(_) => return Ok(None),
    };
    let context = json!({
        "name": agent_name(position), "namespace": stage.namespace(), "labels": labels, "annotations": {},
        "dns": parts::dns(),
        "hosts": parts::hosts(stage.lease, callees.into_iter(), addresses),
        "podSecurity": parts::pod_security(false),
        "image": stage.agent_image,
        "resources": parts::agent_resources(),
        "security": parts::agent_security(),
    });
    stage.templates.render("agent", Kind::Pod, &context, stage.namespace()).map(Some)
}

/// The Job of a container suite; `run` tells repeated runs of the same suite apart.
pub fn job(
    stage: &Stage<'_>,
    suite: &SuitePlan,
    judge: &ContainerSuite,
    run: &str,
    addresses: &Addresses,
) -> Result<Object, RenderError> {
    let callees = suite_callees(&stage.lease.plan, suite);
    let results = json!({"name": "results", "mountPath": judge.results});
    let (secrets_mount, secrets_volume) = parts::secrets(&suite_name(&suite.name));
    let (tmp_mount, tmp_volume) = parts::tmp();
    let mut volumes: Vec<Value> = vec![secrets_volume, json!({"name": "results", "emptyDir": {"sizeLimit": "1Gi"}})];
    let mut mounts = vec![secrets_mount, results.clone()];
    if judge.results != "/tmp" {
        mounts.push(tmp_mount);
        volumes.push(tmp_volume);
    }
    let context = json!({
        "name": job_name(&suite.name, run), "namespace": stage.namespace(),
        "labels": stage.suite_labels(Role::Suite, &suite.name),
        "deadline": suite.timeout_ms.div_ceil(1000) + BACKSTOP_SECS,
        "hostname": suite.name,
        "dns": parts::dns(),
        "hosts": parts::hosts(stage.lease, callees.into_iter(), addresses),
        "podSecurity": parts::pod_security(judge.confinement.root),
        "image": stage.image(&judge.image),
        "command": parts::command(&judge.command),
        "env": parts::env(&judge.env),
        "resources": parts::resources(&judge.limits),
        "security": parts::security(&judge.confinement),
        "mounts": mounts, "volumes": volumes,
        "agentImage": stage.agent_image,
        "agentResources": parts::agent_resources(),
        "agentSecurity": parts::agent_security(),
        "resultsMounts": [results],
    });
    stage.templates.render("suite", Kind::Job, &context, stage.namespace())
}

/// Name of a suite's Job.
pub fn job_name(suite: &str, run: &str) -> String {
    format!("{}.{run}", suite_name(suite))
}
