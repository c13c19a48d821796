//! Reads the runs that tested some images from an evidence folder, and what the log has of them.
//!
//! What another key signed is no evidence here and is ignored by name. Everything else that names one of the images is verified, and
//! kept with the reason if it is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::evidence::dsse::Envelope;
use crate::evidence::log::{EntryKind, LogEntry};
use crate::evidence::verify::{Expectations, Logged, Refusal, VerifiedRun, folder, logged, verify};
use crate::evidence::{EvidenceError, folders, read, store};
use crate::model::Digest;
use crate::tlog::{LogKey, View};

use super::policy::GatePolicy;

/// What an evidence folder has about some images.
#[derive(Debug, Default)]
pub struct Found {
    /// Runs that tested one of them, the newest first.
    pub runs: Vec<FoundRun>,
    /// Runs that were opened and have no closing statement.
    pub open: Vec<LogEntry>,
    /// Folders that do not count, and why.
    pub ignored: Vec<(String, String)>,
    /// The log; none if the policy has none.
    pub log: Option<Result<ReadLog, String>>,
}

/// A run that tested one of the images, as its statement says.
#[derive(Debug)]
pub struct FoundRun {
    /// Its folder below the evidence folder.
    pub folder: String,
    /// What its closing statement says.
    pub entry: LogEntry,
    /// SHA-256 of the file with the closing statement.
    pub file: Digest,
    /// The verified run, or why it is refused.
    pub verified: Result<Box<VerifiedRun>, Refusal>,
    /// Whether the proofs beside its statements hold; none if the policy has no log.
    pub logged: Option<Result<Logged, Refusal>>,
}

/// What a log says.
#[derive(Debug, Default)]
pub struct ReadLog {
    /// Number of entries.
    pub size: u64,
    /// The last closing entry of each run that tested one of the images, by its id.
    pub runs: BTreeMap<String, LogEntry>,
    /// Runs that the log has opened and not closed.
    pub open: Vec<LogEntry>,
}

/// Reads the runs of an evidence folder that tested one of these images (SHA-256 in hexadecimal digits), of one commit if one is
/// given. `view` is the log, if the policy has one.
pub fn find(
    evidence: &Path,
    policy: &GatePolicy,
    images: &BTreeSet<String>,
    commit: Option<&str>,
    view: Option<Result<View, String>>,
) -> Result<Found, EvidenceError> {
    let is_wanted = |entry: &LogEntry| {
        let is_commit = |c: &str| entry.commit.as_ref().is_some_and(|e| e.eq_ignore_ascii_case(c));
        entry.images.iter().any(|i| images.contains(i)) && commit.is_none_or(is_commit)
    };
    let mut found = Found::default();
    for path in folders::of_runs(evidence)? {
        let name = path.strip_prefix(evidence).unwrap_or(&path).display().to_string();
        if let Err(why) = look(&path, &name, policy, &is_wanted, &mut found)? {
            found.ignored.push((name, why));
        }
    }
    found.runs.sort_by(|a, b| b.entry.id.cmp(&a.entry.id));
    found.log = view.map(|view| view.and_then(|view| read_log(&view, &is_wanted)));
    Ok(found)
}

/// Looks at the folder of one run; a reason why it does not count.
fn look(
    path: &Path,
    name: &str,
    policy: &GatePolicy,
    is_wanted: &dyn Fn(&LogEntry) -> bool,
    found: &mut Found,
) -> Result<Result<(), String>, EvidenceError> {
    let opened = path.join(store::OPENED);
    let closed = path.join(store::RUN);
    if !closed.exists() {
        return Ok(if opened.exists() { look_at_open(&opened, policy, found) } else { Ok(()) });
    }
    let bytes = match read::read_file(&closed) {
        Ok(bytes) => bytes,
        Err(e) => return Ok(Err(e.to_string())),
    };
    let entry = match LogEntry::of(&bytes) {
        Ok(entry) => entry,
        Err(why) => return Ok(Err(unsigned(&bytes).unwrap_or(why))),
    };
    if !is_wanted(&entry) {
        return Ok(Ok(()));
    }
    let Some(key) = policy.key(&entry.keyid) else {
        return Ok(Err(format!("the policy does not have the key {}", entry.keyid)));
    };
    let files = match read::read_run(path) {
        Ok(files) => files,
        Err(e) => return Ok(Err(e.to_string())),
    };
    // What was looked at and what is verified are the same bytes.
    let Some(closing) = files.get(store::RUN).filter(|found| **found == bytes) else {
        return Ok(Err("its closing statement changed while it was read".to_owned()));
    };
    let of_log = |key: &LogKey| logged(&files, key);
    found.runs.push(FoundRun {
        folder: name.to_owned(),
        entry,
        file: Digest::compute(closing),
        verified: folder(&files, key, &Expectations::default()).map(Box::new),
        logged: policy.log.as_ref().map(|log| of_log(&log.key)),
    });
    Ok(Ok(()))
}

fn look_at_open(file: &Path, policy: &GatePolicy, found: &mut Found) -> Result<(), String> {
    let bytes = read::read_file(file).map_err(|e| e.to_string())?;
    let entry = LogEntry::of(&bytes).map_err(|why| unsigned(&bytes).unwrap_or(why))?;
    let key = policy.key(&entry.keyid).ok_or_else(|| format!("the policy does not have the key {}", entry.keyid))?;
    verify(&bytes, key, &Expectations::default()).map_err(|refusal| refusal.to_string())?;
    found.open.push(entry);
    Ok(())
}

fn unsigned(bytes: &[u8]) -> Option<String> {
    let envelope: Envelope = serde_json::from_slice(bytes).ok()?;
    envelope.signatures.is_empty().then(|| "it is unsigned".to_owned())
}

/// Reads the whole log, and checks every entry.
fn read_log(view: &View, is_wanted: &dyn Fn(&LogEntry) -> bool) -> Result<ReadLog, String> {
    let mut log = ReadLog { size: view.checkpoint().size, ..ReadLog::default() };
    let mut open = BTreeMap::new();
    let read = view.check(|_, bytes| {
        let Ok(entry) = serde_json::from_slice::<LogEntry>(bytes) else { return };
        match entry.kind {
            EntryKind::RunOpened => drop(open.insert(entry.id.clone(), entry)),
            EntryKind::Run => {
                open.remove(&entry.id);
                if is_wanted(&entry) {
                    log.runs.insert(entry.id.clone(), entry);
                }
            }
            _ => {}
        }
    });
    read.map_err(|e| format!("it failed to {e}"))?;
    log.open = open.into_values().collect();
    Ok(log)
}
