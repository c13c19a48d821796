//! Runs jobs: each to its end, and again after an exit code other than 0.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::clock::seconds;
use super::exit_text::exit_reason;
use super::session::Session;
use super::{RunEvent, failure};
use crate::engine::EngineError;
use crate::plan::{Plan, ReadyPlan, Unit, UnitKind};
use crate::report::facts::{Cause, CauseKind};

/// The jobs of a plan that run after the suites, each after those that it needs.
fn after_suites(plan: &Plan) -> impl Iterator<Item = &Unit> {
    plan.units.iter().filter(|u| u.kind == UnitKind::Job && u.start_late)
}

impl Session {
    /// Waits until a job that was started has ended with exit code 0, and starts it again as often as its description says.
    /// The events of the environment must be handled meanwhile.
    pub(super) async fn complete(&self, job: &Unit) -> Result<(), String> {
        let until = Instant::now() + Duration::from_millis(job.within_ms);
        let retries = if let ReadyPlan::Completes { retries } = job.ready { retries } else { 0 };
        for attempt in 1..=retries + 1 {
            // It is left to the removal, so that its log can be read until then.
            let exit = timeout_at(until, self.ledger.await_exit(&job.name)).await;
            let exit = exit.map_err(|_| format!("it has not ended within {}", seconds(job.within_ms)))?;
            if exit.code == 0 && !exit.oom_killed {
                return Ok(());
            }
            let reason = exit_reason(exit.code, exit.oom_killed, Some(job.limits));
            if attempt > retries {
                let often = if retries > 0 { format!(" in the last of {attempt} attempts") } else { String::new() };
                return Err(format!("{reason}{often}"));
            }
            let last = format!("{reason}; attempt {} of {}", attempt + 1, retries + 1);
            self.journal.record(RunEvent::UnitWaiting { unit: job.name.clone(), last });
            self.start_job(job).await.map_err(|e| format!("failed to {e}"))?;
        }
        Ok(())
    }

    /// Starts a job, whose earlier exit does not count any more.
    pub(super) async fn start_job(&self, job: &Unit) -> Result<(), EngineError> {
        if self.engine.replaces_ended() {
            self.unfollow_log(&job.name).await;
        }
        self.ledger.forget_exit(&job.name);
        self.engine.start(&self.lease, &job.name).await?;
        self.follow_log(&job.name).await;
        Ok(())
    }

    /// Runs the jobs that follow the suites, one after the other. A job that fails adds a cause, and what needs it does not run.
    pub async fn run_jobs_after_suites(&self) {
        let mut failed: Vec<&str> = vec![];
        for job in after_suites(&self.lease.plan) {
            let missing = job.needs.iter().find(|need| failed.contains(&need.as_str()));
            let done = match missing {
                Some(need) => Err(format!("it did not run: the job {need}, which it needs, failed")),
                None => self.run_job(job).await,
            };
            if let Err(reason) = done {
                let failure = failure::explain(self, &job.name, CauseKind::NotReady, reason).await;
                let (unit, reason, log) = (job.name.clone(), failure.reason, failure.log);
                let cause = Cause { kind: CauseKind::NotReady, text: format!("{unit}: {reason}") };
                self.journal.record(RunEvent::UnitFailed { unit, reason, log });
                self.journal.record(RunEvent::Cause { cause });
                failed.push(&job.name);
            }
        }
    }

    async fn run_job(&self, job: &Unit) -> Result<(), String> {
        let began = std::time::Instant::now();
        self.journal.record(RunEvent::UnitStarting { unit: job.name.clone() });
        self.start_job(job).await.map_err(|e| format!("failed to {e}"))?;
        self.complete(job).await?;
        let took_ms = super::clock::elapsed_ms(began);
        self.journal.record(RunEvent::UnitReady { unit: job.name.clone(), took_ms });
        Ok(())
    }
}
