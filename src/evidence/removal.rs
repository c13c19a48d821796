//! Signed records of removals: stored before anything is removed and completed afterwards.
//!
//! A record is stored in `<dir>/removals/<environment>/<removal id>/`, apart from the runs. This module removes nothing:
//! its caller calls `begin`, stores the record, removes only if that succeeded, calls `end` and stores the record again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use uuid::Uuid;

use super::key::VerifyingKey;
use super::predicate::{
    DigestSet, ENVIRONMENT_REMOVED, PullRequest, RemovalPredicate, RemovalReason, RemovalState, RemovedEnvironment,
    Remover, Repo, Subject,
};
use super::statement::{self, Payload};
use super::verify::{self, Refusal};
use super::{EvidenceError, SigningKey, dsse, seal, store};
use crate::engine::{EngineInfo, EngineKind, ObservedEnvironment, Residual};
use crate::model::{Digest, is_hex};

const SCHEMA_VERSION: u32 = 1;

/// The record of a removal, complete or not.
#[derive(Debug)]
pub struct Record {
    predicate: RemovalPredicate,
    /// SHA-256 of the payload of the first statement.
    digest: String,
    files: BTreeMap<String, Vec<u8>>,
}

/// Describes the observed environment that is removed.
pub fn environment(observed: &ObservedEnvironment, engine: EngineKind, info: &EngineInfo) -> RemovedEnvironment {
    let lease = observed.lease.as_ref();
    RemovedEnvironment {
        id: observed.environment.clone(),
        engine,
        engine_version: format!("{} {}", info.product, info.version),
        endpoint: info.endpoint.clone(),
        run_id: lease.map(|l| l.run),
        description_digest: lease.map(|l| DigestSet::sha256(&l.plan.description_digest)),
        repo: lease.and_then(|l| l.repository.clone()).map(|uri| Repo { uri }),
        pr: lease.map(|l| PullRequest { number: l.plan.pr, head_sha: l.commit.clone() }),
        created_on: lease.map(|l| l.created),
        expires_on: observed.retention.as_ref().map(|t| t.expires),
        used_on: observed.retention.as_ref().map(|t| t.used),
    }
}

/// Signs that a removal is about to begin. Nothing may be removed before the record is stored.
pub fn begin(
    environment: RemovedEnvironment,
    remover: Remover,
    reason: RemovalReason,
    now: Timestamp,
    key: &SigningKey,
) -> Result<Record, EvidenceError> {
    store::check_name("environment", &environment.id)?;
    let predicate = RemovalPredicate {
        schema_version: SCHEMA_VERSION,
        removal_id: Uuid::now_v7(),
        state: RemovalState::Begun,
        reason,
        environment,
        remover,
        begun_on: now,
        ended_on: None,
        residual: vec![],
        error: None,
        begun_digest: None,
    };
    let payload = statement(&predicate)?;
    let files = [(store::REMOVAL_BEGUN.to_owned(), signed(&payload, key)?)].into();
    Ok(Record { predicate, files, digest: payload.sha256 })
}

/// Continues an unfinished record of another process; `remover` signs the end.
pub fn resume(begun: Vec<u8>, remover: Remover, key: &VerifyingKey) -> Result<Record, Refusal> {
    let files: BTreeMap<_, _> = [(store::REMOVAL_BEGUN.to_owned(), begun)].into();
    let (predicate, digest) = verify::removal_begun(&files, key, &verify::Expectations::default())?;
    Ok(Record { predicate: RemovalPredicate { remover, ..predicate }, digest, files })
}

impl Record {
    /// Its id.
    pub fn id(&self) -> Uuid {
        self.predicate.removal_id
    }

    /// The environment that is removed.
    pub fn environment(&self) -> &RemovedEnvironment {
        &self.predicate.environment
    }

    /// Its statements by file name, one line each.
    pub fn files(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.files
    }

    /// Signs the result: what remains, or why the removal failed.
    pub fn end(
        &mut self,
        outcome: Result<Vec<Residual>, String>,
        now: Timestamp,
        key: &SigningKey,
    ) -> Result<(), EvidenceError> {
        let (residual, error) = outcome.map_or_else(|e| (vec![], Some(e)), |left| (left, None));
        let whole = residual.is_empty() && error.is_none();
        self.predicate.state = if whole { RemovalState::Removed } else { RemovalState::Incomplete };
        self.predicate.residual = residual;
        self.predicate.error = error;
        self.predicate.ended_on = Some(now);
        self.predicate.begun_digest = Some(DigestSet::sha256(&self.digest));
        self.files.insert(store::REMOVAL_ENDED.to_owned(), signed(&statement(&self.predicate)?, key)?);
        Ok(())
    }

    /// Writes the missing files below the evidence folder; returns the folder of the record.
    pub fn write(&self, dir: &Path) -> Result<PathBuf, EvidenceError> {
        let folder = dir.join(store::REMOVALS).join(&self.predicate.environment.id).join(self.id().to_string());
        let unwritten: Vec<_> =
            self.files.clone().into_iter().filter(|(name, _)| !folder.join(name).exists()).collect();
        store::write_all(&folder, &unwritten)?;
        Ok(folder)
    }
}

fn signed(payload: &Payload, key: &SigningKey) -> Result<Vec<u8>, EvidenceError> {
    seal::line(&dsse::sign(&payload.bytes, key))
}

fn statement(predicate: &RemovalPredicate) -> Result<Payload, EvidenceError> {
    if predicate.environment.engine == EngineKind::Fake {
        return Err(EvidenceError::Fake);
    }
    statement::signable(subjects(&predicate.environment), ENVIRONMENT_REMOVED, predicate)
}

/// The environment by its name (remnants have no more), the commit and the description.
fn subjects(environment: &RemovedEnvironment) -> Vec<Subject> {
    let itself = Subject {
        name: format!("environment {}", environment.id),
        digest: DigestSet::sha256(&Digest::compute(&environment.id).hex()),
    };
    let commit = environment.pr.as_ref().map(|p| p.head_sha.to_ascii_lowercase());
    let commit = commit.filter(|c| is_hex(c, 40) || is_hex(c, 64)).map(|hex| Subject {
        name: environment.repo.as_ref().map_or_else(|| "head commit".into(), |r| r.uri.clone()),
        digest: DigestSet { sha256: None, git_commit: Some(hex) },
    });
    let description =
        environment.description_digest.clone().map(|digest| Subject { name: "description".into(), digest });
    [itself].into_iter().chain(commit).chain(description).collect()
}
