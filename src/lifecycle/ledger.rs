//! Remembers which copies of units ended, and which of these ends a suite asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::engine::EngineEvent;

/// Time limit for the watch to report an end that the engine has already confirmed.
const REPORT_LIMIT: Duration = Duration::from_secs(5);

/// The ends of an environment's units. Clones share one ledger.
#[derive(Clone, Default)]
pub struct Ledger(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    /// Units that a suite has stopped and not started again: their ends are expected.
    stopped: BTreeSet<String>,
    /// Units that a suite is starting: the engine may replace what is left of them, but no process may end.
    starting: BTreeSet<String>,
    /// The number of reported ends, by copy.
    ends: BTreeMap<String, u32>,
    /// The last reported exit, by copy.
    exits: BTreeMap<String, Exit>,
    /// Units of which an end was reported since a suite started them, if one did.
    ended: BTreeSet<String>,
    /// Units that ended, or that a suite stopped or started, at any time.
    changed: BTreeSet<String>,
}

/// The exit of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    pub code: i64,
    pub oom_killed: bool,
}

/// A suite starts a unit, until this is dropped; also if its time is over before.
#[must_use]
pub struct Starting {
    ledger: Ledger,
    unit: String,
}

impl Drop for Starting {
    fn drop(&mut self) {
        self.ledger.state().starting.remove(&self.unit);
    }
}

/// The reported ends of some copies before they were stopped.
pub struct Before(BTreeMap<String, u32>);

impl Ledger {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes an event; returns true if a unit ended and no suite asked for it.
    pub fn note(&self, event: &EngineEvent) -> bool {
        let (EngineEvent::Exited { unit, copy, .. } | EngineEvent::Gone { unit, copy, .. }) = event else {
            return false;
        };
        let mut state = self.state();
        *state.ends.entry(copy.clone()).or_default() += 1;
        if let EngineEvent::Exited { code, oom_killed, .. } = event {
            state.exits.insert(copy.clone(), Exit { code: *code, oom_killed: *oom_killed });
        }
        state.ended.insert(unit.clone());
        state.changed.insert(unit.clone());
        let replaced = matches!(event, EngineEvent::Gone { .. }) && state.starting.contains(unit);
        let asked = replaced || state.stopped.contains(unit);
        drop(state);
        self.0.changed.notify_waiters();
        !asked
    }

    /// Expects the end of a unit from now on, until it is started.
    pub fn expect_end(&self, unit: &str, copies: impl Iterator<Item = String>) -> Before {
        let mut state = self.state();
        state.stopped.insert(unit.to_owned());
        state.changed.insert(unit.to_owned());
        Before(copies.map(|copy| (copy.clone(), state.ends.get(&copy).copied().unwrap_or_default())).collect())
    }

    /// Waits until each copy has ended once more, so that a late report is not taken for another end. Copies that had ended
    /// before they were stopped do not end again: then the time limit ends the wait.
    pub async fn await_ends(&self, Before(before): &Before) {
        let waiting = async {
            loop {
                let changed = self.0.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                {
                    let state = self.state();
                    if before.iter().all(|(copy, count)| state.ends.get(copy).is_some_and(|now| now > count)) {
                        return;
                    }
                }
                changed.await;
            }
        };
        if tokio::time::timeout(REPORT_LIMIT, waiting).await.is_err() {
            tracing::debug!("no end was reported within {} s", REPORT_LIMIT.as_secs());
        }
    }

    /// Forgets the exit of a copy that runs again.
    pub fn forget_exit(&self, copy: &str) {
        self.state().exits.remove(copy);
    }

    /// Waits until an exit of a copy is reported.
    pub async fn await_exit(&self, copy: &str) -> Exit {
        loop {
            let changed = self.0.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(exit) = self.state().exits.get(copy) {
                return *exit;
            }
            changed.await;
        }
    }

    /// Expects no end of a unit any more, because a suite starts it. Until what this returns is dropped, the engine may
    /// replace what is left of the unit.
    pub fn starting(&self, unit: &str) -> Starting {
        let mut state = self.state();
        state.stopped.remove(unit);
        state.ended.remove(unit);
        state.starting.insert(unit.to_owned());
        state.changed.insert(unit.to_owned());
        Starting { ledger: self.clone(), unit: unit.to_owned() }
    }

    /// Forgets what happened while the environment came up, from which the suites begin.
    pub fn begin(&self) {
        let mut state = self.state();
        state.ended.clear();
        state.changed.clear();
    }

    /// The number of reported ends of these copies.
    pub fn count_ends(&self, copies: impl Iterator<Item = String>) -> u32 {
        let state = self.state();
        copies.map(|copy| state.ends.get(&copy).copied().unwrap_or_default()).fold(0, u32::saturating_add)
    }

    /// Reports whether an end of a unit was ever reported, or asked for.
    pub fn has_changed(&self, unit: &str) -> bool {
        self.state().changed.contains(unit)
    }

    /// Reports whether the end of a unit is known, or expected.
    pub fn knows(&self, unit: &str) -> bool {
        let state = self.state();
        state.stopped.contains(unit) || state.ended.contains(unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exited(copy: &str) -> EngineEvent {
        EngineEvent::Exited { unit: "api".into(), copy: copy.into(), code: 0, oom_killed: false }
    }

    fn copies() -> impl Iterator<Item = String> {
        ["api".to_owned(), "api-2".to_owned()].into_iter()
    }

    #[test]
    fn expects_ends_only_between_a_stop_and_a_start() {
        let ledger = Ledger::default();
        assert!(ledger.note(&exited("api")));
        ledger.expect_end("api", copies());
        assert!(!ledger.note(&exited("api")));
        let starting = ledger.starting("api");
        assert!(!ledger.knows("api"));
        // The engine replaces what is left; a process that ends at once is no part of that.
        let gone = EngineEvent::Gone { unit: "api".into(), copy: "api".into(), why: "gone".into() };
        assert!(!ledger.note(&gone) && ledger.note(&exited("api")));
        drop(starting);
        assert!(ledger.note(&gone));
        ledger.begin();
        assert!(!ledger.knows("api") && !ledger.has_changed("api"));
        assert!(ledger.note(&exited("api")) && ledger.knows("api"));
        assert!(!ledger.note(&EngineEvent::LeaseChanged));
    }

    #[tokio::test(start_paused = true)]
    async fn waits_until_every_copy_has_ended() {
        let ledger = Ledger::default();
        ledger.note(&exited("api"));
        let before = ledger.expect_end("api", copies());
        let start = tokio::time::Instant::now();
        let later = ledger.clone();
        let reports = async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            later.note(&exited("api"));
            tokio::time::sleep(Duration::from_millis(10)).await;
            later.note(&exited("api-2"));
        };
        tokio::join!(ledger.await_ends(&before), reports);
        assert_eq!(start.elapsed(), Duration::from_millis(20));
        // Nothing ends any more.
        ledger.await_ends(&ledger.expect_end("api", copies())).await;
        assert_eq!(start.elapsed(), Duration::from_millis(20) + REPORT_LIMIT);
    }
}
