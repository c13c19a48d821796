//! Entries of the log. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::evidence::bundle::Bundle;
use crate::evidence::dsse::Envelope;
use crate::evidence::predicate::{ENVIRONMENT_REMOVED, RUN_OPENED, TEST_RESULT, VERIFICATION_SUMMARY, VULNS};
use crate::model::Digest;
use crate::tlog::MAX_ENTRY;

/// The kind of statement that an entry names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryKind {
    /// A run was opened.
    RunOpened,
    /// The result of a suite.
    Suite,
    /// The scan of an image or a lock file.
    Scan,
    /// The result of a run: before its environment was removed, and again afterwards.
    Run,
    /// A removal that is not part of a run: before it, and again afterwards.
    Removal,
    /// A decision of the gate about one image.
    Decision,
}

/// An entry of the log. Stored as JSON with sorted keys and without spaces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogEntry {
    /// Head commit as the statement has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Environment; empty for a decision.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub environment: String,
    /// Id of the run, the removal or the decision.
    pub id: String,
    /// SHA-256 of the images that a run tested, or that a decision is about, in hexadecimal digits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
    /// Key that signed the statement.
    pub keyid: String,
    /// Kind of statement.
    pub kind: EntryKind,
    /// Number of the pull request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pr: Option<u64>,
    /// Repository as the statement has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Outcome of a run, verdict of a suite or a scan, state of a removal, or result of a decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// SHA-256 of the statement, which is the payload of its envelope, in hexadecimal digits.
    pub statement: String,
    /// Suite of a result or a scan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suite: Option<String>,
}

impl LogEntry {
    /// The entry for an envelope (`*.intoto.jsonl`) or a bundle (`*.sigstore.json`). Verifies no signature.
    pub fn of(file: &[u8]) -> Result<Self, String> {
        let envelope = match serde_json::from_slice::<Bundle>(file) {
            Ok(bundle) => bundle.dsse_envelope,
            Err(_) => serde_json::from_slice::<Envelope>(file).map_err(|e| format!("it is not an envelope: {e}"))?,
        };
        let [signature] = &envelope.signatures[..] else { return Err("it has not exactly one signature".into()) };
        let payload = STANDARD.decode(&envelope.payload).map_err(|_| "its payload is not base64")?;
        let statement: Value = serde_json::from_slice(&payload).map_err(|e| format!("its payload is not JSON: {e}"))?;
        Self::of_statement(&statement, &Digest::compute(&payload).hex(), &signature.keyid)
            .ok_or_else(|| "its payload is not a statement of dayfly".to_owned())
    }

    fn of_statement(statement: &Value, sha256: &str, keyid: &str) -> Option<Self> {
        let text = |path: &str| statement.pointer(path).and_then(Value::as_str).map(str::to_owned);
        let kind = match (text("/predicateType")?.as_str(), text("/predicate/scope").as_deref()) {
            (RUN_OPENED, _) => EntryKind::RunOpened,
            (VULNS, _) => EntryKind::Scan,
            (TEST_RESULT, Some("suite")) => EntryKind::Suite,
            (TEST_RESULT, Some("run")) => EntryKind::Run,
            (ENVIRONMENT_REMOVED, _) => EntryKind::Removal,
            (VERIFICATION_SUMMARY, _) => EntryKind::Decision,
            _ => return None,
        };
        let (about, id) = match kind {
            EntryKind::Removal => ("/predicate/environment", "/predicate/removalId"),
            EntryKind::Decision => ("/predicate/decision/run", "/predicate/decision/id"),
            _ => ("/predicate", "/predicate/runId"),
        };
        let (result, suite, images) = match kind {
            EntryKind::RunOpened => (None, None, vec![]),
            EntryKind::Suite => (text("/predicate/suite/verdict"), text("/predicate/suite/name"), vec![]),
            EntryKind::Scan => (text("/predicate/scan/verdict"), text("/predicate/scan/suite"), vec![]),
            EntryKind::Run => (text("/predicate/outcome"), None, images(statement)),
            EntryKind::Removal => (text("/predicate/state"), None, vec![]),
            EntryKind::Decision => (text("/predicate/verificationResult"), None, images(statement)),
        };
        let (commit, pr, repository) = match kind {
            EntryKind::Decision => ("commit", "pr", "repository"),
            _ => ("pr/headSha", "pr/number", "repo/uri"),
        };
        let environment = text("/predicate/environment/id");
        Some(Self {
            commit: text(&format!("{about}/{commit}")),
            environment: if kind == EntryKind::Decision { String::new() } else { environment? },
            id: text(id)?,
            images,
            keyid: keyid.to_owned(),
            kind,
            pr: statement.pointer(&format!("{about}/{pr}")).and_then(Value::as_u64),
            repository: text(&format!("{about}/{repository}")),
            result,
            statement: sha256.to_owned(),
            suite,
        })
    }

    /// As in the log. Fails if it is too long.
    pub fn encode(&self) -> Result<Vec<u8>, String> {
        // `Value` sorts its keys.
        let bytes = serde_json::to_value(self).map_err(|e| e.to_string())?.to_string().into_bytes();
        match bytes.len() > MAX_ENTRY {
            true => Err(format!("its entry in the log is longer than {MAX_ENTRY} bytes")),
            false => Ok(bytes),
        }
    }
}

/// Digests of the subjects that are images: all with a SHA-256 but the description.
fn images(statement: &Value) -> Vec<String> {
    let subjects = statement.pointer("/subject").and_then(Value::as_array);
    let image = |s: &Value| {
        let digest = s.pointer("/digest/sha256")?.as_str()?;
        (s.get("name")?.as_str()? != "description").then(|| digest.to_owned())
    };
    let mut images: Vec<String> = subjects.into_iter().flatten().filter_map(image).collect();
    images.sort();
    images.dedup();
    images
}
