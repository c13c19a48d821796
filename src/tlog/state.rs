//! What the log has promised, before it is published: the last batch of entries, and the tree before and after it. Pure.
//!
//! A process that dies after it wrote this, and before the checkpoint, is completed by the next one. So no checkpoint is ever signed
//! that another one contradicts, and no entry is appended twice.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use tlog_tiles::{EMPTY_HASH, Hash};

/// A tree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tree {
    /// Number of entries.
    pub size: u64,
    /// Root hash.
    pub root: Hash,
}

/// The last batch.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// The tree before it.
    pub before: Tree,
    /// The tree after it.
    pub after: Tree,
    /// Its entries.
    pub entries: Vec<Vec<u8>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    before: (u64, String),
    after: (u64, String),
    entries: Vec<String>,
}

impl State {
    /// A log without entries.
    pub fn empty() -> Self {
        let tree = Tree { size: 0, root: EMPTY_HASH };
        Self { before: tree, after: tree, entries: vec![] }
    }

    /// As stored.
    pub fn encode(&self) -> Vec<u8> {
        let tree = |tree: &Tree| (tree.size, tree.root.to_string());
        let entries = self.entries.iter().map(|e| STANDARD.encode(e)).collect();
        let stored = Stored { before: tree(&self.before), after: tree(&self.after), entries };
        let mut bytes = serde_json::to_vec(&stored).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// Reads a stored state; none if it is malformed.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let stored: Stored = serde_json::from_slice(bytes).ok()?;
        let tree = |(size, root): (u64, String)| {
            let root = Hash::parse_hash(&root).ok()?;
            (size <= super::MAX_SIZE).then_some(Tree { size, root })
        };
        let entries = stored.entries.iter().map(|e| STANDARD.decode(e).ok()).collect::<Option<Vec<_>>>()?;
        let (before, after) = (tree(stored.before)?, tree(stored.after)?);
        (before.size + entries.len() as u64 == after.size).then_some(Self { before, after, entries })
    }
}
