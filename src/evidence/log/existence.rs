//! Since when statements exist: by the first checkpoint that a witness signed, and that has all of them.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::entry::LogEntry;
use crate::evidence::EvidenceError;
use crate::evidence::read::is_statement;
use crate::evidence::store::{PROOF, RUN_BUNDLE};
use crate::tlog::{LogKey, Proof, View, witness};

/// The time by which a witness had seen every statement of a folder in this log; none if none saw all of them.
pub fn exists_since(
    files: &BTreeMap<String, Vec<u8>>,
    view: &View,
    witnesses: &[LogKey],
) -> Result<Option<Timestamp>, EvidenceError> {
    let mut latest = None;
    for (name, bytes) in files.iter().filter(|(name, _)| is_statement(name) && *name != RUN_BUNDLE) {
        let failed = |why: String| EvidenceError::Unlogged { path: name.into(), why };
        let entry = LogEntry::of(bytes).and_then(|entry| entry.encode()).map_err(failed)?;
        let proof = files.get(&format!("{name}{PROOF}")).and_then(|p| std::str::from_utf8(p).ok());
        // The proof only says where to look: the entry itself is read from the log.
        let Some(proof) = proof.and_then(|text| Proof::parse(text).ok()) else { return Ok(None) };
        let there = view.entries(proof.index).next().transpose()?.and_then(|bundle| bundle.into_iter().next());
        if there != Some((proof.index, entry)) {
            return Ok(None);
        }
        let Some(since) = witness::exists_since(view, witnesses, proof.index)? else { return Ok(None) };
        latest = latest.max(Some(since));
    }
    Ok(latest)
}
