//! Measures what services reach outside their environment: the host, external networks, other environments.
//!
//! Each refusal has a positive control: a listener that was reached just before from a place that may reach it.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;

use super::control_listener::{self, ControlListener, OUTSIDE, TIMEOUT};
use super::step_result::StepResult;
use crate::agent::protocol::{AgentRequest, AgentResponse};
use crate::engine::EngineKind;
use crate::lifecycle::session::Session;
use crate::plan::Position;

/// Link-local address of the metadata service of clouds.
const METADATA: &str = "169.254.169.254:80";
/// Addresses of resolvers inside a container: the usual one and the one that Docker provides.
const RESOLVERS: [&str; 2] = ["127.0.0.1:53", "127.0.0.11:53"];

/// The given units, or all units that start automatically.
pub(super) fn selected_units(session: &Session, services: &[String]) -> Vec<String> {
    let all = || session.lease.plan.units.iter().filter(|u| !u.start_late).map(|u| u.name.clone());
    if services.is_empty() { all().collect() } else { services.to_vec() }
}

/// Checks that no service reaches the host or external addresses, or resolves external names.
pub async fn no_way_out(session: &Session, services: &[String]) -> StepResult {
    let expected = "no connection to the host, to external addresses or to external names";
    let listener = match control_listener::listen().await {
        Ok(listener) if !listener.tcp.is_empty() => listener,
        Ok(_) => {
            return StepResult::inconclusive(
                expected,
                "the positive control failed: this host cannot reach any of its own addresses",
            );
        }
        Err(e) => return StepResult::inconclusive(expected, format!("failed to start a listener on this host: {e}")),
    };
    let host_resolves = control_listener::host_resolves().await;
    let own = match off_limits(session).await {
        Ok(own) => own,
        Err(why) => return StepResult::inconclusive(expected, why),
    };
    let mut found = vec![];
    let units = selected_units(session, services);
    let all = join_all(units.iter().map(|unit| try_outside(session, unit, &listener, &own))).await;
    for (unit, attempts) in units.iter().zip(all) {
        match attempts {
            Ok(Attempts { reached, resolver_answers }) => {
                found.extend(reached.into_iter().map(|r| format!("{unit} reached {r}")));
                if resolver_answers && !host_resolves {
                    return StepResult::inconclusive(
                        expected,
                        format!(
                            "{unit} has a working resolver, but the positive control failed: this host cannot resolve external names"
                        ),
                    );
                }
            }
            Err(why) => return StepResult::inconclusive(expected, format!("{unit}: {why}")),
        }
    }
    if found.is_empty() {
        return StepResult::passed(format!(
            "{} service(s) reached none of {} host addresses{}, the metadata address and {} external names{}",
            units.len(),
            listener.tcp.len(),
            if own.is_empty() {
                String::new()
            } else {
                format!(", cluster addresses that a neighbour reached ({})", own.join(", "))
            },
            OUTSIDE.len(),
            if host_resolves { " that this host resolves" } else { "; no resolver answers in the environment" }
        ));
    }
    unless_open(session, StepResult::failed(expected, found.join("; "))).await
}

/// Addresses of the engine's infrastructure that an unrestricted neighbour reaches: the positive control.
async fn off_limits(session: &Session) -> Result<Vec<String>, String> {
    let own = session
        .engine
        .infrastructure_endpoints(&session.lease.environment)
        .await
        .map_err(|e| format!("failed to {e}"))?;
    if own.is_empty() {
        return Ok(own);
    }
    let reach = AgentRequest::Reach { addresses: own.clone(), timeout_ms: millis(TIMEOUT) };
    let reached = ask(session, &Position::Neighbour, reach).await?;
    if reached.is_empty() {
        return Err(format!(
            "the positive control failed: an unrestricted neighbour cannot reach any of {}",
            own.join(", ")
        ));
    }
    Ok(reached)
}

/// Turns a failed check into an inconclusive one if the cluster enforces no isolation at all.
pub async fn unless_open(session: &Session, failed: StepResult) -> StepResult {
    // Only clusters may lack enforcement; networks of a container engine are always separate.
    if session.engine.kind() != EngineKind::Kubernetes {
        return failed;
    }
    match refuses(session).await {
        Ok(true) => failed,
        Ok(false) => StepResult::inconclusive(
            failed.failure.expected,
            format!(
                "{}. The cluster network enforces no isolation at all: dayfly's agent reached a pod that no policy lets it reach. Install a network plugin that enforces NetworkPolicies (Calico, Cilium, …) and check it with `dayfly doctor`",
                failed.failure.got
            ),
        ),
        Err(why) => StepResult::inconclusive(
            failed.failure.expected,
            format!("{}; cannot determine whether the network enforces isolation: {why}", failed.failure.got),
        ),
    }
}

/// Returns true if the network refuses the control agent, which may reach only services, a connection to a neighbour.
async fn refuses(session: &Session) -> Result<bool, String> {
    let addresses = listen(session, &Position::Neighbour).await?;
    let reach = || AgentRequest::Reach { addresses: addresses.clone(), timeout_ms: millis(TIMEOUT) };
    if ask(session, &Position::Neighbour, reach()).await?.is_empty() {
        return Err("the neighbour does not answer inside its own network".into());
    }
    Ok(ask(session, &Position::Control, reach()).await?.is_empty())
}

