//! Which key `verify` trusts: the pinned one, or one of a list that held when the evidence was signed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::bail;
use jiff::Timestamp;

use super::evidence::VerifiedEvidence;
use crate::cli::{description, key};
use crate::evidence::dsse::Envelope;
use crate::evidence::log::{LogEntry, exists_since};
use crate::evidence::read::is_statement;
use crate::evidence::trusted_keys::{KeyUse, SignedAt};
use crate::evidence::verify::{Refusal, StatementContent};
use crate::evidence::{TrustedKeys, VerifyingKey, store};
use crate::tlog::{LogKey, View};

/// The trusted keys.
pub(super) enum Trust {
    /// One, whatever it signed.
    Pinned(VerifyingKey),
    /// A list.
    Listed(TrustedKeys),
}

impl Trust {
    /// Reads what the arguments name.
    pub(super) fn of(pinned: Option<&Path>, list: Option<&Path>, json: bool) -> anyhow::Result<Self> {
        match (pinned, list) {
            (Some(file), _) => Ok(Self::Pinned(key::load_public(file)?)),
            (None, Some(file)) => {
                description::printed(TrustedKeys::parse(file, &key::list_bytes(file)?), json).map(Self::Listed)
            }
            (None, None) => bail!(
                "failed to verify: give the public key to trust with --public-key, or a list of keys with --keys; evidence cannot name its own trusted key"
            ),
        }
    }

    /// The key that evidence must be signed with; of a list, the one that its first statement names.
    pub(super) fn key(&self, files: &BTreeMap<String, Vec<u8>>) -> Result<VerifyingKey, String> {
        let list = match self {
            Self::Pinned(key) => return Ok(*key),
            Self::Listed(list) => list,
        };
        let (keyid, used) = signer(files)?;
        let key = list.find(&keyid, used).map_err(|e| e.to_string())?;
        key.statements().copied().ok_or_else(|| format!("the key {keyid} is for {}", key.used))
    }

    /// Fails if the key of a list did not hold when verified evidence was signed.
    pub(super) fn judge(
        &self,
        path: &Path,
        key: &VerifyingKey,
        evidence: &VerifiedEvidence,
        files: &BTreeMap<String, Vec<u8>>,
        log: Option<&LogKey>,
        witnesses: &[LogKey],
    ) -> Result<(), String> {
        let Self::Listed(list) = self else { return Ok(()) };
        if let Some(log) = log {
            list.judge_log(log, Timestamp::now()).map_err(|e| format!("--log-public-key: {e}"))?;
        }
        let keyid = key.keyid();
        let (used, claimed) = signed(evidence);
        let is_revoked = list.find(&keyid, used).is_ok_and(|key| key.revoked.is_some());
        let exists_since = match log {
            // Everything else needs no log.
            Some(log) if is_revoked && !witnesses.is_empty() => witnessed(path, files, log, witnesses)?,
            _ => None,
        };
        list.judge(&keyid, used, SignedAt { claimed, exists_since }).map(drop).map_err(|e| e.to_string())
    }
}

/// Key and use of the statement that stands for all of a folder.
fn signer(files: &BTreeMap<String, Vec<u8>>) -> Result<(String, KeyUse), String> {
    let first = [store::RUN, store::OPENED, store::REMOVAL_BEGUN, store::REMOVAL_ENDED].into_iter();
    let named = first.filter_map(|name| files.get_key_value(name)).next();
    let of_file = || files.iter().find(|(name, _)| is_statement(name)).or_else(|| files.iter().next());
    let (name, bytes) = named.or_else(of_file).ok_or_else(|| Refusal::NoEvidence.to_string())?;
    let entry = LogEntry::of(bytes).map_err(|why| {
        let is_unsigned = serde_json::from_slice::<Envelope>(bytes).is_ok_and(|e| e.signatures.is_empty());
        if is_unsigned { Refusal::Unsigned.to_string() } else { format!("{name}: {why}") }
    })?;
    Ok((entry.keyid, KeyUse::of(entry.kind)))
}

/// What evidence is, and the first and the last time that it names.
fn signed(evidence: &VerifiedEvidence) -> (KeyUse, (Timestamp, Timestamp)) {
    let until = |first: Timestamp, last: Option<Timestamp>| (first, last.map_or(first, |last| last.max(first)));
    match evidence {
        VerifiedEvidence::Run(run) => (KeyUse::Run, until(run.run.context.started_on, run.run.finished_on)),
        VerifiedEvidence::Removal(r) | VerifiedEvidence::File(StatementContent::Removal(r)) => {
            (KeyUse::Removal, until(r.begun_on, r.ended_on))
        }
        VerifiedEvidence::File(content) => match content {
            StatementContent::Run(r) => (KeyUse::Run, until(r.context.started_on, r.finished_on)),
            StatementContent::Suite(s) => (KeyUse::Run, until(s.context.started_on, None)),
            StatementContent::Scan(s) => (KeyUse::Run, until(s.context.started_on, None)),
            StatementContent::Opened(o) => (KeyUse::Run, until(o.context.started_on, None)),
            StatementContent::Decision(d) => (KeyUse::Gate, until(d.time_verified, None)),
            StatementContent::Removal(r) => (KeyUse::Removal, until(r.begun_on, r.ended_on)),
        },
    }
}

/// Since when all statements exist, by the log around them and its witnesses.
fn witnessed(
    path: &Path,
    files: &BTreeMap<String, Vec<u8>>,
    log: &LogKey,
    witnesses: &[LogKey],
) -> Result<Option<Timestamp>, String> {
    let folder = log_around(path).ok_or_else(|| {
        format!("the key was revoked, and there is no log around {}: verify it in its evidence folder", path.display())
    })?;
    let view = View::open(&folder, log).map_err(|e| format!("failed to {e}"))?;
    exists_since(files, &view, witnesses).map_err(|e| format!("failed to {e}"))
}

/// The log of the evidence folder that something lies in.
fn log_around(path: &Path) -> Option<PathBuf> {
    let real = path.canonicalize().ok()?;
    let logs = real.ancestors().skip(1).take(4).map(|folder| folder.join(store::LOG));
    logs.filter(|log| log.join("checkpoint").is_file()).map(|log| log.to_owned()).next()
}
