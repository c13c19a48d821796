//! Judges a refused TCP connection to a unit: by its name, and by an address at which it answers.
//!
//! A position that may not reach a unit often has no name for it. Then a refusal by name would say nothing about the network.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::isolation;
use super::step_result::StepResult;
use crate::agent::protocol::{AgentRequest, AgentResponse};
use crate::lifecycle::logged::Provoked;
use crate::lifecycle::session::Session;
use crate::model::Verdict;
use crate::plan::Position;
use crate::spec::model::{Action, Tcp};

/// Time limit of the connection by address, as of one by name.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Name of the captured address.
const ADDRESS: &str = "address";

/// The address at which the unit of this step answers the control agent, which may reach every unit. None if the step names no
/// unit, or the unit answers nobody: then a refusal by name is all there is to see. An error if the control agent does not answer.
pub(super) async fn address(session: &Session, step: &Tcp) -> Result<Option<String>, String> {
    let unit = step.to.rsplit_once(':').and_then(|(host, _)| session.lease.plan.unit(host.split('.').next()?));
    if unit.is_none() {
        return Ok(None);
    }
    let capture = BTreeMap::from([(ADDRESS.to_owned(), ADDRESS.to_owned())]);
    let action = Box::new(Action::Tcp(Tcp { to: step.to.clone(), refused: false, capture }));
    let agent = session.agent(&Position::Control).await.map_err(|e| format!("failed to {e}"))?;
    match agent.ask(AgentRequest::Step { action, within_ms: None }).await {
        Ok(AgentResponse::Passed { mut captured, .. }) => Ok(captured.remove(ADDRESS)),
        Ok(AgentResponse::Failed(failure)) if !failure.inconclusive => Ok(None),
        Ok(other) => Err(format!("unexpected answer from the control agent: {other:?}")),
        Err(lost) => Err(format!("failed to {lost}")),
    }
}

/// Notes a refusal that this action provoked at a broker or database, so that nobody takes its traces for a cause.
pub(super) fn note_provoked(session: &Session, action: &Action, from: Timestamp) {
    let broker = || session.lease.plan.broker.as_ref().map(|b| b.name.clone());
    let (unit, user) = match action {
        Action::AmqpLogin(a) if a.refused => (broker(), &a.user),
        Action::AmqpTry(a) if a.refused => (broker(), &a.user),
        Action::Sql(a) if a.refused => (Some(a.database.clone()), &a.role),
        _ => return,
    };
    if let Some(unit) = unit {
        session.logbook.note_provoked(Provoked { unit, user: user.clone(), from, until: Timestamp::now() });
    }
}

/// The request to connect by address.
pub(super) fn request(address: String) -> AgentRequest {
    let timeout_ms = u64::try_from(TIMEOUT.as_millis()).unwrap_or(u64::MAX);
    AgentRequest::Reach { addresses: vec![address], timeout_ms }
}

/// The result of both attempts. What is open although the network enforces nothing is inconclusive.
pub(super) async fn judge(
    session: &Session,
    step: &Tcp,
    by_name: StepResult,
    by_address: Option<Result<AgentResponse, String>>,
) -> StepResult {
    let expected = format!("no connection to {}", step.to);
    let result = match (by_name.verdict, by_address) {
        (Verdict::Passed, Some(Ok(AgentResponse::Reached { reached }))) => match reached.first() {
            Some(address) => {
                StepResult::failed(expected, format!("the name is refused, and {address} accepted the connection"))
            }
            None => by_name,
        },
        (Verdict::Passed, Some(other)) => {
            let why = other.map_or_else(|why| why, |answer| format!("unexpected answer from the agent: {answer:?}"));
            StepResult::inconclusive(expected, format!("its address could not be tried: {why}"))
        }
        _ => by_name,
    };
    if result.verdict == Verdict::Failed { isolation::unless_open(session, result).await } else { result }
}
