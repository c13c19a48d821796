//! Verifies one signed statement. Pure.
//!
//! Verifies the signature before it parses the payload, and never takes the trusted key from the evidence.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::refusal::Refusal;
use crate::evidence::bundle::{Bundle, MEDIA_TYPE};
use crate::evidence::dsse::{Envelope, PAYLOAD_TYPE, pae};
use crate::evidence::key::VerifyingKey;
use crate::evidence::predicate::{
    Context, DecisionPredicate, ENVIRONMENT_REMOVED, Opened, RUN_OPENED, RemovalPredicate, RunPredicate,
    STATEMENT_TYPE, Statement, Subject, SuitePredicate, TEST_RESULT, VERIFICATION_SUMMARY, VULNS, VulnsPredicate,
};
use crate::evidence::unique_keys;
use crate::model::{Digest, Outcome, Verdict, is_hex};

/// Commit and images that the evidence must cover.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expectations {
    /// Head commit.
    pub commit: Option<String>,
    /// SHA-256 of an image, hexadecimal without `sha256:`.
    pub image_sha256: Option<String>,
}

/// The content of a verified statement.
#[derive(Debug, Clone, PartialEq)]
pub enum StatementContent {
    /// A run was opened.
    Opened(Box<Opened>),
    /// The result of a suite.
    Suite(Box<SuitePredicate>),
    /// The result of a run.
    Run(Box<RunPredicate>),
    /// The scan of an image or a lock file.
    Scan(Box<VulnsPredicate>),
    /// The removal of an environment.
    Removal(Box<RemovalPredicate>),
    /// A decision of the gate about one image.
    Decision(Box<DecisionPredicate>),
}

impl StatementContent {
    /// The context of the run; none for a removal and a decision.
    pub fn context(&self) -> Option<&Context> {
        match self {
            Self::Opened(o) => Some(&o.context),
            Self::Suite(s) => Some(&s.context),
            Self::Run(r) => Some(&r.context),
            Self::Scan(s) => Some(&s.context),
            Self::Removal(_) | Self::Decision(_) => None,
        }
    }

    /// The head commit as given; empty if unknown.
    pub fn head(&self) -> &str {
        match self {
            Self::Removal(r) => r.environment.pr.as_ref().map_or("", |p| &p.head_sha),
            Self::Decision(d) => d.decision.run.as_ref().and_then(|r| r.commit.as_deref()).unwrap_or_default(),
            _ => self.context().map_or("", |c| &c.pr.head_sha),
        }
    }
}

/// A verified statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Verified {
    /// The pinned key's id.
    pub keyid: String,
    /// Lower-case hexadecimal SHA-256 of the payload.
    pub sha256: String,
    /// Its subjects.
    pub subject: Vec<Subject>,
    /// Its content.
    pub content: StatementContent,
}

/// Verifies one envelope (`*.intoto.jsonl`) or bundle (`*.sigstore.json`).
pub fn verify(bytes: &[u8], key: &VerifyingKey, expectations: &Expectations) -> Result<Verified, Refusal> {
    let keyid = key.keyid();
    let envelope = read_envelope(bytes, &keyid)?;
    let payload = verify_signature(&envelope, key, &keyid)?;
    let value = unique_keys::parse(&payload).map_err(|e| Refusal::Payload(e.to_string()))?;
    let statement: Statement = read(value)?;
    if statement.kind != STATEMENT_TYPE {
        return Err(Refusal::StatementType(statement.kind));
    }
    let content = content(&statement.predicate_type, statement.predicate)?;
    check_expectations(&statement.subject, &content, expectations)?;
    if let StatementContent::Run(run) = &content {
        check_passed_run(run)?;
    }
    Ok(Verified { keyid, sha256: Digest::compute(&payload).hex(), subject: statement.subject, content })
}

