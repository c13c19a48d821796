//! Records on an environment that it is in use, once or continuously. Errors are logged only; an environment that is gone
//! or belongs to another run stays unchanged.

use std::sync::Arc;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::engine::Engine;
use crate::lease::{Lease, RetentionChange, RetentionUpdate};

/// Interval between two records of one use.
const INTERVAL: std::time::Duration = std::time::Duration::from_secs(60);

/// Records the use now; returns false if the environment is gone or belongs to another run.
pub async fn record_use(engine: &dyn Engine, lease: &Lease) -> bool {
    match engine.update_retention(&lease.environment, lease.run, &RetentionChange::Used(Timestamp::now())).await {
        Ok(RetentionUpdate::Current(_)) => true,
        Ok(_) => false,
        Err(e) => {
            tracing::debug!(environment = lease.environment, "use not recorded: failed to {e}");
            true
        }
    }
}

/// A use that lasts until this is dropped; recorded once a minute, for the first time after a minute.
#[derive(Debug)]
pub struct InUse(CancellationToken);

impl InUse {
    /// Starts recording.
    pub fn start(engine: Arc<dyn Engine>, lease: Lease) -> Self {
        let ended = CancellationToken::new();
        let token = ended.clone();
        // Cancelled, not aborted: a request in flight completes.
        tokio::spawn(async move {
            while token.run_until_cancelled(tokio::time::sleep(INTERVAL)).await.is_some() {
                if !record_use(engine.as_ref(), &lease).await {
                    return;
                }
            }
        });
        Self(ended)
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::ReplacePolicy;
    use crate::engine::fake::{FakeEngine, Script};
    use crate::testing;

    async fn used(engine: &FakeEngine) -> Timestamp {
        engine.observe("").await.unwrap().unwrap().retention.unwrap().used
    }

    #[tokio::test(start_paused = true)]
    async fn records_a_use_every_minute_until_it_ends() {
        let engine = Arc::new(FakeEngine::new(Script::default()));
        let long_ago = Timestamp::from_second(0).unwrap();
        let lease = Lease { created: long_ago, expires: long_ago, ..testing::lease(testing::plan(vec![])) };
        engine.claim(&lease, ReplacePolicy::Recreate.into()).await.unwrap();
        let in_use = InUse::start(engine.clone(), lease.clone());
        tokio::time::sleep(INTERVAL / 2).await;
        assert_eq!(used(&engine).await, long_ago);
        tokio::time::sleep(INTERVAL).await;
        assert!(used(&engine).await > long_ago);
        drop(in_use);
        engine.claim(&lease, ReplacePolicy::Recreate.into()).await.unwrap();
        tokio::time::sleep(INTERVAL * 3).await;
        assert_eq!(used(&engine).await, long_ago);
    }
}
