//! How a due environment is removed: looked at once more, recorded, removed, and the record completed. The one place for
//! all who remove what is not their own run's.

use std::path::PathBuf;

use jiff::Timestamp;

use super::decide::{Criteria, Decision, Reason, decide};
use crate::engine::{Engine, EngineError, Observed, Residual};
use crate::evidence::predicate::{RemovalReason, Remover};
use crate::evidence::removal::{self, Record};
use crate::evidence::removal_store::RemovalStore;
use crate::evidence::{EvidenceError, SigningKey};

/// Where removals are recorded, and in whose name.
pub struct RemovalLog {
    /// Who removes.
    pub remover: Remover,
    /// Signs the records.
    pub key: SigningKey,
    /// Folder of all evidence.
    pub evidence: PathBuf,
    /// Where records are laid down besides.
    pub shelf: Option<RemovalStore>,
}

impl RemovalLog {
    /// The folder of the record, as far as it has come.
    async fn lay_down(&self, record: &Record) -> Result<PathBuf, EvidenceError> {
        let folder = record.write(&self.evidence)?;
        if let Some(shelf) = &self.shelf {
            shelf.put(record).await?;
        }
        Ok(folder)
    }
}

/// What came of a removal.
#[derive(Debug)]
pub enum Outcome {
    /// Everything is gone, and the record says so.
    Removed { record: PathBuf },
    /// Something is left, and the record says so.
    Left { record: PathBuf, left: Vec<Residual> },
    /// It failed, and the record says so.
    Failed { record: Option<PathBuf>, why: String },
    /// Since it was listed it was used, extended, kept, taken or removed: it is not touched.
    NotDue,
    /// It could not be recorded that it begins; nothing was removed.
    Unrecorded(EvidenceError),
    /// It was removed as far as `done` says, but how that ended could not be recorded.
    Unfinished { record: PathBuf, done: Result<Vec<Residual>, String>, why: EvidenceError },
}

/// Removes an environment that was found due, if it still is. The failure is that it could not be looked at again.
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

async fn recorded(engine: &dyn Engine, observed: &Observed, reason: &Reason, log: &RemovalLog) -> Outcome {
    let (mut record, folder) = match begun(engine, observed, reason, log).await {
        Ok(begun) => begun,
        Err(e) => return Outcome::Unrecorded(e),
    };
    let done = taken_away(engine, observed).await.map_err(|e| format!("failed to {e}"));
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
    observed: &Observed,
    reason: &Reason,
    log: &RemovalLog,
) -> Result<(Record, PathBuf), EvidenceError> {
    let environment = removal::environment(observed, engine.kind(), &engine.info());
    let reason = RemovalReason { kind: reason.kind.to_string(), text: reason.text.clone() };
    let record = removal::begin(environment, log.remover.clone(), reason, Timestamp::now(), &log.key)?;
    let folder = log.lay_down(&record).await?;
    Ok((record, folder))
}

async fn ended(
    record: &mut Record,
    done: Result<Vec<Residual>, String>,
    log: &RemovalLog,
) -> Result<(), EvidenceError> {
    record.end(done, Timestamp::now(), &log.key)?;
    log.lay_down(record).await.map(drop)
}

/// Removes what was seen, and nothing of a run that takes the environment meanwhile.
async fn taken_away(engine: &dyn Engine, observed: &Observed) -> Result<Vec<Residual>, EngineError> {
    let mut left = match &observed.lease {
        Some(lease) => engine.remove(&observed.environment, Some(lease.run)).await?,
        None => vec![],
    };
    // With the owner gone, what older runs left belongs to nobody.
    if left.is_empty() {
        left = engine.remove_remnants(&observed.environment).await?;
    }
    Ok(left)
}
