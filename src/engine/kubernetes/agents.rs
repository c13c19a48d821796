//! Agents: a pod of dayfly's own image rests at each position; every link runs the agent in it anew.

use super::{KubernetesEngine, claim, inside, link, lock, pods, prepare};
use crate::agent::AgentLink;
use crate::engine::EngineError;
use crate::lease::Lease;
use crate::plan::{Position, SuiteExecutor};
use crate::render::kubernetes::{Object, judge};

/// Name of the container in an agent's pod.
const CONTAINER: &str = "agent";
/// What a link runs.
pub const AGENT: [&str; 2] = ["/dayfly", "agent"];

/// Starts an agent at a position.
pub async fn start(engine: &KubernetesEngine, lease: &Lease, position: &Position) -> Result<AgentLink, EngineError> {
    if let Position::Inside(unit) = position {
        return inside::start(engine, lease, unit).await;
    }
    let pod = pod(engine, lease, position).await?;
    if let Position::Suite(_) = position {
        ahead(engine, lease);
    }
    rests(engine, lease, &pod).await?;
    link::run(engine, &lease.environment, &pod.name, CONTAINER, &AGENT).await
}

async fn pod(engine: &KubernetesEngine, lease: &Lease, position: &Position) -> Result<Object, EngineError> {
    let ground = prepare::ground(engine, lease).await?;
    // Control is there before anybody else, and is told addresses with each question.
    let places = match position {
        Position::Control => ground.addresses.clone(),
        _ => prepare::places(engine, lease, &ground, |_| true).await,
    };
    let rendered = engine.staged(lease, |stage| judge::agent(stage, position, &places));
    rendered
        .map_err(|e| claim::unrendered(&e))?
        .ok_or_else(|| EngineError::Missing(format!("{position:?} in environment {}", lease.environment)))
}

async fn rests(engine: &KubernetesEngine, lease: &Lease, pod: &Object) -> Result<(), EngineError> {
    let of = format!("dayfly's agent {}", pod.name);
    // One at a time: a second request for the same pod would be counted by the quota before it is refused.
    let turn = lock(&engine.0.turns).entry((lease.run, pod.name.clone())).or_default().clone();
    let _turn = turn.lock().await;
    pods::ensure(engine, &lease.environment, &of, pod, |found| pods::same(found, pod)).await?;
    pods::runs(engine, &lease.environment, &of, &pod.name, CONTAINER, None).await
}

/// Makes the pods of all suites of steps when the first of them is needed, so that the others find theirs running.
fn ahead(engine: &KubernetesEngine, lease: &Lease) {
    let suites = lease.plan.suites.values().filter(|s| matches!(s.judge, SuiteExecutor::Steps { .. }));
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
