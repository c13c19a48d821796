//! Verifies that a log has every statement of a run or a removal. Pure.

use std::collections::BTreeMap;

use super::Refusal;
use crate::evidence::log::LogEntry;
use crate::evidence::read::is_statement;
use crate::evidence::store::{PROOF, RUN_BUNDLE};
use crate::tlog::{LogKey, Proof};

/// Where statements are recorded.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Logged {
    /// Origin of the log.
    pub origin: String,
    /// Place of the last of the statements.
    pub index: u64,
    /// Number of statements.
    pub statements: usize,
}

/// Verifies the proof beside each statement, by the key of the log.
pub fn logged(files: &BTreeMap<String, Vec<u8>>, key: &LogKey) -> Result<Logged, Refusal> {
    let mut logged = Logged { origin: key.name().to_owned(), index: 0, statements: 0 };
    for (name, bytes) in files.iter().filter(|(name, _)| is_statement(name) && *name != RUN_BUNDLE) {
        let refused = |why: String| Refusal::Unlogged { file: name.clone(), why };
        let proof = files.get(&format!("{name}{PROOF}"));
        let proof = proof.ok_or_else(|| refused(format!("there is no {name}{PROOF}")))?;
        let proof = std::str::from_utf8(proof).map_err(|_| refused("its proof is not text".into()))?;
        let proof = Proof::parse(proof).map_err(refused)?;
        let entry = LogEntry::of(bytes).and_then(|entry| entry.encode()).map_err(refused)?;
        if proof.entry != entry {
            return Err(refused("its proof is of another statement".into()));
        }
        proof.verify(key).map_err(refused)?;
        logged.statements += 1;
        logged.index = logged.index.max(proof.index);
    }
    match logged.statements {
        0 => Err(Refusal::Unlogged {
            file: RUN_BUNDLE.into(),
            why: "verify run.intoto.jsonl, which holds the same statement".into(),
        }),
        _ => Ok(logged),
    }
}
