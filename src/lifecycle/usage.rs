//! That somebody uses an environment, noted on it: once, or again and again while they do. What cannot be noted disturbs
//! nobody; an environment that is gone or somebody else's is left alone.

use std::sync::Arc;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::engine::Engine;
use crate::lease::{Lease, RetentionChange, RetentionUpdate};

/// Between two notes of one use.
const AGAIN: std::time::Duration = std::time::Duration::from_secs(60);

/// Notes it now; false when there is nothing more to note.
pub async fn note(engine: &dyn Engine, lease: &Lease) -> bool {
    match engine.amend(&lease.environment, lease.run, &RetentionChange::Used(Timestamp::now())).await {
        Ok(RetentionUpdate::Now(_)) => true,
        Ok(_) => false,
        Err(e) => {
            tracing::debug!(environment = lease.environment, "its use is not noted: failed to {e}");
            true
        }
    }
}

/// A use that goes on until this is dropped; it is noted once a minute, beginning a minute from now.
#[derive(Debug)]
pub struct InUse(CancellationToken);

impl InUse {
    /// Begins.
    pub fn begin(engine: Arc<dyn Engine>, lease: Lease) -> Self {
        let over = CancellationToken::new();
        let told = over.clone();
        // Not aborted but told: a note that is under way is brought to its end.
        tokio::spawn(async move {
            while told.run_until_cancelled(tokio::time::sleep(AGAIN)).await.is_some() {
                if !note(engine.as_ref(), &lease).await {
                    return;
                }
            }
        });
        Self(over)
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
    use crate::engine::Older;
    use crate::engine::fake::{FakeEngine, Script, sample_plan};

    async fn used(engine: &FakeEngine) -> Timestamp {
        engine.observe("").await.unwrap().unwrap().retention.unwrap().used
    }

    #[tokio::test(start_paused = true)]
    async fn a_use_that_goes_on_is_noted_every_minute_until_it_ends() {
        let engine = Arc::new(FakeEngine::new(Script::default()));
        let long_ago = Timestamp::from_second(0).unwrap();
        let lease = Lease {
            environment: "sample-pr-1".into(),
            run: uuid::Uuid::nil(),
            commit: String::new(),
            repository: None,
            requester: None,
            created: long_ago,
            expires: long_ago,
            plan: sample_plan(&[]),
        };
        engine.claim(&lease, Older::Removed).await.unwrap();
        let in_use = InUse::begin(engine.clone(), lease.clone());
        tokio::time::sleep(AGAIN / 2).await;
        assert_eq!(used(&engine).await, long_ago);
        tokio::time::sleep(AGAIN).await;
        assert!(used(&engine).await > long_ago);
        drop(in_use);
        engine.claim(&lease, Older::Removed).await.unwrap();
        tokio::time::sleep(AGAIN * 3).await;
        assert_eq!(used(&engine).await, long_ago);
    }
}
