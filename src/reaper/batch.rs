//! Decides about environments and removes those that are due, several at once.

use futures::{Stream, StreamExt};
use jiff::Timestamp;

use super::decide::{Criteria, Decision, decide};
use super::removal::{self, Outcome, RemovalLog};
use crate::engine::{Engine, ObservedEnvironment};

/// Number of environments that are removed at once.
const AT_ONCE: usize = 6;

/// An environment, the decision about it, and the outcome of its removal if one was attempted.
pub struct Decided<'a> {
    /// The environment as it was listed.
    pub observed: &'a ObservedEnvironment,
    /// The decision.
    pub decision: Decision,
    /// The outcome; none without a log, or if it is not due.
    pub outcome: Option<Outcome>,
}

/// Decides about each environment and, with a log, removes those that are due. The results come in the order of the list,
/// however long each removal takes.
pub fn each<'a>(
    engine: &'a dyn Engine,
    environments: &'a [ObservedEnvironment],
    criteria: &'a Criteria,
    log: Option<&'a RemovalLog>,
) -> impl Stream<Item = Decided<'a>> {
    futures::stream::iter(environments).map(move |observed| one(engine, observed, criteria, log)).buffered(AT_ONCE)
}

async fn one<'a>(
    engine: &'a dyn Engine,
    observed: &'a ObservedEnvironment,
    criteria: &'a Criteria,
    log: Option<&'a RemovalLog>,
) -> Decided<'a> {
    let decision = decide(criteria, observed, Timestamp::now());
    let outcome = match (&decision, log) {
        (Decision::Due(_), Some(log)) => {
            let looked = removal::remove(engine, &observed.environment, criteria, log).await;
            // A failure to observe it again counts as a failed removal.
            Some(looked.unwrap_or_else(|e| Outcome::Failed { record: None, why: format!("failed to {e}") }))
        }
        _ => None,
    };
    Decided { observed, decision, outcome }
}
