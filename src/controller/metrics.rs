//! Metrics of the controller, in the OpenMetrics text format.

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

/// All metrics; counters start at zero with each start of the controller.
pub struct Metrics {
    registry: Registry,
    environments: Family<Labels, Gauge>,
    queue: Gauge,
    leader: Gauge,
    runs: Family<Labels, Counter>,
    ready: Histogram,
    reconcile: Histogram,
    reconciles: Family<Labels, Counter>,
    errors: Family<Labels, Counter>,
    removed: Family<Labels, Counter>,
    limit: Gauge<i64, std::sync::atomic::AtomicI64>,
    first: Gauge<f64, AtomicU64>,
}

impl Metrics {
    /// Metrics at zero; `limit` is the maximum number of environments.
    pub fn new(limit: usize) -> Self {
        let mut registry = Registry::with_prefix("dayfly");
        let m = Self {
            environments: Family::default(),
            queue: Gauge::default(),
            leader: Gauge::default(),
            runs: Family::default(),
            ready: Histogram::new([1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0]),
            reconcile: Histogram::new([0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0]),
            reconciles: Family::default(),
            errors: Family::default(),
            removed: Family::default(),
            limit: Gauge::default(),
            first: Gauge::default(),
            registry: Registry::default(),
        };
        m.limit.set(i64::try_from(limit).unwrap_or(i64::MAX));
        registry.register("environments", "Number of TestEnvironments by phase", m.environments.clone());
        registry.register("queue_length", "Number of TestEnvironments that wait in the queue", m.queue.clone());
        registry.register(
            "run_limit",
            "Maximum number of environments: those of active runs, and kept ones",
            m.limit.clone(),
        );
        registry.register("leader", "Whether this replica is the leader (1) or not (0)", m.leader.clone());
        registry.register("runs", "Number of ended runs by outcome", m.runs.clone());
        let seconds = Unit::Seconds;
        registry.register_with_unit(
            "time_to_ready",
            "Time from the start of a run until all services are ready, in seconds",
            seconds.clone(),
            m.ready.clone(),
        );
        registry.register_with_unit(
            "reconcile_duration",
            "Time of one reconcile, in seconds",
            seconds.clone(),
            m.reconcile.clone(),
        );
        registry.register("reconciles", "Number of reconciles by what caused them", m.reconciles.clone());
        registry.register("reconcile_errors", "Number of failed reconciles by action", m.errors.clone());
        registry.register(
            "environments_removed",
            "Number of environments removed by the controller, by reason",
            m.removed.clone(),
        );
        registry.register_with_unit(
            "first_reconcile",
            "Time from the start of the process to the first reconcile, in seconds",
            seconds,
            m.first.clone(),
        );
        Self { registry, ..m }
    }

    /// Sets whether this replica is the leader.
    pub fn set_leader(&self, leader: bool) {
        self.leader.set(i64::from(leader));
    }

    /// Counts an ended run.
    pub fn count_run(&self, outcome: &str) {
        self.runs.get_or_create(&vec![("outcome", outcome.to_owned())]).inc();
    }

    /// Observes the time until all services of a run were ready.
    pub fn observe_ready(&self, after: Duration) {
        self.ready.observe(after.as_secs_f64());
    }

    /// Counts one reconcile and observes its time.
    pub fn observe_reconcile(&self, trigger: &str, took: Duration) {
        self.reconciles.get_or_create(&vec![("trigger", trigger.to_owned())]).inc();
        self.reconcile.observe(took.as_secs_f64());
    }

    /// Sets the time from the start to the first reconcile.
    pub fn set_first_reconcile(&self, after: Duration) {
        self.first.set(after.as_secs_f64());
    }

    /// Counts a failed reconcile.
    pub fn count_error(&self, action: &str) {
        self.errors.get_or_create(&vec![("action", action.to_owned())]).inc();
    }

    /// Counts an environment that the controller removed.
    pub fn count_removal(&self, reason: &str) {
        self.removed.get_or_create(&vec![("reason", reason.to_owned())]).inc();
    }

    /// Renders all metrics; `all` holds the current objects.
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
    fn renders_every_phase_and_every_count() {
        let metrics = Metrics::new(5);
        metrics.count_run("PASSED");
        metrics.count_removal("expired");
        metrics.observe_reconcile("object", Duration::ZERO);
        let text = metrics.render(std::iter::empty());
        for line in [
            "dayfly_environments{phase=\"Queued\"} 0",
            "dayfly_run_limit 5",
            "dayfly_runs_total{outcome=\"PASSED\"} 1",
            "dayfly_reconciles_total{trigger=\"object\"} 1",
            "dayfly_environments_removed_total{reason=\"expired\"} 1",
            "# UNIT dayfly_time_to_ready_seconds seconds",
            "# EOF",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
