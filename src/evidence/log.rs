//! Records statements in the log: an entry names a statement by its digest, and a proof beside each file shows that the log has it.
//!
//! The entry of a statement follows from the statement and the key that signed it, so that a verifier can compute it again.

use std::collections::BTreeMap;
use std::path::Path;

use super::store::PROOF;
use super::{EvidenceError, read, store};
use crate::tlog::{Log, LogKey, Proof};

mod compare;
mod entry;
mod existence;

pub use compare::{Comparison, compare};
pub use entry::{EntryKind, LogEntry};
pub use existence::exists_since;

/// Appends the statements of a folder that have no proof yet, and writes a proof beside each. Returns the number of new entries.
pub fn record(folder: &Path, log: &Log) -> Result<usize, EvidenceError> {
    let files = read::read_statements(folder)?;
    let mut entries = BTreeMap::new();
    let mut order = vec![];
    for (name, bytes) in &files {
        let failed = |why: String| EvidenceError::Unlogged { path: folder.join(name), why };
        let entry = LogEntry::of(bytes).and_then(|e| Ok((e.kind, e.encode()?))).map_err(failed)?;
        let proof = store::read(&folder.join(format!("{name}{PROOF}")))?;
        if !proof.is_some_and(|proof| is_proof(&proof, &entry.1, log.key())) {
            order.push((entry.0, name.clone()));
            entries.insert(name.clone(), entry.1);
        }
    }
    // A run is announced before its suites and closed after them.
    order.sort();
    let new: Vec<Vec<u8>> = order.iter().filter_map(|(_, name)| entries.get(name).cloned()).collect();
    if new.is_empty() {
        return Ok(0);
    }
    let proofs = log.append(&new)?;
    let named =
        order.iter().zip(&proofs).map(|((_, name), proof)| (format!("{name}{PROOF}"), proof.text().into_bytes()));
    store::write_all(folder, &named.collect::<Vec<_>>())?;
    Ok(new.len())
}

fn is_proof(proof: &[u8], entry: &[u8], key: &LogKey) -> bool {
    let proof = std::str::from_utf8(proof).ok().and_then(|text| Proof::parse(text).ok());
    proof.is_some_and(|proof| proof.entry == entry && proof.verify(key).is_ok())
}
