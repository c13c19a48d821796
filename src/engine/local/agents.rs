//! Agents: a container of dayfly's own image for each connection. The engine removes it when the connection ends.

use super::client::LocalEngine;
use super::name::unique_suffix;
use super::{agent_image, explain, images, link, networks, units, users};
use crate::agent::AgentLink;
use crate::engine::EngineError;
use crate::lease::Lease;
use crate::plan::{Position, Unit};
use crate::render::container::{self, AgentPlacement, ContainerRequest};
use crate::render::labels;
use crate::render::links::{Attachment, suite_callees, tester_attachments, tester_hosts};

/// Starts an agent at a position.
pub async fn start(engine: &LocalEngine, lease: &Lease, position: &Position) -> Result<AgentLink, EngineError> {
    let run = unique_suffix();
    let placement = match position {
        Position::Control => in_networks(engine, lease, &lease.plan.units.iter().collect::<Vec<_>>()).await?,
        Position::Suite(name) => {
            let suite = lease.plan.suites.get(name).ok_or_else(|| EngineError::Missing(format!("suite {name}")))?;
            in_networks(engine, lease, &suite_callees(&lease.plan, suite)).await?
        }
        Position::Inside(unit) => inside(engine, lease, unit).await?,
        Position::Neighbour => {
            let network = labels::object_name(lease, &format!("neighbour-{run}"));
            networks::create(engine, lease, &network).await?;
            AgentPlacement::Networks { attachments: vec![Attachment { network, address: None }], hosts: vec![] }
        }
    };
    connect(engine, lease, placement, &["agent"], &run).await
}

/// Connects to a port of a unit's first copy.
pub async fn port_forward(
    engine: &LocalEngine,
    lease: &Lease,
    unit: &str,
    port: u16,
) -> Result<AgentLink, EngineError> {
    let callee = lease
        .plan
        .unit(unit)
        .ok_or_else(|| EngineError::Missing(format!("{unit} in environment {}", lease.environment)))?;
    let placement = in_networks(engine, lease, &[callee]).await?;
    connect(engine, lease, placement, &["agent", "dial", &format!("{unit}:{port}")], &unique_suffix()).await
}

async fn in_networks(engine: &LocalEngine, lease: &Lease, callees: &[&Unit]) -> Result<AgentPlacement, EngineError> {
    let subnets = networks::subnets(engine, lease).await?;
    let hosts = tester_hosts(lease, &subnets, callees).map_err(|words| explain::not_started("an agent", &words))?;
    Ok(AgentPlacement::Networks { attachments: tester_attachments(lease, callees), hosts })
}

/// Returns the placement in the namespaces of the unit's first copy, as another user than its own.
async fn inside(engine: &LocalEngine, lease: &Lease, unit: &str) -> Result<AgentPlacement, EngineError> {
    let planned = lease
        .plan
        .unit(unit)
        .ok_or_else(|| EngineError::Missing(format!("{unit} in environment {}", lease.environment)))?;
    let name = labels::container_name(lease, unit, 1);
    let found =
        engine.container(&name).await?.ok_or_else(|| EngineError::Missing(format!("the container of {unit}")))?;
    if found.state.status != "running" {
        return Err(explain::not_started(
            &format!("an agent inside {unit}"),
            &format!("{unit} is not running: it is {}", found.state.status),
        ));
    }
    let image = images::resolved(engine, &planned.image).await?;
    let ids = users::numeric(engine, &name, units::user_of(&planned.confinement, &image)).await?;
    Ok(AgentPlacement::Inside { container: found.id, user: container::user_inside(lease, Some(ids.uid)) })
}

async fn connect(
    engine: &LocalEngine,
    lease: &Lease,
    placement: AgentPlacement,
    arguments: &[&str],
    run: &str,
) -> Result<AgentLink, EngineError> {
    let image = agent_image::ensure(engine).await?;
    let request: ContainerRequest = container::agent(lease, placement, arguments, &image, run, engine.profile);
    let failed = |e: &bollard::errors::Error| explain::not_started("an agent", &explain::words(e));
    engine.create(&request).await.map_err(|e| failed(&e))?;
    match link::start(engine, &request.name).await {
        Ok(link) => Ok(link),
        Err(e) => {
            // The engine removes it only after it ran. If this fails too, teardown finds it by its labels.
            engine.discard(&request.name).await.ok();
            Err(failed(&e))
        }
    }
}
