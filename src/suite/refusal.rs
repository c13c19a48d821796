//! Judges a refused TCP connection to a unit: by its name, and by an address at which it answers.
//!
//! A position that may not reach a unit often has no name for it. Then a refusal by name would say nothing about the network.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::step_result::StepResult;
use super::{isolation, unrestricted_ports};
use crate::agent::protocol::{AgentRequest, AgentResponse};
use crate::lifecycle::logged::Provoked;
use crate::lifecycle::session::Session;
use crate::model::Verdict;
use crate::plan::Position;
use crate::spec::model::{Action, Tcp};

/// Time limit of the connection by address, as of one by name.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Longest time of a control that shows that a refused connection was really refused, and not only late.
const PROMPT: Duration = Duration::from_secs(1);
/// Attempts until the control is prompt.
const ATTEMPTS: u8 = 3;
/// Name of the captured address.
const ADDRESS: &str = "address";

/// Tries the connection by name and by address, and at the same time a connection of the control agent, which must be prompt.
pub(super) async fn perform(
    session: &Session,
    step: &Tcp,
    position: &Position,
    by_name: impl AsyncFn() -> StepResult,
) -> StepResult {
    let mut attempt = 1;
    loop {
        let by_address = async {
            match address(session, step).await {
                Ok(None) => (None, None),
                Ok(Some(address)) => {
                    let tried = session.ask(position, request(&address));
                    let (tried, late) = tokio::join!(tried, late(session, &address));
                    (Some(tried), late)
                }
                Err(why) => (Some(Err(why)), None),
            }
        };
        let (by_name, (by_address, late)) = tokio::join!(by_name(), by_address);
        if by_name.verdict == Verdict::Passed && late.is_some() && attempt < ATTEMPTS {
            attempt += 1;
            continue;
        }
        let result = judge(step, by_name, by_address, late);
        let failed = result.verdict == Verdict::Failed;
        let result = unrestricted_ports::unless_concerned(session, step, position, result);
        // What is open although the network enforces nothing is inconclusive.
        return if failed { isolation::unless_open(session, result).await } else { result };
    }
}

/// The address at which the unit of this step answers the control agent, which may reach every unit. None if the step names no
/// unit, or the unit answers nobody: then a refusal by name is all there is to see. An error if the control agent does not answer.
async fn address(session: &Session, step: &Tcp) -> Result<Option<String>, String> {
    let unit = step.to.rsplit_once(':').and_then(|(host, _)| session.lease.plan.unit(host.split('.').next()?));
    if unit.is_none() {
        return Ok(None);
    }
    let capture = BTreeMap::from([(ADDRESS.to_owned(), ADDRESS.to_owned())]);
    let action = Box::new(Action::Tcp(Tcp { to: step.to.clone(), refused: false, capture }));
    match session.ask(&Position::Control, AgentRequest::Step { action, within_ms: None }).await? {
        AgentResponse::Passed { mut captured, .. } => Ok(captured.remove(ADDRESS)),
        AgentResponse::Failed(failure) if failure.inconclusive => Err(failure.got),
        AgentResponse::Failed(_) => Ok(None),
        other => Err(format!("unexpected answer from the control agent: {other:?}")),
    }
}

/// Notes a refusal that this action provoked at a broker, a database or a backing service, so that nobody takes its traces for a cause.
pub(super) fn note_provoked(session: &Session, action: &Action, from: Timestamp) {
    let broker = || session.lease.plan.broker.as_ref().map(|b| b.name.clone());
    let (unit, user) = match action {
        Action::AmqpLogin(a) if a.refused => (broker(), a.user.clone()),
        Action::AmqpTry(a) if a.refused => (broker(), a.user.clone()),
        Action::Sql(a) if a.refused => (Some(a.database.clone()), a.role.clone()),
        Action::Redis(a) if a.refused => (Some(a.service.clone()), a.user.clone()),
        // It has keys, and no users.
        Action::S3(a) if a.refused => (Some(a.service.clone()), String::new()),
        _ => return,
    };
    if let Some(unit) = unit {
        session.logbook.note_provoked(Provoked { unit, user, from, until: Timestamp::now() });
    }
}

/// The request to connect by address.
fn request(address: &str) -> AgentRequest {
    let timeout_ms = u64::try_from(TIMEOUT.as_millis()).unwrap_or(u64::MAX);
    AgentRequest::Reach { addresses: vec![address.to_owned()], timeout_ms }
}

/// Why the control agent's connection was not prompt, if it was not.
async fn late(session: &Session, address: &str) -> Option<String> {
    let began = Instant::now();
    match session.ask(&Position::Control, request(address)).await {
        Ok(AgentResponse::Reached { reached, .. }) if !reached.is_empty() => {
            let took = began.elapsed();
            (took > PROMPT).then(|| format!("the control agent needed {} ms for the same connection", took.as_millis()))
        }
        Ok(AgentResponse::Reached { .. }) => Some("the control agent was not let in at the same time either".into()),
        Ok(other) => Some(format!("unexpected answer from the control agent: {other:?}")),
        Err(why) => Some(why),
    }
}

/// The result of all attempts.
fn judge(
    step: &Tcp,
    by_name: StepResult,
    by_address: Option<Result<AgentResponse, String>>,
    late: Option<String>,
) -> StepResult {
    let expected = format!("no connection to {}", step.to);
    let unproven = |why: String| StepResult::inconclusive(expected.clone(), why);
    match (by_name.verdict, by_address) {
        (Verdict::Passed, Some(Ok(AgentResponse::Reached { reached, busy }))) => match (reached.first(), late) {
            (Some(address), _) => {
                StepResult::failed(expected, format!("the name is refused, and {address} accepted the connection"))
            }
            (None, Some(late)) => unproven(format!("the connection may only be late: {late}")),
            (None, None) if busy => unproven("the machine was too busy to tell a refusal from a late answer".into()),
            (None, None) => by_name,
        },
        (Verdict::Passed, Some(other)) => {
            let why = other.map_or_else(|why| why, |answer| format!("unexpected answer from the agent: {answer:?}"));
            unproven(format!("its address could not be tried: {why}"))
        }
        _ => by_name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(reached: &[&str], busy: bool, late: Option<&str>) -> Verdict {
        let step = Tcp { to: "db:5432".into(), refused: true, capture: BTreeMap::new() };
        let reached = reached.iter().map(|a| (*a).to_owned()).collect();
        let by_address = Some(Ok(AgentResponse::Reached { reached, busy }));
        judge(&step, StepResult::passed("refused"), by_address, late.map(str::to_owned)).verdict
    }

    #[test]
    fn a_late_connection_is_no_refused_one() {
        assert_eq!(judged(&[], false, None), Verdict::Passed);
        assert_eq!(judged(&[], true, None), Verdict::Inconclusive);
        assert_eq!(judged(&[], false, Some("it took long")), Verdict::Inconclusive);
        // An open connection is open, however slow.
        assert_eq!(judged(&["10.0.0.1:5432"], true, Some("it took long")), Verdict::Failed);
    }
}
