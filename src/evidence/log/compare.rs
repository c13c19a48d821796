//! Compares a log with the evidence beside it: statements that are missing, statements that nobody recorded, and runs that never closed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::entry::{EntryKind, LogEntry};
use crate::evidence::{EvidenceError, folders, read};
use crate::tlog::View;

/// The result of a comparison.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// Number of entries.
    pub entries: u64,
    /// Entries whose statement is not in the folder, with their places.
    pub missing: Vec<(u64, LogEntry)>,
    /// Files with a statement that has no entry.
    pub unrecorded: Vec<PathBuf>,
    /// Runs that were opened and never closed: they count as failed.
    pub never_closed: Vec<LogEntry>,
    /// Entries that no statement of this version has.
    pub unknown: Vec<u64>,
}

impl Comparison {
    /// Returns true if log and evidence fit.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.unrecorded.is_empty() && self.unknown.is_empty()
    }
}

/// Reads the whole log, checks it, and compares it with the evidence folder around it.
pub fn compare(evidence: &Path, view: &View) -> Result<Comparison, EvidenceError> {
    let mut stored = statements(evidence)?;
    let mut result = Comparison { entries: view.checkpoint().size, ..Comparison::default() };
    let (mut opened, mut sealed, mut found) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
    view.check(|index, bytes| {
        let Ok(entry) = serde_json::from_slice::<LogEntry>(bytes) else { return result.unknown.push(index) };
        match entry.kind {
            EntryKind::RunOpened => drop(opened.insert(entry.id.clone(), entry.clone())),
            EntryKind::Run => drop(opened.remove(&entry.id)),
            _ => {}
        }
        if stored.contains_key(&entry.statement) {
            found.insert(entry.statement.clone());
            if entry.kind == EntryKind::Run {
                sealed.insert(entry.id);
            }
        } else {
            result.missing.push((index, entry));
        }
    })?;
    stored.retain(|statement, _| !found.contains(statement));
    result.unrecorded = stored.into_values().collect();
    result.never_closed = opened.into_values().collect();
    // A run is sealed again after its removal; only the last of these statements is stored.
    result.missing.retain(|(_, entry)| entry.kind != EntryKind::Run || !sealed.contains(&entry.id));
    Ok(result)
}

/// The statements of all runs, removals and decisions, by their SHA-256.
fn statements(evidence: &Path) -> Result<BTreeMap<String, PathBuf>, EvidenceError> {
    let mut all = BTreeMap::new();
    for folder in folders::all(evidence)? {
        for (name, bytes) in read::read_statements(&folder)? {
            let path = folder.join(&name);
            let entry = LogEntry::of(&bytes).map_err(|why| EvidenceError::Unlogged { path: path.clone(), why })?;
            all.insert(entry.statement, path);
        }
    }
    Ok(all)
}
