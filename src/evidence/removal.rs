//! Records of removals: signed and on disk before anything is removed, and completed when it is over.
//!
//! A record lies in `<dir>/removals/<environment>/<removal id>/`, apart from the runs. It judges and removes nothing: whoever
//! removes calls `begin`, removes only when that succeeded, and calls `end`.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::predicate::{
    DigestSet, ENVIRONMENT_REMOVED, PullRequest, RemovalPredicate, RemovalReason, RemovalState, RemovedEnvironment,
    Remover, Repo, Subject,
};
use super::statement::{self, Payload, is_hex, sha256};
use super::{EvidenceError, SigningKey, dsse, seal, store};
use crate::engine::{EngineInfo, EngineKind, Observed, Residual};

/// Folder of all removals.
pub const REMOVALS: &str = "removals";
/// The statement before the removal.
pub const BEGUN: &str = "begun.intoto.jsonl";
/// The statement after it.
pub const ENDED: &str = "ended.intoto.jsonl";
const SCHEMA_VERSION: u32 = 1;

/// A removal that has begun on paper.
#[derive(Debug)]
pub struct Begun {
    predicate: RemovalPredicate,
    folder: PathBuf,
    digest: String,
}

/// What is removed, as it was seen.
pub fn environment(observed: &Observed, engine: EngineKind, info: &EngineInfo) -> RemovedEnvironment {
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
        expires_on: observed.terms.as_ref().map(|t| t.expires),
        used_on: observed.terms.as_ref().map(|t| t.used),
    }
}

/// Signs and stores that a removal is about to begin. Nothing may be removed when this fails.
pub fn begin(
    environment: RemovedEnvironment,
    remover: Remover,
    reason: RemovalReason,
    now: Timestamp,
    key: &SigningKey,
    dir: &Path,
) -> Result<Begun, EvidenceError> {
    store::check_name("the environment", &environment.id)?;
    let predicate = RemovalPredicate {
        schema_version: SCHEMA_VERSION,
        removal_id: uuid::Uuid::now_v7(),
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
    let folder = dir.join(REMOVALS).join(&predicate.environment.id).join(predicate.removal_id.to_string());
    let payload = statement(&predicate)?;
    write(&folder, BEGUN, &payload, key)?;
    Ok(Begun { predicate, folder, digest: payload.sha256 })
}

impl Begun {
    /// The folder of the record.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Signs and stores how it ended: what is left, or why it failed.
    pub fn end(
        mut self,
        outcome: Result<Vec<Residual>, String>,
        now: Timestamp,
        key: &SigningKey,
    ) -> Result<PathBuf, EvidenceError> {
        let (residual, error) = outcome.map_or_else(|e| (vec![], Some(e)), |left| (left, None));
        let whole = residual.is_empty() && error.is_none();
        self.predicate.state = if whole { RemovalState::Removed } else { RemovalState::Incomplete };
        self.predicate.residual = residual;
        self.predicate.error = error;
        self.predicate.ended_on = Some(now);
        self.predicate.begun_digest = Some(DigestSet::sha256(&self.digest));
        write(&self.folder, ENDED, &statement(&self.predicate)?, key)?;
        Ok(self.folder)
    }
}

fn write(folder: &Path, name: &str, payload: &Payload, key: &SigningKey) -> Result<(), EvidenceError> {
    store::write_all(folder, &[(name.into(), seal::line(&dsse::sign(&payload.bytes, key))?)])
}

fn statement(predicate: &RemovalPredicate) -> Result<Payload, EvidenceError> {
    if predicate.environment.engine == EngineKind::Fake {
        return Err(EvidenceError::Fake);
    }
    statement::signable(subjects(&predicate.environment), ENVIRONMENT_REMOVED, predicate)
}

/// The environment by its name, which is all that is known of remnants; the commit; the description.
fn subjects(environment: &RemovedEnvironment) -> Vec<Subject> {
    let itself = Subject {
        name: format!("environment {}", environment.id),
        digest: DigestSet::sha256(&sha256(environment.id.as_bytes())),
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
