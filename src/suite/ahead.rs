//! Starts the agents that a suite's cases need side by side, before the first case.
//!
//! An agent that enters a pod disturbs name lookups in it for a moment, which must not happen during another case.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::StreamExt;
use tokio::time::timeout;

use super::isolation::selected_units;
use crate::engine::EngineKind;
use crate::lifecycle::session::Session;
use crate::plan::Position;
use crate::spec::model::{Action, Case, Step};

/// Agents that start at the same time.
const ABREAST: usize = 8;
/// Time limit; the steps wait for agents that take longer.
const LIMIT: Duration = Duration::from_secs(60);

/// Starts the agents. Errors are ignored: the step that needs an agent tries again and reports them.
pub async fn start(session: &Session, suite: &str, cases: &[Case]) {
    let positions = positions(session, suite, cases);
    let starting = futures::stream::iter(positions).map(async |position| drop(session.agent(&position).await));
    timeout(LIMIT, starting.buffer_unordered(ABREAST).collect::<()>()).await.ok();
}

/// The positions of all agents. A unit that a step stops or starts gets its agent when it is
/// needed.
fn positions(session: &Session, suite: &str, cases: &[Case]) -> BTreeSet<Position> {
    let steps = || cases.iter().flat_map(|case| &case.steps).flat_map(Step::with_inner);
    let mut all: BTreeSet<Position> = steps().flat_map(|step| of_step(session, suite, step)).collect();
    for step in steps() {
        if let Action::Stop(unit) | Action::Start(unit) | Action::Restart(unit) = &step.action {
            all.remove(&Position::Inside(unit.service.clone()));
        }
    }
    all
}

fn of_step(session: &Session, suite: &str, step: &Step) -> Vec<Position> {
    let inside = |units: Vec<String>| units.into_iter().map(Position::Inside);
    let neighbour = || std::iter::once(Position::Neighbour);
    match &step.action {
        Action::Confined(a) => inside(selected_units(session, &a.services)).collect(),
        Action::NoSecretsLeaked(_) => inside(selected_units(session, &[])).collect(),
        Action::NoNeighbour(a) => inside(selected_units(session, &a.services)).chain(neighbour()).collect(),
        // Only a cluster has addresses that a neighbour must reach.
        Action::NoWayOut(a) if session.engine.kind() == EngineKind::Kubernetes => {
            inside(selected_units(session, &a.services)).chain(neighbour()).collect()
        }
        Action::NoWayOut(a) => inside(selected_units(session, &a.services)).collect(),
        Action::Stop(_)
        | Action::Start(_)
        | Action::Restart(_)
        | Action::Exec(_)
        | Action::Jwt(_)
        | Action::Repeat(_)
        | Action::Wait(_) => vec![],
        _ => vec![step.from.clone().map_or_else(|| Position::Suite(suite.to_owned()), Position::Inside)],
    }
}
