//! A complete run (up, suites, evidence, down), for `dayfly run` and the controller's runners.
//!
//! The report is signed before anything is removed, and once more afterwards.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::crd::StoredEvidence;
use crate::engine::{ClaimPolicy, Engine, EngineKind, RemovalScope, ReplacePolicy};
use crate::evidence::configmap_store::ConfigMapStore;
use crate::evidence::{EvidenceError, SigningKey, read, store};
use crate::lease::{Inherited, Lease, RetentionChange};
use crate::lifecycle::clock::elapsed_ms;
use crate::lifecycle::usage::InUse;
use crate::lifecycle::{Journal, RunEvent, causes, diagnostics, up};
use crate::model::{Keep, RunId};
use crate::plan::Plan;
use crate::report::Facts;
use crate::report::facts::{Cause, CauseKind};
use crate::suite::dependencies::ScanInput;
use crate::suite::executor;
use crate::tlog::Log;

mod request;

pub use request::RunRequest;

/// A run.
pub struct Run {
    /// The engine that runs the environment.
    pub engine: Arc<dyn Engine>,
    /// The lease of the environment.
    pub lease: Lease,
    /// The journal of the run.
    pub journal: Journal,
    /// The key that signs the evidence; without one, the evidence is unsigned and proves nothing.
    pub key: Option<Arc<SigningKey>>,
    /// The log that statements are recorded in.
    pub log: Option<Arc<Log>>,
    /// Folder of the evidence of all runs.
    pub evidence: PathBuf,
    /// Additional store from which clients fetch the evidence.
    pub configmap_store: Option<ConfigMapStore>,
    /// What scans of dependencies go by.
    pub scans: Arc<ScanInput>,
    /// Take the environment from another owner.
    pub take_over: bool,
    /// Condition for keeping the environment.
    pub keep: Keep,
    /// The reason and the removal command of a kept environment, for the report.
    pub kept_reason: String,
}

/// Creates the lease of a run that begins now. Fails if the expiry is out of range.
pub fn lease(plan: Plan, run: RunId, commit: &str) -> Result<Lease, String> {
    let created = Timestamp::now();
    let life = i64::try_from(plan.ttl_secs).map(SignedDuration::from_secs).ok();
    let expires = life.and_then(|l| created.checked_add(l).ok()).ok_or("the ttl is too long")?;
    Ok(Lease {
        environment: plan.environment.clone(),
        run,
        commit: commit.to_owned(),
        repository: None,
        requester: None,
        owner: None,
        attended: false,
        created,
        expires,
        inherited: Inherited::default(),
        plan,
    })
}

/// Signs the opening entry of a run, before anything is created; without a key, only stores it.
pub fn open(
    facts: &Facts,
    lease: &Lease,
    key: Option<&SigningKey>,
    log: Option<&Log>,
    evidence: &Path,
) -> Result<(), EvidenceError> {
    if facts.engine == EngineKind::Fake {
        return Ok(());
    }
    let planned = lease.plan.suites.values().filter(|s| !facts.not_selected.contains(&s.name) && !s.left_out);
    crate::evidence::open(facts, planned, key, log, evidence).map(drop)
}

/// Signs the opening entry, and stores it outside the runner, which may be killed at any time.
pub async fn open_in_cluster(
    facts: &Facts,
    lease: &Lease,
    key: &SigningKey,
    evidence: &Path,
    configmap_store: &ConfigMapStore,
) -> Result<Option<StoredEvidence>, EvidenceError> {
    open(facts, lease, Some(key), None, evidence)?;
    if facts.engine == EngineKind::Fake {
        return Ok(None);
    }
    let files = read::read_run(&store::run_dir(evidence, facts)?)?;
    configmap_store.put_opening_entry(facts.run, &files).await.map(Some)
}

impl Run {
    /// Performs the whole run. `only` selects suites; all run if it is empty.
    pub async fn perform(&self, only: &[String], sources: &BTreeMap<String, String>, stop: CancellationToken) {
        let (engine, lease) = (self.engine.clone(), Lease { attended: true, ..self.lease.clone() });
        let policy = ClaimPolicy { older: ReplacePolicy::Recreate, take_over: self.take_over, compared: None };
        let result = match up::bring_up(engine, lease, policy, self.journal.clone(), stop).await {
            Ok(session) => {
                let (result, ()) =
                    tokio::join!(executor::execute(&session, only, sources, &self.scans), self.record_gaps());
                session.release_agents().await;
                result
            }
            Err(cause) => {
                self.record_gaps().await;
                Err(cause)
            }
        };
        if let Err(cause) = result {
            self.journal.record(RunEvent::Cause { cause });
        }
        self.finish().await;
    }

