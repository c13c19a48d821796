//! Starts and stops single units of a session, and waits until they are ready.

use std::time::{Duration, Instant};

use super::RunEvent;
use super::clock::elapsed_ms;
use super::session::Session;
use crate::agent::client::AgentLost;
use crate::agent::protocol::{AgentRequest, AgentResponse};
use crate::plan::{Position, ReadyPlan, Unit};
use crate::render::labels;
use crate::spec::model::Restart;

/// How long before its time limit a wait must end to have ended early.
const EARLY_MS: u64 = 500;

impl Session {
    /// Stops a unit for a suite.
    pub async fn stop_unit(&self, unit: &str) -> Result<(), String> {
        let copies = self.lease.plan.unit(unit).map_or(1, |u| u.replicas.max(1));
        let before = self.ledger.expect_end(unit, (1..=copies).map(|copy| labels::copy_name(unit, copy)));
        self.forget_agent(&Position::Inside(unit.to_owned())).await;
        self.engine.stop(&self.lease, unit).await.map_err(|e| format!("failed to {e}"))?;
        self.ledger.await_ends(&before).await;
        self.journal.record(RunEvent::UnitStopped { unit: unit.to_owned() });
        Ok(())
    }

    /// Starts a unit for a suite and waits until it is ready; returns the elapsed milliseconds.
    pub async fn start_unit(&self, unit: &str) -> Result<u64, String> {
        let start = Instant::now();
        let planned = self.lease.plan.unit(unit).ok_or_else(|| format!("service {unit} does not exist"))?;
        self.forget_agent(&Position::Inside(unit.to_owned())).await;
        self.journal.record(RunEvent::UnitStarting { unit: unit.to_owned() });
        self.engine.start(&self.lease, unit).await.map_err(|e| format!("failed to {e}"))?;
        self.ledger.started(unit);
        self.follow_log(unit).await;
        self.wait_until_ready(planned).await?;
        let took_ms = elapsed_ms(start);
        self.journal.record(RunEvent::UnitReady { unit: unit.to_owned(), took_ms });
        Ok(took_ms)
    }

    /// Waits until the agent finds the unit ready.
    pub(super) async fn wait_until_ready(&self, unit: &Unit) -> Result<(), String> {
        if let ReadyPlan::StayUp { ms } = unit.ready {
            return self.stays_up(unit, ms).await;
        }
        let start = Instant::now();
        loop {
            let left = unit.within_ms.saturating_sub(elapsed_ms(start));
            match self.probe(unit, left).await? {
                // The connection broke, as when an API server restarts: a new agent continues for the time left.
                Err(lost) if left > 0 => {
                    tracing::debug!(unit = unit.name, "failed to {lost}");
                    self.forget_agent(&Position::Control).await;
                }
                answer => return readiness(unit, left, answer),
            }
        }
    }

    /// Waits for the time itself: it is the condition. While an environment comes up, its watch interrupts the wait.
    async fn stays_up(&self, unit: &Unit, ms: u64) -> Result<(), String> {
        tokio::time::sleep(Duration::from_millis(ms)).await;
        if self.ledger.knows(&unit.name) && unit.restart == Restart::Never {
            return Err(format!("its process ended within {}, and must run for that time", seconds(ms)));
        }
        Ok(())
    }

    async fn probe(&self, unit: &Unit, within_ms: u64) -> Result<Result<AgentResponse, AgentLost>, String> {
        let agent = self.agent(&Position::Control).await.map_err(|e| format!("failed to {e}"))?;
        let at = self.engine.unit_address(&self.lease, &unit.name).await;
        let ask = AgentRequest::Ready { unit: unit.name.clone(), ready: unit.ready.clone(), within_ms, at };
        let (journal, name) = (self.journal.clone(), unit.name.clone());
        let on_progress = move |last| journal.record(RunEvent::UnitWaiting { unit: name.clone(), last });
        Ok(agent.ask_with_progress(ask, on_progress).await)
    }
}

fn readiness(unit: &Unit, limit_ms: u64, answer: Result<AgentResponse, AgentLost>) -> Result<(), String> {
    match answer {
        Ok(AgentResponse::Ready) => Ok(()),
        // An error that does not pass ends the waiting early.
        Ok(AgentResponse::Failed(f)) if f.waited_ms + EARLY_MS < limit_ms => {
            Err(format!("failed after {} ms: expected {}; got: {}", f.waited_ms, f.expected, f.got))
        }
        Ok(AgentResponse::Failed(f)) => Err(format!(
            "not ready within {}: expected {}; last answer: {}",
            seconds(unit.within_ms),
            f.expected,
            f.got
        )),
        Ok(AgentResponse::Error { message }) => Err(message),
        Ok(other) => Err(format!("unexpected answer from the agent: {other:?}")),
        Err(lost) => Err(format!("failed to {lost}")),
    }
}

fn seconds(ms: u64) -> String {
    if ms.is_multiple_of(1000) { format!("{} s", ms / 1000) } else { format!("{ms} ms") }
}