/// Reads an envelope, or the one inside a bundle.
fn read_envelope(bytes: &[u8], keyid: &str) -> Result<Envelope, Refusal> {
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
        return Err(Refusal::Envelope("the bundle names public log entries, which dayfly does not support".into()));
    }
    let hint = bundle.verification_material.public_key.hint;
    if bundle.dsse_envelope.signatures.is_empty() {
        return Err(Refusal::Unsigned);
    }
    if hint != keyid {
        return Err(Refusal::WrongKey { found: hint, pinned: keyid.into() });
    }
    Ok(bundle.dsse_envelope)
}

/// Returns the payload if the pinned key signed it as an in-toto statement.
fn verify_signature(envelope: &Envelope, key: &VerifyingKey, keyid: &str) -> Result<Vec<u8>, Refusal> {
    let signature = match envelope.signatures.as_slice() {
        [signature] => signature,
        [] => return Err(Refusal::Unsigned),
        several => return Err(Refusal::Signatures(several.len())),
    };
    if signature.keyid != keyid {
        return Err(Refusal::WrongKey { found: signature.keyid.clone(), pinned: keyid.into() });
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

fn content(predicate_type: &str, predicate: Value) -> Result<StatementContent, Refusal> {
    let scope = predicate.get("scope").and_then(Value::as_str).map(str::to_owned);
    match (predicate_type, scope.as_deref()) {
        (ENVIRONMENT_REMOVED, _) => read(predicate).map(|r| StatementContent::Removal(Box::new(r))),
        (RUN_OPENED, _) => read(predicate).map(|o| StatementContent::Opened(Box::new(o))),
        (VERIFICATION_SUMMARY, _) => read(predicate).map(|d| StatementContent::Decision(Box::new(d))),
        (VULNS, _) => read(predicate).map(|s| StatementContent::Scan(Box::new(s))),
        (TEST_RESULT, Some("suite")) => read(predicate).map(|s| StatementContent::Suite(Box::new(s))),
        (TEST_RESULT, Some("run")) => read(predicate).map(|r| StatementContent::Run(Box::new(r))),
        (TEST_RESULT, _) => Err(Refusal::Payload("`scope` is neither `run` nor `suite`".into())),
        (other, _) => Err(Refusal::PredicateType(other.into())),
    }
}

fn read<T: DeserializeOwned>(value: Value) -> Result<T, Refusal> {
    serde_json::from_value(value).map_err(|e| Refusal::Payload(e.to_string()))
}

fn check_expectations(
    subject: &[Subject],
    content: &StatementContent,
    expectations: &Expectations,
) -> Result<(), Refusal> {
    let head = content.head();
    if let Some(commit) = &expectations.commit {
        let same = |c: &str| c.eq_ignore_ascii_case(commit);
        // A commit id must be a subject; another word (`dev`) is only in the predicate.
        let is_id = is_hex(commit, 40) || is_hex(commit, 64);
        // The subject of a scan is what was scanned alone.
        let is_scan = matches!(content, StatementContent::Scan(_));
        let subject = !is_id || is_scan || subject.iter().filter_map(|s| s.digest.git_commit.as_deref()).any(same);
        if !same(head) || !subject {
            return Err(Refusal::WrongCommit { expected: commit.clone(), found: head.to_owned() });
        }
    }
    match &expectations.image_sha256 {
        Some(hex)
            if !subject.iter().filter_map(|s| s.digest.sha256.as_deref()).any(|d| d.eq_ignore_ascii_case(hex)) =>
        {
            Err(Refusal::WrongImage { expected: hex.clone() })
        }
        _ => Ok(()),
    }
}

/// Refuses a passed run without suites, or with a suite that did not pass or has no passed case.
fn check_passed_run(run: &RunPredicate) -> Result<(), Refusal> {
    if run.outcome != Outcome::Passed {
        return Ok(());
    }
    if run.suites.is_empty() {
        return Err(Refusal::UnfoundedPass("no suite ran".into()));
    }
    match run.suites.iter().map(|s| &s.summary).find(|s| s.verdict != Some(Verdict::Passed) || s.counts.passed == 0) {
        Some(s) => Err(Refusal::UnfoundedPass(format!("suite {} did not pass or has no passed case", s.name))),
        None => Ok(()),
    }
}