    async fn record_gaps(&self) {
        let unknown = |e| vec![format!("The gaps of the engine are unknown: failed to {e}.")];
        let mut gaps = self.engine.gaps().await.unwrap_or_else(unknown);
        gaps.extend(self.engine.gaps_of(&self.lease.plan));
        self.journal.record(RunEvent::Gaps { gaps });
    }

    /// Seals the run, removes or keeps the environment, and seals again with the result.
    async fn finish(&self) {
        self.journal.update(|f| f.finished = Some(Timestamp::now()));
        // Logs and evidence may take longer than a reaper waits for a sign of life.
        let in_use = InUse::start(self.engine.clone(), self.lease.clone());
        if !self.has_no_environment() {
            diagnostics::collect(self.engine.as_ref(), &self.journal, &self.lease.environment).await;
        }
        self.seal(false).await;
        let passed = self.journal.facts().causes.is_empty();
        if !self.has_no_environment() && (self.keep == Keep::Always || (self.keep == Keep::OnFailure && !passed)) {
            drop(in_use);
            self.leave().await;
            self.journal.record(RunEvent::Kept { reason: self.kept_reason.clone() });
        } else {
            remove(self.engine.as_ref(), &self.journal, &self.lease).await;
        }
        self.seal(true).await;
    }

    /// Marks the environment as left behind on purpose, so that it does not look like one whose run was killed.
    async fn leave(&self) {
        let change = RetentionChange::Left(Timestamp::now());
        if let Err(e) = self.engine.update_retention(&self.lease.environment, self.lease.run, &change).await {
            tracing::warn!("`reap --orphans` may remove the environment: failed to {e}");
        }
    }

    /// The environment belongs to a newer run, or to another owner.
    fn has_no_environment(&self) -> bool {
        let gone = |c: &Cause| matches!(c.kind, CauseKind::Superseded | CauseKind::OwnedByOther);
        self.journal.facts().causes.iter().any(gone)
    }

    async fn seal(&self, last: bool) {
        if self.engine.kind() == EngineKind::Fake {
            return;
        }
        self.journal.stop_saving();
        match self.sign_and_store().await {
            Ok((folder, statements)) if last => {
                self.journal.record(RunEvent::Sealed { folder, statements, unsigned: self.key.is_none() });
            }
            Ok(_) => {}
            Err(text) => {
                if !self.journal.facts().causes.iter().any(|c| c.kind == CauseKind::NoEvidence) {
                    self.journal.record(RunEvent::Cause { cause: Cause { kind: CauseKind::NoEvidence, text } });
                }
            }
        }
    }

    /// Signs and stores the evidence; returns its location and the number of statements.
    async fn sign_and_store(&self) -> Result<(String, usize), String> {
        let facts = self.journal.facts();
        let sealed = {
            let (facts, raw, evidence) = (facts.clone(), self.journal.raw_files(), self.evidence.clone());
            let (key, log) = (self.key.clone(), self.log.clone());
            // Another process may write to the log for a while.
            tokio::task::spawn_blocking(move || {
                crate::evidence::seal(&facts, &raw, key.as_deref(), log.as_deref(), &evidence)
            })
        };
        let sealed = sealed.await.map_err(|e| format!("failed to seal the evidence: {e}"))?;
        let sealed = sealed.map_err(|e| format!("failed to {e}"))?;
        let folder = match &self.configmap_store {
            None => sealed.dir.display().to_string(),
            Some(store) => {
                let files = read::read_run(&sealed.dir).map_err(|e| format!("failed to {e}"))?;
                store.put(facts.run, &files).await.map_err(|e| format!("failed to {e}"))?
            }
        };
        Ok((folder, sealed.statements.len()))
    }
}

/// Removes the objects of a run and records the result; remaining objects become a cause.
pub async fn remove(engine: &dyn Engine, journal: &Journal, lease: &Lease) {
    let environment = &lease.environment;
    journal.record(RunEvent::Removing { environment: environment.clone() });
    let began = Instant::now();
    match engine.remove(environment, RemovalScope::Run(lease.run)).await {
        Ok(residual) => {
            let names = residual.iter().map(|r| r.object.as_str()).collect::<Vec<_>>().join(", ");
            journal.record(RunEvent::Removed { residual, took_ms: elapsed_ms(began) });
            if !names.is_empty() {
                let text = format!("could not remove {names}");
                journal.record(RunEvent::Cause { cause: Cause { kind: CauseKind::TeardownIncomplete, text } });
            }
        }
        Err(e) => {
            let text =
                format!("{}; remove what remains with: dayfly down {environment}", causes::from_engine_error(&e).text);
            journal.record(RunEvent::Cause { cause: Cause { kind: CauseKind::TeardownIncomplete, text } });
        }
    }
}
