//! Removes a due environment: checks it again, begins the record, removes it, and completes the record.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use super::decide::{Criteria, Decision, Reason, decide};
use crate::engine::{Engine, EngineError, ObservedEnvironment, RemovalScope, Residual};
use crate::evidence::predicate::{RemovalReason, Remover};
use crate::evidence::removal::{self, Record};
use crate::evidence::removal_store::RemovalStore;
use crate::evidence::{EvidenceError, SigningKey, log as evidence_log};
use crate::tlog::Log;

/// The log of removals.
pub struct RemovalLog {
    /// The remover of environments.
    pub remover: Remover,
    /// Key that signs the records.
    pub key: SigningKey,
    /// Folder of all evidence.
    pub evidence: PathBuf,
    /// The log that records are entered in.
    pub entries: Option<Arc<Log>>,
    /// Additional store in the cluster.
    pub store: Option<RemovalStore>,
}

impl RemovalLog {
    /// Stores the record; returns its folder.
    async fn store(&self, record: &Record) -> Result<PathBuf, EvidenceError> {
        let folder = record.write(&self.evidence)?;
        if let Some(log) = &self.entries {
            let (folder, log) = (folder.clone(), log.clone());
            let entered = tokio::task::spawn_blocking(move || evidence_log::record(&folder, &log)).await;
            entered.map_err(|e| EvidenceError::Encode(e.to_string()))??;
        }
        if let Some(store) = &self.store {
            store.put(record).await?;
        }
        Ok(folder)
    }
}

/// Result of a removal.
#[derive(Debug)]
pub enum Outcome {
    /// Everything was removed.
    Removed { record: PathBuf },
    /// Something is left.
    Left { record: PathBuf, left: Vec<Residual> },
    /// The removal failed.
    Failed { record: Option<PathBuf>, why: String },
    /// No longer due: it was used, extended, held, taken over or removed since it was listed.
    NotDue,
    /// The record could not be begun; nothing was removed.
    Unrecorded(EvidenceError),
    /// The record could not be completed; `done` is the result of the removal.
    Unfinished { record: PathBuf, done: Result<Vec<Residual>, String>, why: EvidenceError },
}

/// Removes an environment if it is still due; fails if it cannot be observed again.
pub async fn remove(
    engine: &dyn Engine,
    environment: &str,
    criteria: &Criteria,
    log: &RemovalLog,
) -> Result<Outcome, EngineError> {
    let Some(observed) = engine.observe(environment).await? else { return Ok(Outcome::NotDue) };
    match decide(criteria, &observed, Timestamp::now()) {
        Decision::Due(reason) => Ok(recorded(engine, &observed, &reason, log).await),
        Decision::Held { .. } | Decision::NotDue(_) => Ok(Outcome::NotDue),
    }
}

async fn recorded(engine: &dyn Engine, observed: &ObservedEnvironment, reason: &Reason, log: &RemovalLog) -> Outcome {
    let (mut record, folder) = match begun(engine, observed, reason, log).await {
        Ok(begun) => begun,
        Err(e) => return Outcome::Unrecorded(e),
    };
    let done = remove_observed(engine, observed).await.map_err(|e| format!("failed to {e}"));
    if let (Ok(_), Some(lease)) = (&done, &observed.lease)
        && let Err(e) = engine.notify_requester(lease, &reason.kind.to_string()).await
    {
        tracing::warn!("failed to {e}");
    }
    if let Err(why) = ended(&mut record, done.clone(), log).await {
        return Outcome::Unfinished { record: folder, done, why };
    }
    match done {
        Ok(left) if left.is_empty() => Outcome::Removed { record: folder },
        Ok(left) => Outcome::Left { record: folder, left },
        Err(why) => Outcome::Failed { record: Some(folder), why },
    }
}

async fn begun(
    engine: &dyn Engine,
    observed: &ObservedEnvironment,
    reason: &Reason,
    log: &RemovalLog,
) -> Result<(Record, PathBuf), EvidenceError> {
    let environment = removal::environment(observed, engine.kind(), &engine.info());
    let reason = RemovalReason { kind: reason.kind.to_string(), text: reason.text.clone() };
    let record = removal::begin(environment, log.remover.clone(), reason, Timestamp::now(), &log.key)?;
    let folder = log.store(&record).await?;
    Ok((record, folder))
}

async fn ended(
    record: &mut Record,
    done: Result<Vec<Residual>, String>,
    log: &RemovalLog,
) -> Result<(), EvidenceError> {
    record.end(done, Timestamp::now(), &log.key)?;
    log.store(record).await.map(drop)
}

/// Removes what was observed, and nothing of a run that takes the environment over meanwhile.
async fn remove_observed(engine: &dyn Engine, observed: &ObservedEnvironment) -> Result<Vec<Residual>, EngineError> {
    let mut left = match &observed.lease {
        Some(lease) => engine.remove(&observed.environment, RemovalScope::Run(lease.run)).await?,
        None => vec![],
    };
    // Without an owner, the remnants of older runs belong to nobody.
    if left.is_empty() {
        left = engine.remove(&observed.environment, RemovalScope::Remnants).await?;
    }
    Ok(left)
}
