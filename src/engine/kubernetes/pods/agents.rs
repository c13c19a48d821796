//! Agents: a pod of dayfly's own image rests at each position; every link runs the agent in it anew.

use super::{context, ephemeral, pod};
use crate::agent::AgentLink;
use crate::engine::EngineError;
use crate::engine::kubernetes::client::{KubernetesEngine, exec};
use crate::engine::kubernetes::explain;
use crate::lease::Lease;
use crate::plan::{Position, SuiteExecutor};
use crate::render::kubernetes::{Object, test_pods};

/// Name of the container in an agent's pod.
const CONTAINER: &str = "agent";

/// Starts an agent at a position.
pub async fn start(engine: &KubernetesEngine, lease: &Lease, position: &Position) -> Result<AgentLink, EngineError> {
    if let Position::Inside(unit) = position {
        return ephemeral::start(engine, lease, unit).await;
    }
    let pod = pod(engine, lease, position).await?;
    if let Position::Suite(_) = position {
        ahead(engine, lease);
    }
    rests(engine, lease, &pod).await?;
    exec::run(engine, &lease.environment, &pod.name, CONTAINER, &exec::AGENT).await
}

async fn pod(engine: &KubernetesEngine, lease: &Lease, position: &Position) -> Result<Object, EngineError> {
    let context = context::load(engine, lease).await?;
    // Control is there before anybody else, and is told addresses with each question.
    let addresses = match position {
        Position::Control => context.addresses.clone(),
        _ => context::resolve_addresses(engine, lease, &context, |_| true).await,
    };
    let rendered = engine.with_render_input(lease, |input| test_pods::agent(input, position, &addresses));
    rendered
        .map_err(|e| explain::unrendered(&e))?
        .ok_or_else(|| EngineError::Missing(format!("{position:?} in environment {}", lease.environment)))
}

async fn rests(engine: &KubernetesEngine, lease: &Lease, pod: &Object) -> Result<(), EngineError> {
    let of = format!("dayfly's agent {}", pod.name);
    // One at a time: a second request for the same pod would be counted by the quota before it is refused.
    let turn = engine.run_state(lease.run, |run| run.pod_locks.entry(pod.name.clone()).or_default().clone());
    let _turn = turn.lock().await;
    pod::ensure(engine, &lease.environment, &of, pod, |found| pod::matches(found, pod)).await?;
    pod::wait_until_running(engine, &lease.environment, &of, &pod.name, CONTAINER, None).await
}

/// Makes the pods of all suites of steps when the first of them is needed, so that the others find theirs running.
fn ahead(engine: &KubernetesEngine, lease: &Lease) {
    let suites = lease.plan.suites.values().filter(|s| matches!(s.executor, SuiteExecutor::Steps { .. }));
    for suite in suites.map(|s| s.name.clone()) {
        let (engine, lease) = (engine.clone(), lease.clone());
        tokio::spawn(async move {
            // Whoever needs it makes it again and is told what is wrong.
            let position = Position::Suite(suite);
            if let Ok(pod) = pod(&engine, &lease, &position).await {
                rests(&engine, &lease, &pod).await.ok();
            }
        });
    }
}
