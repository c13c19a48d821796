//! Starts and stops single units of a session.

use std::time::{Duration, Instant};

use super::RunEvent;
use super::clock::{elapsed_ms, seconds};
use super::session::Session;
use crate::plan::{Position, ReadyPlan, Unit};
use crate::render::labels;
use crate::spec::model::Restart;

impl Session {
    /// Stops a unit for a suite.
    pub async fn stop_unit(&self, unit: &str) -> Result<(), String> {
        let copies = self.lease.plan.unit(unit).map(copies).into_iter().flatten();
        let before = self.ledger.expect_end(unit, copies);
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
        let starting = self.ledger.starting(unit);
        let started = self.engine.start(&self.lease, unit).await;
        drop(starting);
        started.map_err(|e| format!("failed to {e}"))?;
        self.follow_log(unit).await;
        self.wait_until_ready(planned).await?;
        let took_ms = elapsed_ms(start);
        self.journal.record(RunEvent::UnitReady { unit: unit.to_owned(), took_ms });
        Ok(took_ms)
    }

    /// Waits until the unit is ready.
    pub(super) async fn wait_until_ready(&self, unit: &Unit) -> Result<(), String> {
        match unit.ready {
            ReadyPlan::StayUp { ms } => self.stays_up(unit, ms).await,
            ReadyPlan::Completes { .. } => self.complete(unit).await,
            ReadyPlan::Exec { ref command } => self.await_command(unit, command).await,
            _ => self.probe(unit).await,
        }
    }

    /// Waits for the time itself: it is the condition. While an environment comes up, its watch interrupts the wait for a unit
    /// that nothing restarts; one that restarts must stay up after its last start.
    async fn stays_up(&self, unit: &Unit, ms: u64) -> Result<(), String> {
        let began = Instant::now();
        loop {
            let before = self.ledger.count_ends(copies(unit));
            tokio::time::sleep(Duration::from_millis(ms)).await;
            if self.ledger.count_ends(copies(unit)) == before {
                return Ok(());
            }
            if unit.restart == Restart::Never || elapsed_ms(began) >= unit.within_ms {
                return Err(format!("its process ended within {}, and must run for that time", seconds(ms)));
            }
        }
    }
}

/// The names of a unit's copies.
fn copies(unit: &Unit) -> impl Iterator<Item = String> + use<'_> {
    (1..=unit.replicas.max(1)).map(|copy| labels::copy_name(&unit.name, copy))
}
