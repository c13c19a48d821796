//! Verifies one signed statement. Pure.
//!
//! Parses the payload only after its signature was verified, and never asks the evidence which key to trust.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::refusal::Refusal;
use crate::evidence::bundle::{Bundle, MEDIA_TYPE};
use crate::evidence::dsse::{Envelope, PAYLOAD_TYPE, pae};
use crate::evidence::key::VerifyingKey;
use crate::evidence::predicate::{
    Context, ENVIRONMENT_REMOVED, Opened, RUN_OPENED, RemovalPredicate, RunPredicate, STATEMENT_TYPE, Statement,
    Subject, SuitePredicate, TEST_RESULT,
};
use crate::evidence::unique_keys;
use crate::model::{Digest, is_hex};
use crate::model::{Outcome, Verdict};

/// What the evidence must be about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expect {
    /// Head commit.
    pub commit: Option<String>,
    /// SHA-256 of an image, hexadecimal without `sha256:`.
    pub image_sha256: Option<String>,
}

/// What a verified statement says.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// A run began.
    Opened(Box<Opened>),
    /// How a suite ended.
    Suite(Box<SuitePredicate>),
    /// How a run ended.
    Run(Box<RunPredicate>),
    /// An environment is, or was, removed.
    Removal(Box<RemovalPredicate>),
}

impl Said {
    /// What every statement of a run says of it.
    pub fn context(&self) -> Option<&Context> {
        match self {
            Self::Opened(o) => Some(&o.context),
            Self::Suite(s) => Some(&s.context),
            Self::Run(r) => Some(&r.context),
            Self::Removal(_) => None,
        }
    }

    /// The head commit that it is about, as given; empty where none is known.
    pub fn head(&self) -> &str {
        match self {
            Self::Removal(r) => r.environment.pr.as_ref().map_or("", |p| &p.head_sha),
            _ => self.context().map_or("", |c| &c.pr.head_sha),
        }
    }
}

/// A statement whose signature and expectations hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Verified {
    /// The pinned key's id.
    pub keyid: String,
    /// Lower-case hexadecimal SHA-256 of the payload.
    pub sha256: String,
    /// What it is about.
    pub subject: Vec<Subject>,
    /// What it says.
    pub said: Said,
}

/// Verifies one envelope (`*.intoto.jsonl`) or bundle (`*.sigstore.json`).
pub fn verify(bytes: &[u8], key: &VerifyingKey, expect: &Expect) -> Result<Verified, Refusal> {
    let keyid = key.keyid();
    let envelope = unwrap(bytes, &keyid)?;
    let payload = authentic(&envelope, key, &keyid)?;
    let value = unique_keys::parse(&payload).map_err(|e| Refusal::Payload(e.to_string()))?;
    let statement: Statement = read(value)?;
    if statement.kind != STATEMENT_TYPE {
        return Err(Refusal::StatementType(statement.kind));
    }
    let said = said(&statement.predicate_type, statement.predicate)?;
    meets(&statement.subject, said.head(), expect)?;
    if let Said::Run(run) = &said {
        not_hollow(run)?;
    }
    Ok(Verified { keyid, sha256: Digest::compute(&payload).hex(), subject: statement.subject, said })
}

/// The envelope, out of its bundle if it is in one.
fn unwrap(bytes: &[u8], keyid: &str) -> Result<Envelope, Refusal> {
    let broken = |e: serde_json::Error| Refusal::Envelope(e.to_string());
    let value = unique_keys::parse(bytes).map_err(broken)?;
    if value.get("mediaType").is_none() {
        return serde_json::from_value(value).map_err(broken);
    }
    let bundle: Bundle = serde_json::from_value(value).map_err(broken)?;
    if bundle.media_type != MEDIA_TYPE {
        return Err(Refusal::MediaType(bundle.media_type));
    }
    if !bundle.verification_material.tlog_entries.is_empty() {
        return Err(Refusal::Envelope(
            "it names entries of a public log, which dayfly neither writes nor checks".into(),
        ));
    }
    let hint = bundle.verification_material.public_key.hint;
    if hint != keyid {
        return Err(Refusal::Key { found: hint, pinned: keyid.into() });
    }
    Ok(bundle.dsse_envelope)
}

