//! Refused connections to ports that only a cluster can close: on a local engine, a caller of a unit reaches all its ports.

use super::step_result::StepResult;
use crate::engine::EngineKind;
use crate::lifecycle::session::Session;
use crate::model::Verdict;
use crate::plan::{Plan, Position, Unit};
use crate::spec::model::Tcp;

/// Turns the result into an inconclusive one if the step expects the refusal of a port that this engine leaves open.
pub(super) fn unless_concerned(session: &Session, step: &Tcp, position: &Position, result: StepResult) -> StepResult {
    if session.engine.kind() == EngineKind::Kubernetes || result.verdict == Verdict::Inconclusive {
        return result;
    }
    let (Some(caller), Some((host, port))) = (caller(position), step.to.rsplit_once(':')) else { return result };
    let Ok(port) = port.parse::<u16>() else { return result };
    let plan = &session.lease.plan;
    let unit = plan.unit(host.split('.').next().unwrap_or(host));
    match unit.filter(|unit| is_open_only_here(plan, unit, caller, port)) {
        Some(unit) => StepResult::inconclusive(
            format!("no connection to {}", step.to),
            format!(
                "this engine cannot restrict ports: {caller} may call {}, and so reaches all its ports. A cluster restricts them",
                unit.name
            ),
        ),
        None => result,
    }
}

/// Returns true if the unit declares this port for other callers only: a cluster closes it to this one, and nothing does so
/// here. A port that nobody declared is judged by what happens: where something listens on it, that is the finding.
fn is_open_only_here(plan: &Plan, unit: &Unit, caller: &str, port: u16) -> bool {
    let may_call = plan.reachable_by(caller).any(|u| u.name == unit.name);
    may_call && unit.name != caller && unit.open_ports().contains(&port) && !unit.ports_for(caller).contains(&port)
}

fn caller(position: &Position) -> Option<&str> {
    match position {
        Position::Suite(name) | Position::Inside(name) => Some(name),
        Position::Control | Position::Neighbour => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing;

    #[test]
    fn a_port_that_only_a_cluster_closes_is_never_proven_closed() {
        let mut db = testing::unit("db");
        (db.port, db.ports) = (Some(5432), [("admin".to_owned(), 9090)].into());
        db.callers = ["api".to_owned(), "job".to_owned()].into();
        db.caller_ports = [("job".to_owned(), [5432].into())].into();
        let plan = testing::plan(vec![db]);
        let db = plan.unit("db").unwrap();
        let of = |caller, port| is_open_only_here(&plan, db, caller, port);
        assert!(of("job", 9090));
        // Nobody declared it, or the description opens it, or it is no caller at all.
        assert!(!of("api", 7000));
        assert!(!of("api", 9090));
        assert!(!of("other", 9090));
    }
}
