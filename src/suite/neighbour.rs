//! Measures whether services reach other environments.

use std::collections::BTreeSet;

use futures::future::join_all;

use super::control_listener::TIMEOUT;
use super::isolation::{BUSY, ask, listen, millis, prompt, reach, selected_units, unless_open};
use super::step_result::StepResult;
use crate::agent::protocol::AgentRequest;
use crate::lifecycle::session::Session;
use crate::plan::Position;

/// Checks that no service reaches a neighbour by address or units of other environments by name.
pub async fn no_neighbour(session: &Session, services: &[String]) -> StepResult {
    let expected = "no connection to another environment";
    let neighbour = Position::Neighbour;
    let addresses = match listen(session, &neighbour).await {
        Ok(addresses) => addresses,
        Err(why) => return StepResult::inconclusive(expected, why),
    };
    let control = ask(session, &neighbour, reach(&addresses)).await;
    let Ok((within, _)) = control.and_then(|c| if c.0.is_empty() { Err(String::new()) } else { Ok(c) }) else {
        return StepResult::inconclusive(
            expected,
            "the positive control failed: the neighbour does not answer inside its own network",
        );
    };
    let names = match other_names(session).await {
        Ok(names) => names,
        Err(why) => return StepResult::inconclusive(expected, why),
    };
    let units = selected_units(session, services);
    let tried = join_all(units.iter().map(|unit| reached_neighbours(session, unit, &addresses, &names)));
    let (all, control) = tokio::join!(tried, prompt(session, &within));
    let (mut found, mut unproven) = (vec![], control.err());
    for (unit, reached) in units.iter().zip(all) {
        match reached {
            Ok((reached, busy)) => {
                found.extend(reached.into_iter().map(|r| format!("{unit} reached {r}")));
                if busy {
                    unproven.get_or_insert_with(|| format!("{unit}: {BUSY}"));
                }
            }
            Err(why) => drop(unproven.get_or_insert_with(|| format!("{unit}: {why}"))),
        }
    }
    session.forget_agent(&neighbour).await;
    if !found.is_empty() {
        return unless_open(session, StepResult::failed(expected, found.join("; "))).await;
    }
    if let Some(why) = unproven {
        return StepResult::inconclusive(expected, why);
    }
    StepResult::passed(format!(
        "{} service(s) reached neither a neighbour that answers inside its own network nor any of {} names of other environments",
        units.len(),
        names.len()
    ))
}

/// The addresses of a neighbour and names of other environments that a unit reaches, and whether the machine was too busy.
async fn reached_neighbours(
    session: &Session,
    unit: &str,
    addresses: &[String],
    names: &[String],
) -> Result<(Vec<String>, bool), String> {
    let position = Position::Inside(unit.to_owned());
    let resolve = AgentRequest::Names { names: names.to_vec(), servers: vec![], timeout_ms: millis(TIMEOUT) };
    let ((mut reached, slow), (resolved, slow_names)) =
        tokio::try_join!(ask(session, &position, reach(addresses)), ask(session, &position, resolve))?;
    reached.extend(resolved);
    Ok((reached, slow || slow_names))
}

/// `<unit>.<environment>` of every other environment on this engine.
async fn other_names(session: &Session) -> Result<Vec<String>, String> {
    let all = session.engine.list().await.map_err(|e| format!("failed to {e}"))?;
    let others = all.iter().filter(|o| o.environment != session.lease.environment);
    let names: BTreeSet<String> =
        others.flat_map(|o| o.units.keys().map(|u| format!("{u}.{}", o.environment))).collect();
    Ok(names.into_iter().collect())
}
