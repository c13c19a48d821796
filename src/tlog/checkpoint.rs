//! Checkpoints (c2sp.org/tlog-checkpoint): origin, size and root hash of a log. Pure.

use tlog_tiles::{EMPTY_HASH, Hash};

use super::MAX_SIZE;
use super::note::{LogKey, LogSigner, Note};

/// The state of a log.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: String,
    /// Number of entries.
    pub size: u64,
    /// Root of the Merkle tree.
    pub root: Hash,
}

impl Checkpoint {
    /// A log without entries.
    pub fn empty(origin: &str) -> Self {
        Self { origin: origin.to_owned(), size: 0, root: EMPTY_HASH }
    }

    /// The text that is signed.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, self.root)
    }

    /// The signed note.
    pub fn signed(&self, signer: &LogSigner) -> String {
        let text = self.text();
        format!("{text}\n{}", signer.line(&text, 0))
    }

    /// Reads a checkpoint and verifies it by the key of the log, whose name is the origin.
    pub fn verified(note: &str, key: &LogKey) -> Result<Self, String> {
        let note = Note::parse(note)?;
        if key.verify(&note)?.is_none() {
            return Err(format!("it has no signature by the key {key}"));
        }
        let checkpoint = Self::parse(&note.text)?;
        if checkpoint.origin != key.name() {
            return Err(format!("it is of the log {:?}, and the key of {:?}", checkpoint.origin, key.name()));
        }
        Ok(checkpoint)
    }

    /// Reads the text of a checkpoint; lines after the third are extensions, which mean nothing here.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bad = |why: &str| format!("it is not a checkpoint: {why}");
        let text = text.strip_suffix('\n').ok_or_else(|| bad("its last line does not end"))?;
        let lines: Vec<&str> = text.split('\n').collect();
        let [origin, size, root, ..] = lines[..] else { return Err(bad("it has fewer than three lines")) };
        if lines.iter().any(|line| line.is_empty()) {
            return Err(bad("it has an empty line"));
        }
        let size = decimal(size).filter(|n| *n <= MAX_SIZE).ok_or_else(|| bad("its size is not a number"))?;
        let root = Hash::parse_hash(root).map_err(|_| bad("its root is not a SHA-256"))?;
        Ok(Self { origin: origin.to_owned(), size, root })
    }
}

/// A decimal number without a sign or leading zeroes.
pub(super) fn decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn reads_what_it_writes_and_refuses_other_numbers_and_roots() {
        let checkpoint = Checkpoint { size: 20_852_163, ..Checkpoint::empty("example.com/behind-the-sofa") };
        assert_eq!(Checkpoint::parse(&checkpoint.text()), Ok(checkpoint));
        assert!(Checkpoint::parse("a\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nextension\n").is_ok());
        for text in [
            "",
            "a\n1\n",
            "a\n01\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
            "a\n+1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
            "a\n9999999999999\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
            "a\n1\n47DEQpj8\n",
            "a\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\nb\n",
        ] {
            assert!(Checkpoint::parse(text).is_err(), "{text:?}");
        }
    }
}
