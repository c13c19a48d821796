//! Proofs that an entry is in a log (c2sp.org/tlog-proof), verified without the log. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tlog_tiles::{Hash, check_record, record_hash};

use super::checkpoint::{Checkpoint, decimal};
use super::note::{LogKey, MAX_BYTES};
use super::{MAX_ENTRY, MAX_SIZE};

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";
/// Most hashes of a proof.
const MAX_HASHES: usize = 63;

/// A proof.
#[derive(Debug, Clone, PartialEq)]
pub struct Proof {
    /// The entry.
    pub entry: Vec<u8>,
    /// Its place, from 0.
    pub index: u64,
    /// Hashes from the leaf's sibling to the root's child.
    pub hashes: Vec<Hash>,
    /// The signed checkpoint.
    pub checkpoint: String,
}

impl Proof {
    /// Longest text in bytes.
    pub const MAX_BYTES: usize = 2 * MAX_ENTRY + 64 * MAX_HASHES + MAX_BYTES;

    /// The text of the proof. The entry stands in its `extra` line, so that readers need not know how it is made.
    pub fn text(&self) -> String {
        let hashes: String = self.hashes.iter().map(|h| format!("{h}\n")).collect();
        let extra = STANDARD.encode(&self.entry);
        format!("{FIRST_LINE}\nextra {extra}\nindex {}\n{hashes}\n{}", self.index, self.checkpoint)
    }

    /// Reads a proof.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bad = |why: &str| format!("it is not a proof of a log: {why}");
        if text.len() > Self::MAX_BYTES {
            return Err(bad("it is too large"));
        }
        let (head, checkpoint) = text.split_once("\n\n").ok_or_else(|| bad("it has no checkpoint"))?;
        let mut lines = head.split('\n');
        if lines.next() != Some(FIRST_LINE) {
            return Err(bad("its first line is another"));
        }
        let entry = lines.next().and_then(|line| line.strip_prefix("extra "));
        let entry = entry.and_then(|text| STANDARD.decode(text).ok()).ok_or_else(|| bad("it has no entry"))?;
        let index = lines.next().and_then(|line| line.strip_prefix("index ")).and_then(decimal);
        let index = index.filter(|n| *n < MAX_SIZE).ok_or_else(|| bad("it has no index"))?;
        let hashes = lines.map(Hash::parse_hash).collect::<Result<Vec<_>, _>>();
        let hashes = hashes.map_err(|_| bad("a line is not a SHA-256"))?;
        if hashes.len() > MAX_HASHES {
            return Err(bad("it has too many hashes"));
        }
        Ok(Self { entry, index, hashes, checkpoint: checkpoint.to_owned() })
    }

    /// Verifies that the log with this key has the entry at this place. Returns the checkpoint.
    pub fn verify(&self, key: &LogKey) -> Result<Checkpoint, String> {
        let checkpoint = Checkpoint::verified(&self.checkpoint, key)?;
        check_record(&self.hashes, checkpoint.size, checkpoint.root, self.index, record_hash(&self.entry))
            .map_err(|_| "the proof does not lead from the entry to the root of the log".to_owned())?;
        Ok(checkpoint)
    }
}
