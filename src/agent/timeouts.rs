//! Time limits inside an environment.
//!
//! A limit counts the time in which this process could run. On a busy machine, an answer is late for reasons that are not the
//! service's, and a peer that is only slow must not look like one that is closed.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

/// Time limit of a connection attempt of a readiness probe, so that a silent peer never blocks polling, and of one that must be
/// refused.
pub(super) const CONNECT: Duration = Duration::from_secs(2);
/// Time limit of a readiness attempt.
pub(super) const ATTEMPT: Duration = Duration::from_secs(5);
/// Time limit of a connection that a step expects. It costs time only if the step fails.
pub(super) const STEP_CONNECT: Duration = Duration::from_secs(6);
/// Time limit of an answer that a step expects of a broker or a database.
pub(super) const STEP_ANSWER: Duration = Duration::from_secs(20);
/// Time limit of a step's query.
pub(super) const STEP_QUERY: Duration = Duration::from_secs(60);

/// How many times longer than its limit a wait may take on a busy machine.
pub(super) const LONGEST_STRETCH: u32 = 8;
/// How many times longer than its limit a wait must take to prove nothing about the peer.
const BUSY_STRETCH: u32 = 2;
/// Interval at which the time of this process is measured.
const TICK: Duration = Duration::from_millis(20);
/// Longest tick that counts as one: timers are not exact.
const LONGEST_TICK: Duration = Duration::from_millis(25);

/// No answer came in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TimedOut {
    limit: Duration,
    waited: Duration,
}

impl TimedOut {
    /// Returns true if this process could hardly run meanwhile, so that the silence proves nothing about the peer.
    pub fn is_busy(self) -> bool {
        self.waited >= self.limit.saturating_mul(BUSY_STRETCH)
    }
}

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_busy() {
            return write!(
                f,
                "no answer within {} ms, and the machine was too busy to judge that",
                self.waited.as_millis()
            );
        }
        write!(f, "no answer within {} ms", self.limit.as_millis())
    }
}

/// Measures the time in which this process could run.
pub(super) struct Patience {
    own_us: Arc<AtomicU64>,
    _ticking: AbortOnDropHandle<()>,
}

impl Patience {
    /// Begins to measure. One is enough for waits that run side by side.
    pub fn begin() -> Self {
        let own_us = Arc::new(AtomicU64::new(0));
        let counted = own_us.clone();
        let ticking = tokio::spawn(async move {
            loop {
                let began = Instant::now();
                sleep(TICK).await;
                let tick = began.elapsed().min(LONGEST_TICK);
                counted.fetch_add(u64::try_from(tick.as_micros()).unwrap_or_default(), Ordering::Relaxed);
            }
        });
        Self { own_us, _ticking: AbortOnDropHandle::new(ticking) }
    }

    /// Waits for `work` until this process could run for `limit`, and at most `LONGEST_STRETCH` times as long.
    pub async fn wait<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Result<T, TimedOut> {
        let (began, before) = (Instant::now(), self.own_us.load(Ordering::Relaxed));
        let mut work = std::pin::pin!(work);
        loop {
            let own = Duration::from_micros(self.own_us.load(Ordering::Relaxed) - before);
            let waited = began.elapsed();
            let left = limit.saturating_sub(own).min(limit.saturating_mul(LONGEST_STRETCH).saturating_sub(waited));
            if left.is_zero() {
                return Err(TimedOut { limit, waited });
            }
            // Work that is done counts, however late it is seen.
            if let Ok(done) = timeout(left.max(Duration::from_millis(1)), &mut work).await {
                return Ok(done);
            }
        }
    }
}

/// Waits for one thing; see [`Patience::wait`].
pub(super) async fn patiently<T>(limit: Duration, work: impl Future<Output = T>) -> Result<T, TimedOut> {
    Patience::begin().wait(limit, work).await
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(2);

    /// A measure that counts this part of each second as time of this process.
    fn measure(share: u64) -> Patience {
        let own_us = Arc::new(AtomicU64::new(0));
        let counted = own_us.clone();
        let ticking = tokio::spawn(async move {
            loop {
                sleep(Duration::from_millis(100)).await;
                counted.fetch_add(100_000 * share / 100, Ordering::Relaxed);
            }
        });
        Patience { own_us, _ticking: AbortOnDropHandle::new(ticking) }
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_is_exact_on_an_idle_machine() {
        let began = Instant::now();
        let end = patiently(LIMIT, std::future::pending::<()>()).await.unwrap_err();
        assert!(began.elapsed() <= LIMIT + TICK * 2, "{:?}", began.elapsed());
        assert_eq!((end.is_busy(), end.to_string().as_str()), (false, "no answer within 2000 ms"));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_late_on_a_busy_machine_counts() {
        let late = async {
            sleep(LIMIT * 3).await;
            "answer"
        };
        assert_eq!(measure(25).wait(LIMIT, late).await, Ok("answer"));
    }

    #[tokio::test(start_paused = true)]
    async fn silence_on_a_busy_machine_proves_nothing_and_still_ends() {
        for share in [25, 0] {
            let began = Instant::now();
            let end = measure(share).wait(LIMIT, std::future::pending::<()>()).await.unwrap_err();
            assert!(end.is_busy() && end.to_string().contains("too busy"), "{end}");
            assert!(began.elapsed() <= LIMIT * LONGEST_STRETCH + TICK);
        }
        assert!(!measure(80).wait(LIMIT, std::future::pending::<()>()).await.unwrap_err().is_busy());
    }
}
