//! What the controller counts, in the OpenMetrics text format.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::crd::{Phase, TestEnvironmentSummary};

type Labels = Vec<(&'static str, String)>;

/// All of it. What is counted starts at nothing with each start of the controller.
pub struct Metrics {
    registry: Registry,
    environments: Family<Labels, Gauge>,
    queue: Gauge,
    leader: Gauge,
    runs: Family<Labels, Counter>,
    ready: Histogram,
    reconcile: Histogram,
    errors: Family<Labels, Counter>,
    removed: Family<Labels, Counter>,
    limit: Gauge<i64, std::sync::atomic::AtomicI64>,
    first: Gauge<f64, AtomicU64>,
}

impl Metrics {
    /// Nothing counted yet; `limit` is how many runs may go on at once.
    pub fn new(limit: usize) -> Self {
        let mut registry = Registry::with_prefix("dayfly");
        let m = Self {
            environments: Family::default(),
            queue: Gauge::default(),
            leader: Gauge::default(),
            runs: Family::default(),
            ready: Histogram::new([1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0]),
            reconcile: Histogram::new([0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0]),
            errors: Family::default(),
            removed: Family::default(),
            limit: Gauge::default(),
            first: Gauge::default(),
            registry: Registry::default(),
        };
        m.limit.set(i64::try_from(limit).unwrap_or(i64::MAX));
        registry.register("environments", "TestEnvironments by phase", m.environments.clone());
        registry.register("queue_length", "TestEnvironments that wait for their turn", m.queue.clone());
        registry.register("run_limit", "Runs that may go on at once", m.limit.clone());
        registry.register("leader", "1 where this replica acts", m.leader.clone());
        registry.register("runs", "Ended runs by outcome", m.runs.clone());
        let seconds = Unit::Seconds;
        registry.register_with_unit(
            "ready",
            "From the start of a run until all is ready",
            seconds.clone(),
            m.ready.clone(),
        );
        registry.register_with_unit("reconcile", "One step for one object", seconds.clone(), m.reconcile.clone());
        registry.register("reconcile_errors", "Steps that failed, by step", m.errors.clone());
        registry.register("removed", "Environments that the controller removed, by reason", m.removed.clone());
        registry.register_with_unit(
            "first_reconcile",
            "From the start of the process to its first step",
            seconds,
            m.first.clone(),
        );
        Self { registry, ..m }
    }

    /// Whether this replica acts.
    pub fn leads(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    /// A run ended.
    pub fn ended(&self, outcome: &str) {
        self.runs.get_or_create(&vec![("outcome", outcome.to_owned())]).inc();
    }

    /// All services of a run were ready after so long.
    pub fn ready(&self, after: Duration) {
        self.ready.observe(after.as_secs_f64());
    }

    /// A step was made.
    pub fn stepped(&self, took: Duration) {
        self.reconcile.observe(took.as_secs_f64());
    }

    /// The first step was made, so long after the start.
    pub fn begun(&self, after: Duration) {
        self.first.set(after.as_secs_f64());
    }

    /// A step failed.
    pub fn failed(&self, step: &str) {
        self.errors.get_or_create(&vec![("step", step.to_owned())]).inc();
    }

    /// An environment was removed by the controller itself.
    pub fn removed(&self, reason: &str) {
        self.removed.get_or_create(&vec![("reason", reason.to_owned())]).inc();
    }

    /// Everything as text; `all` are the objects as they are now.
    pub fn render<'a>(&self, all: impl Iterator<Item = &'a TestEnvironmentSummary>) -> String {
        let mut queue = 0;
        let mut counts = Phase::ALL.map(|phase| (phase, 0_i64));
        for object in all {
            let phase = object.status.as_ref().and_then(|s| s.phase);
            counts.iter_mut().filter(|(p, _)| Some(*p) == phase).for_each(|(_, n)| *n += 1);
            queue += i64::from(phase == Some(Phase::Queued));
        }
        self.queue.set(queue);
        for (phase, n) in counts {
            self.environments.get_or_create(&vec![("phase", format!("{phase:?}"))]).set(n);
        }
        let mut text = String::new();
        // Writing into a String cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phase_is_there_and_what_was_counted_shows() {
        let metrics = Metrics::new(5);
        metrics.ended("PASSED");
        metrics.removed("expired");
        let text = metrics.render(std::iter::empty());
        for line in [
            "dayfly_environments{phase=\"Queued\"} 0",
            "dayfly_run_limit 5",
            "dayfly_runs_total{outcome=\"PASSED\"} 1",
            "dayfly_removed_total{reason=\"expired\"} 1",
            "# UNIT dayfly_ready_seconds seconds",
            "# EOF",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