/// The payload, once the pinned key is found to have signed it as an in-toto statement.
fn authentic(envelope: &Envelope, key: &VerifyingKey, keyid: &str) -> Result<Vec<u8>, Refusal> {
    let [signature] = envelope.signatures.as_slice() else {
        return Err(Refusal::Signatures(envelope.signatures.len()));
    };
    if signature.keyid != keyid {
        return Err(Refusal::Key { found: signature.keyid.clone(), pinned: keyid.into() });
    }
    if envelope.payload_type != PAYLOAD_TYPE {
        return Err(Refusal::PayloadType(envelope.payload_type.clone()));
    }
    let payload = STANDARD.decode(&envelope.payload).map_err(|e| Refusal::Base64("payload", e.to_string()))?;
    let bytes = STANDARD.decode(&signature.sig).map_err(|e| Refusal::Base64("signature", e.to_string()))?;
    if !key.accepts(&pae(&envelope.payload_type, &payload), &bytes) {
        return Err(Refusal::Signature(keyid.into()));
    }
    Ok(payload)
}

fn said(predicate_type: &str, predicate: Value) -> Result<Said, Refusal> {
    let scope = predicate.get("scope").and_then(Value::as_str).map(str::to_owned);
    match (predicate_type, scope.as_deref()) {
        (ENVIRONMENT_REMOVED, _) => read(predicate).map(|r| Said::Removal(Box::new(r))),
        (RUN_OPENED, _) => read(predicate).map(|o| Said::Opened(Box::new(o))),
        (TEST_RESULT, Some("suite")) => read(predicate).map(|s| Said::Suite(Box::new(s))),
        (TEST_RESULT, Some("run")) => read(predicate).map(|r| Said::Run(Box::new(r))),
        (TEST_RESULT, _) => Err(Refusal::Payload("its `scope` is neither run nor suite".into())),
        (other, _) => Err(Refusal::PredicateType(other.into())),
    }
}

fn read<T: DeserializeOwned>(value: Value) -> Result<T, Refusal> {
    serde_json::from_value(value).map_err(|e| Refusal::Payload(e.to_string()))
}

fn meets(subject: &[Subject], head: &str, expect: &Expect) -> Result<(), Refusal> {
    if let Some(commit) = &expect.commit {
        let same = |c: &str| c.eq_ignore_ascii_case(commit);
        // A commit id must be a subject; another word (`dev`) can only stand in the predicate.
        let is_id = is_hex(commit, 40) || is_hex(commit, 64);
        let subject = !is_id || subject.iter().filter_map(|s| s.digest.git_commit.as_deref()).any(same);
        if !same(head) || !subject {
            return Err(Refusal::Commit { expected: commit.clone(), found: head.to_owned() });
        }
    }
    match &expect.image_sha256 {
        Some(hex)
            if !subject.iter().filter_map(|s| s.digest.sha256.as_deref()).any(|d| d.eq_ignore_ascii_case(hex)) =>
        {
            Err(Refusal::Image { expected: hex.clone() })
        }
        _ => Ok(()),
    }
}

/// A run that says PASSED must name suites that passed and judged something.
fn not_hollow(run: &RunPredicate) -> Result<(), Refusal> {
    if run.outcome != Outcome::Passed {
        return Ok(());
    }
    if run.suites.is_empty() {
        return Err(Refusal::Hollow("no suite ran".into()));
    }
    match run.suites.iter().map(|s| &s.summary).find(|s| s.verdict != Some(Verdict::Passed) || s.counts.passed == 0) {
        Some(s) => Err(Refusal::Hollow(format!("suite {} did not pass, or passed without judging a case", s.name))),
        None => Ok(()),
    }
}
