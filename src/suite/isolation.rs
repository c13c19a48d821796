//! Measures what services reach outside their environment: the host and external networks.
//!
//! Each refusal has a positive control: a listener that was reached just before from a place that may reach it.

use std::time::Duration;

use futures::future::join_all;

use super::control_listener::{self, ControlListener, OUTSIDE, TIMEOUT};
use super::step_result::StepResult;
use crate::agent::protocol::{AgentRequest, AgentResponse};
use crate::engine::EngineKind;
use crate::lifecycle::session::Session;
use crate::plan::{Position, UnitKind};

/// Link-local address of the metadata service of clouds.
const METADATA: &str = "169.254.169.254:80";
/// Why silence was not counted as a refusal.
pub(super) const BUSY: &str = "the machine was too busy to tell a refusal from a late answer";
/// Addresses of resolvers inside a container: the usual one and the one that Docker provides.
const RESOLVERS: [&str; 2] = ["127.0.0.1:53", "127.0.0.11:53"];

/// The given units, or all units that start automatically and do not end.
pub(super) fn selected_units(session: &Session, services: &[String]) -> Vec<String> {
    let all =
        || session.lease.plan.units.iter().filter(|u| !u.start_late && u.kind != UnitKind::Job).map(|u| u.name.clone());
    if services.is_empty() { all().collect() } else { services.to_vec() }
}

/// Checks that no service reaches the host or external addresses, or resolves external names.
pub async fn no_way_out(session: &Session, services: &[String]) -> StepResult {
    let expected = "no connection to the host, to external addresses or to external names";
    let (listener, host_resolves, own) =
        tokio::join!(control_listener::listen(), control_listener::host_resolves(), off_limits(session));
    let listener = match listener {
        Ok(listener) if !listener.tcp.is_empty() => listener,
        Ok(_) => {
            return StepResult::inconclusive(
                expected,
                "the positive control failed: this host cannot reach any of its own addresses",
            );
        }
        Err(e) => return StepResult::inconclusive(expected, format!("failed to start a listener on this host: {e}")),
    };
    let own = match own {
        Ok(own) => own,
        Err(why) => return StepResult::inconclusive(expected, why),
    };
    let mut found = vec![];
    let units = selected_units(session, services);
    let tried = join_all(units.iter().map(|unit| try_outside(session, unit, &listener, &own)));
    // The control is repeated at the same time: what it reaches late, a service might reach too late to be seen.
    let (all, control) = tokio::join!(tried, prompt(session, &own));
    let mut unproven = control.err();
    for (unit, attempts) in units.iter().zip(all) {
        match attempts {
            Ok(Attempts { reached, resolver_answers, busy }) => {
                found.extend(reached.into_iter().map(|r| format!("{unit} reached {r}")));
                if busy {
                    unproven.get_or_insert_with(|| format!("{unit}: {BUSY}"));
                }
                if resolver_answers && !host_resolves {
                    unproven.get_or_insert_with(|| format!(
                        "{unit} has a working resolver, but the positive control failed: this host cannot resolve external names"
                    ));
                }
            }
            Err(why) => drop(unproven.get_or_insert_with(|| format!("{unit}: {why}"))),
        }
    }
    if !found.is_empty() {
        return unless_open(session, StepResult::failed(expected, found.join("; "))).await;
    }
    if let Some(why) = unproven {
        return StepResult::inconclusive(expected, why);
    }
    StepResult::passed(format!(
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
    ))
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
    let (reached, _) = ask(session, &Position::Neighbour, reach(&own)).await?;
    if reached.is_empty() {
        return Err(format!(
            "the positive control failed: an unrestricted neighbour cannot reach any of {}",
            own.join(", ")
        ));
    }
    Ok(reached)
}

/// Fails unless the neighbour reaches all of these addresses, which it has reached before, in half of the time that the
/// services get.
pub(super) async fn prompt(session: &Session, addresses: &[String]) -> Result<(), String> {
    if addresses.is_empty() {
        return Ok(());
    }
    let (reached, _) = ask(session, &Position::Neighbour, reach_within(addresses, TIMEOUT / 2)).await?;
    match addresses.iter().find(|a| !reached.contains(a)) {
        None => Ok(()),
        Some(late) => Err(format!("the positive control was late: the neighbour did not reach {late} promptly again")),
    }
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
    if ask(session, &Position::Neighbour, reach(&addresses)).await?.0.is_empty() {
        return Err("the neighbour does not answer inside its own network".into());
    }
    match ask(session, &Position::Control, reach(&addresses)).await? {
        (reached, true) if reached.is_empty() => Err(BUSY.into()),
        (reached, _) => Ok(reached.is_empty()),
    }
}

struct Attempts {
    reached: Vec<String>,
    resolver_answers: bool,
    busy: bool,
}

/// Tries all ways out of a unit side by side.
async fn try_outside(
    session: &Session,
    unit: &str,
    listener: &ControlListener,
    own: &[String],
) -> Result<Attempts, String> {
    let position = Position::Inside(unit.to_owned());
    let addresses: Vec<String> = listener.tcp.iter().chain(own).cloned().chain([METADATA.to_owned()]).collect();
    let names = |names: &[&str], servers: Vec<String>| AgentRequest::Names {
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        servers,
        timeout_ms: millis(TIMEOUT),
    };
    let resolvers = names(&OUTSIDE[..1], RESOLVERS.map(str::to_owned).to_vec());
    let ((mut reached, slow), (resolved, slow_names), (answering, slow_resolvers)) = tokio::try_join!(
        ask(session, &position, reach(&addresses)),
        ask(session, &position, names(&OUTSIDE, listener.udp.clone())),
        ask(session, &position, resolvers),
    )?;
    reached.extend(resolved);
    let resolver_answers = answering.iter().any(|r| RESOLVERS.iter().any(|s| r.ends_with(s)));
    Ok(Attempts { reached, resolver_answers, busy: slow || slow_names || slow_resolvers })
}

/// Starts to listen at a position; returns its addresses.
pub(super) async fn listen(session: &Session, at: &Position) -> Result<Vec<String>, String> {
    match session.ask(at, AgentRequest::Listen { port: 0 }).await? {
        AgentResponse::Listening { addresses, port } if !addresses.is_empty() => {
            Ok(addresses.iter().map(|a| format!("{a}:{port}")).collect())
        }
        other => Err(format!("failed to listen in the neighbour: unexpected answer from the agent: {other:?}")),
    }
}

pub(super) fn reach(addresses: &[String]) -> AgentRequest {
    reach_within(addresses, TIMEOUT)
}

fn reach_within(addresses: &[String], limit: Duration) -> AgentRequest {
    AgentRequest::Reach { addresses: addresses.to_vec(), timeout_ms: millis(limit) }
}

/// What was reached, and whether the machine was too busy for the rest to prove anything.
pub(super) async fn ask(
    session: &Session,
    position: &Position,
    request: AgentRequest,
) -> Result<(Vec<String>, bool), String> {
    match session.ask(position, request).await? {
        AgentResponse::Reached { reached, busy } => Ok((reached, busy)),
        other => Err(format!("unexpected answer from the agent: {other:?}")),
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