struct Attempts {
    reached: Vec<String>,
    resolver_answers: bool,
}

async fn try_outside(
    session: &Session,
    unit: &str,
    listener: &ControlListener,
    own: &[String],
) -> Result<Attempts, String> {
    let position = Position::Inside(unit.to_owned());
    let addresses = listener.tcp.iter().chain(own).cloned().chain([METADATA.to_owned()]).collect();
    let mut reached = ask(session, &position, AgentRequest::Reach { addresses, timeout_ms: millis(TIMEOUT) }).await?;
    let names = AgentRequest::Names {
        names: OUTSIDE.map(str::to_owned).to_vec(),
        servers: listener.udp.clone(),
        timeout_ms: millis(TIMEOUT),
    };
    reached.extend(ask(session, &position, names).await?);
    let resolvers = AgentRequest::Names {
        names: vec![OUTSIDE[0].to_owned()],
        servers: RESOLVERS.map(str::to_owned).to_vec(),
        timeout_ms: millis(TIMEOUT),
    };
    let resolver_answers =
        ask(session, &position, resolvers).await?.iter().any(|r| RESOLVERS.iter().any(|s| r.ends_with(s)));
    Ok(Attempts { reached, resolver_answers })
}

/// Checks that no service reaches a neighbour by address or units of other environments by name.
pub async fn no_neighbour(session: &Session, services: &[String]) -> StepResult {
    let expected = "no connection to another environment";
    let neighbour = Position::Neighbour;
    let addresses = match listen(session, &neighbour).await {
        Ok(addresses) => addresses,
        Err(why) => return StepResult::inconclusive(expected, why),
    };
    let control =
        ask(session, &neighbour, AgentRequest::Reach { addresses: addresses.clone(), timeout_ms: millis(TIMEOUT) })
            .await;
    if !control.as_ref().is_ok_and(|r| !r.is_empty()) {
        return StepResult::inconclusive(
            expected,
            "the positive control failed: the neighbour does not answer inside its own network",
        );
    }
    let names = match other_names(session).await {
        Ok(names) => names,
        Err(why) => return StepResult::inconclusive(expected, why),
    };
    let units = selected_units(session, services);
    let mut found = vec![];
    let all = join_all(units.iter().map(|unit| reached_neighbours(session, unit, &addresses, &names))).await;
    for (unit, reached) in units.iter().zip(all) {
        match reached {
            Ok(reached) => found.extend(reached.into_iter().map(|r| format!("{unit} reached {r}"))),
            Err(why) => return StepResult::inconclusive(expected, format!("{unit}: {why}")),
        }
    }
    session.forget_agent(&neighbour).await;
    if found.is_empty() {
        return StepResult::passed(format!(
            "{} service(s) reached neither a neighbour that answers inside its own network nor any of {} names of other environments",
            units.len(),
            names.len()
        ));
    }
    unless_open(session, StepResult::failed(expected, found.join("; "))).await
}

/// The addresses of a neighbour and names of other environments that a unit reaches.
async fn reached_neighbours(
    session: &Session,
    unit: &str,
    addresses: &[String],
    names: &[String],
) -> Result<Vec<String>, String> {
    let position = Position::Inside(unit.to_owned());
    let reach = AgentRequest::Reach { addresses: addresses.to_vec(), timeout_ms: millis(TIMEOUT) };
    let mut reached = ask(session, &position, reach).await?;
    let resolve = AgentRequest::Names { names: names.to_vec(), servers: vec![], timeout_ms: millis(TIMEOUT) };
    reached.extend(ask(session, &position, resolve).await?);
    Ok(reached)
}

async fn listen(session: &Session, at: &Position) -> Result<Vec<String>, String> {
    let agent = session.agent(at).await.map_err(|e| format!("failed to {e}"))?;
    match agent.ask(AgentRequest::Listen { port: 0 }).await {
        Ok(AgentResponse::Listening { addresses, port }) if !addresses.is_empty() => {
            Ok(addresses.iter().map(|a| format!("{a}:{port}")).collect())
        }
        Ok(other) => Err(format!("failed to listen in the neighbour: unexpected answer from the agent: {other:?}")),
        Err(lost) => Err(format!("failed to {lost}")),
    }
}

/// `<unit>.<environment>` of every other environment on this engine.
async fn other_names(session: &Session) -> Result<Vec<String>, String> {
    let all = session.engine.list().await.map_err(|e| format!("failed to {e}"))?;
    let others = all.iter().filter(|o| o.environment != session.lease.environment);
    let names: BTreeSet<String> =
        others.flat_map(|o| o.units.keys().map(|u| format!("{u}.{}", o.environment))).collect();
    Ok(names.into_iter().collect())
}

async fn ask(session: &Session, position: &Position, request: AgentRequest) -> Result<Vec<String>, String> {
    let agent = session.agent(position).await.map_err(|e| format!("failed to {e}"))?;
    match agent.ask(request).await {
        Ok(AgentResponse::Reached { reached }) => Ok(reached),
        Ok(other) => Err(format!("unexpected answer from the agent: {other:?}")),
        Err(lost) => {
            session.forget_agent(position).await;
            Err(format!("failed to {lost}"))
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
