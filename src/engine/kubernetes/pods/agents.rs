//! Starts agents: a pod of dayfly's own image waits at each position; each connection executes an agent in it.

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
        create_ahead(engine, lease);
    }
    ensure_running(engine, lease, &pod).await?;
    exec::run(engine, &lease.environment, &pod.name, CONTAINER, &exec::AGENT).await
}

async fn pod(engine: &KubernetesEngine, lease: &Lease, position: &Position) -> Result<Object, EngineError> {
    let context = context::load(engine, lease).await?;
    // The control agent starts before all units, and each probe carries the addresses.
    let addresses = match position {
        Position::Control => context.addresses.clone(),
        _ => context::resolve_addresses(engine, lease, &context, |_| true).await,
    };
    let rendered = engine.with_render_input(lease, |input| test_pods::agent(input, position, &addresses));
    rendered
        .map_err(|e| explain::unrendered(&e))?
        .ok_or_else(|| EngineError::Missing(format!("{position:?} in environment {}", lease.environment)))
}

async fn ensure_running(engine: &KubernetesEngine, lease: &Lease, pod: &Object) -> Result<(), EngineError> {
    let of = format!("dayfly's agent {}", pod.name);
    // One at a time, because the quota counts a second request for the same pod before it is refused.
    let turn = engine.run_state(lease.run, |run| run.pod_locks.entry(pod.name.clone()).or_default().clone());
    let _turn = turn.lock().await;
    pod::ensure(engine, &lease.environment, &of, pod, |found| pod::matches(found, pod)).await?;
    pod::wait_until_running(engine, &lease.environment, &of, &pod.name, CONTAINER, None, pod::room(lease)).await
}

/// Creates the pods of all suites of steps when the first is needed, so that the others find theirs running.
fn create_ahead(engine: &KubernetesEngine, lease: &Lease) {
    let suites = lease.plan.suites.values().filter(|s| matches!(s.executor, SuiteExecutor::Steps { .. }));
    for suite in suites.map(|s| s.name.clone()) {
        let (engine, lease) = (engine.clone(), lease.clone());
        tokio::spawn(async move {
            // Errors are ignored: the suite that needs the pod tries again and reports them.
            let position = Position::Suite(suite);
            if let Ok(pod) = pod(&engine, &lease, &position).await {
                ensure_running(&engine, &lease, &pod).await.ok();
            }
        });
    }
}
