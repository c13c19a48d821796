//! Asks agents. An agent that is lost is started again, and asked again where that is safe; no waiting is without a limit.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::RunEvent;
use super::clock::seconds;
use super::session::Session;
use crate::agent::protocol::{AgentRequest, AgentResponse};
use crate::plan::{Position, Unit};

/// Time after an outage in which a failure may still be its consequence: networks and watches recover one after the other.
const AFTERMATH: Duration = Duration::from_secs(60);
/// Time limit for an agent to be reached again.
const REACH_LIMIT: Duration = Duration::from_secs(90);
/// Pause before an agent is started again.
const PAUSE: Duration = Duration::from_millis(500);
/// Agents that may be lost with the same request.
const LOSSES: u8 = 3;
/// How long before its time limit a wait must end to have ended early.
const EARLY_MS: u64 = 500;
/// Time for the answer to arrive that an agent gives at the end of its own limit.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

impl Session {
    /// Asks the agent at a position. If it is lost, a new one is asked, unless the request may have had an effect that a
    /// second one would repeat. The error is the reason why there is no answer.
    pub async fn ask(&self, position: &Position, request: AgentRequest) -> Result<AgentResponse, String> {
        let began = Instant::now();
        let mut losses = 0;
        loop {
            let agent = match self.agent(position).await {
                Ok(agent) => agent,
                Err(e) if began.elapsed() < REACH_LIMIT && self.outage_since(began).is_some() => {
                    tracing::debug!("failed to {e}");
                    sleep(PAUSE).await;
                    continue;
                }
                Err(e) => return Err(format!("failed to {e}")),
            };
            let lost = match agent.ask(request.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(lost) => lost,
            };
            // An agent that lives would not answer a second time either.
            if lost.interfered || !agent.is_lost() {
                return Err(format!("failed to {lost}"));
            }
            if lost.sent && !request.is_repeatable() {
                return Err(format!("failed to {lost}; the request may have had its effect, so it was not repeated"));
            }
            losses += 1;
            if losses == LOSSES {
                return Err(format!("failed to {lost}; {LOSSES} agents were lost, one after the other"));
            }
            tracing::debug!("failed to {lost}; asking another agent");
        }
    }

    /// What was away since this moment, or so shortly before it that its consequences lasted until then.
    pub fn outage_since(&self, moment: Instant) -> Option<String> {
        self.engine.outage_since(moment.checked_sub(AFTERMATH).unwrap_or(moment))
    }

    /// Waits until the agent finds the unit ready, for as long as the unit's own limit, whatever is away meanwhile.
    pub(super) async fn probe(&self, unit: &Unit) -> Result<(), String> {
        let began = Instant::now();
        let limit = Duration::from_millis(unit.within_ms);
        let mut last = String::from("no answer yet");
        let ready = match timeout(limit + ANSWER_LIMIT, self.probe_until(unit, began + limit, &mut last)).await {
            Ok(ready) => ready,
            Err(_) => Err(format!(
                "not ready within {}: the agent that probes it was not reached: {last}",
                seconds(unit.within_ms)
            )),
        };
        ready.map_err(|why| match self.outage_since(began) {
            Some(outage) => format!("{why}. This proves nothing about {}: {outage}", unit.name),
            None => why,
        })
    }

    /// Probes with one agent after the other; `last` is the reason why the last one was lost or could not be started.
    async fn probe_until(&self, unit: &Unit, end: Instant, last: &mut String) -> Result<(), String> {
        let began = Instant::now();
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let agent = match self.agent(&Position::Control).await {
                Ok(agent) => agent,
                Err(e) if !left.is_zero() && self.outage_since(began).is_some() => {
                    *last = format!("failed to {e}");
                    sleep(PAUSE).await;
                    continue;
                }
                Err(e) => return Err(format!("failed to {e}")),
            };
            let at = self.engine.unit_address(&self.lease, &unit.name).await;
            let within_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
            let ask = AgentRequest::Ready { unit: unit.name.clone(), ready: unit.ready.clone(), within_ms, at };
            let (journal, name) = (self.journal.clone(), unit.name.clone());
            let on_progress = move |last| journal.record(RunEvent::UnitWaiting { unit: name.clone(), last });
            match agent.ask_with_progress(ask, on_progress).await {
                Err(lost) if !left.is_zero() && !lost.interfered => *last = format!("failed to {lost}"),
                Err(lost) => return Err(format!("failed to {lost}")),
                Ok(AgentResponse::Ready) => return Ok(()),
                // An error that does not pass ends the waiting early.
                Ok(AgentResponse::Failed(f)) if f.waited_ms + EARLY_MS < within_ms => {
                    return Err(format!("failed after {} ms: expected {}; got: {}", f.waited_ms, f.expected, f.got));
                }
                Ok(AgentResponse::Failed(f)) => {
                    let (limit, expected, got) = (seconds(unit.within_ms), f.expected, f.got);
                    return Err(format!("not ready within {limit}: expected {expected}; last answer: {got}"));
                }
                Ok(AgentResponse::Error { message }) => return Err(message),
                Ok(other) => return Err(format!("unexpected answer from the agent: {other:?}")),
            }
        }
    }
}
