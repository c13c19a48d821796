//! Reads the records of an evidence folder, and verifies each by one of the trusted keys.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;

use crate::evidence::log::LogEntry;
use crate::evidence::predicate::{DecisionPredicate, RemovalPredicate};
use crate::evidence::store::{DECISIONS, OPENED, REMOVAL_BEGUN, REMOVALS, RUN};
use crate::evidence::verify::{Expectations, StatementContent, VerifiedRun, folder, removal, verify};
use crate::evidence::{EvidenceError, VerifyingKey, folders, read};

/// A time: `from` belongs to it, `until` does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Period {
    /// Begin.
    pub from: Timestamp,
    /// End.
    pub until: Timestamp,
}

impl Period {
    /// Returns true if a time lies in it.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.until
    }
}

/// A verified record.
#[derive(Debug)]
pub struct Record<T> {
    /// Its folder below the evidence folder.
    pub folder: String,
    /// Its content.
    pub content: T,
}

/// Everything of a period.
#[derive(Debug, Default)]
pub struct Collected {
    /// Runs that began in it, the oldest first.
    pub runs: Vec<Record<Box<VerifiedRun>>>,
    /// Removals that began in it.
    pub removals: Vec<Record<RemovalPredicate>>,
    /// Decisions of the gate, one for each image.
    pub decisions: Vec<Record<DecisionPredicate>>,
    /// Folders that no trusted key proves, and why; of any time, because nothing proves their time.
    pub refused: Vec<(String, String)>,
}

/// Reads and verifies the records of a period.
pub fn collect(evidence: &Path, keys: &[VerifyingKey], period: Period) -> Result<Collected, EvidenceError> {
    let mut collected = Collected::default();
    for path in folders::all(evidence)? {
        let name = path.strip_prefix(evidence).unwrap_or(&path).display().to_string();
        let first = name.split('/').next().unwrap_or_default().to_owned();
        let added = match first.as_str() {
            REMOVALS => add_removal(&path, &name, keys, period, &mut collected),
            DECISIONS => add_decisions(&path, &name, keys, period, &mut collected),
            _ => add_run(&path, &name, keys, period, &mut collected),
        };
        if let Err(why) = added {
            collected.refused.push((name, why));
        }
    }
    collected.runs.sort_by_key(|run| run.content.run.context.run_id.to_string());
    collected.removals.sort_by_key(|removal| removal.content.begun_on);
    collected.decisions.sort_by_key(|decision| decision.content.time_verified);
    Ok(collected)
}

/// The key that a statement names, if it is trusted.
fn key_of<'a>(statement: &[u8], keys: &'a [VerifyingKey]) -> Result<&'a VerifyingKey, String> {
    let keyid = LogEntry::of(statement)?.keyid;
    let found = keys.iter().find(|key| key.keyid() == keyid);
    found.ok_or_else(|| format!("the key {keyid} is not among the trusted ones"))
}

fn add_run(
    path: &Path,
    name: &str,
    keys: &[VerifyingKey],
    period: Period,
    collected: &mut Collected,
) -> Result<(), String> {
    let files = read::read_run(path).map_err(|e| e.to_string())?;
    let Some(statement) = files.get(RUN).or_else(|| files.get(OPENED)) else {
        return if files.is_empty() { Ok(()) } else { Err("it holds no evidence of a run".to_owned()) };
    };
    let key = key_of(statement, keys)?;
    let run = folder(&files, key, &Expectations::default()).map_err(|refusal| refusal.to_string())?;
    if period.contains(run.run.context.started_on) {
        collected.runs.push(Record { folder: name.to_owned(), content: Box::new(run) });
    }
    Ok(())
}

fn statements(path: &Path) -> Result<BTreeMap<String, Vec<u8>>, String> {
    read::read_statements(path).map_err(|e| e.to_string())
}

fn add_removal(
    path: &Path,
    name: &str,
    keys: &[VerifyingKey],
    period: Period,
    collected: &mut Collected,
) -> Result<(), String> {
    let files = statements(path)?;
    let begun = files.get(REMOVAL_BEGUN).ok_or_else(|| format!("it holds no {REMOVAL_BEGUN}"))?;
    let key = key_of(begun, keys)?;
    let content = removal(&files, key, &Expectations::default()).map_err(|refusal| refusal.to_string())?;
    if period.contains(content.begun_on) {
        collected.removals.push(Record { folder: name.to_owned(), content });
    }
    Ok(())
}

fn add_decisions(
    path: &Path,
    name: &str,
    keys: &[VerifyingKey],
    period: Period,
    collected: &mut Collected,
) -> Result<(), String> {
    let mut found = vec![];
    for (file, bytes) in statements(path)? {
        let key = key_of(&bytes, keys)?;
        let verified = verify(&bytes, key, &Expectations::default()).map_err(|refusal| format!("{file}: {refusal}"))?;
        match verified.content {
            StatementContent::Decision(decision) => found.push(*decision),
            _ => return Err(format!("{file} is not a decision of the gate")),
        }
    }
    let is_whole = found.iter().all(|d| d.decision.id == found[0].decision.id && d.decision.images == found.len());
    if !is_whole {
        return Err("it does not hold the statements about all images of one decision".to_owned());
    }
    for content in found.into_iter().filter(|d| period.contains(d.time_verified)) {
        collected.decisions.push(Record { folder: name.to_owned(), content });
    }
    Ok(())
}

/// The folders of all verified records, each once.
pub fn record_folders(collected: &Collected) -> Vec<PathBuf> {
    let runs = collected.runs.iter().map(|r| &r.folder);
    let removals = collected.removals.iter().map(|r| &r.folder);
    let decisions = collected.decisions.iter().map(|d| &d.folder);
    let mut all: Vec<PathBuf> = runs.chain(removals).chain(decisions).map(PathBuf::from).collect();
    all.sort();
    all.dedup();
    all
}
