//! Limits for what one archive may cost.

use std::cell::Cell;

/// Most bytes of an archive, and of all its layers together, when they are plain.
const MAX_BYTES: u64 = 64 << 30;
/// Most entries of an archive and its layers.
const MAX_ENTRIES: u64 = 4_000_000;
/// Most bytes of what is kept in memory: facts, links, paths.
const MAX_KEPT: u64 = 256 << 20;
/// Most steps of laying layers on each other, and of looking at what that gives.
const MAX_STEPS: u64 = 20_000_000;
/// Longest path in bytes.
pub(super) const MAX_PATH: u64 = 4096;
/// Longest extended header of an entry in bytes.
pub(super) const MAX_EXTENDED: u64 = 1 << 20;

/// What is left of the limits.
pub(super) struct Budget {
    bytes: Cell<u64>,
    entries: Cell<u64>,
    kept: Cell<u64>,
    steps: Cell<u64>,
}

impl Budget {
    pub(super) fn new() -> Self {
        Self {
            bytes: Cell::new(MAX_BYTES),
            entries: Cell::new(MAX_ENTRIES),
            kept: Cell::new(MAX_KEPT),
            steps: Cell::new(MAX_STEPS),
        }
    }

    /// Counts bytes that were read.
    pub(super) fn read(&self, bytes: u64) -> Result<(), String> {
        take(&self.bytes, bytes, || format!("the image has more than {} GiB", MAX_BYTES >> 30))
    }

    /// Counts one entry.
    pub(super) fn entry(&self) -> Result<(), String> {
        take(&self.entries, 1, || format!("the image has more than {MAX_ENTRIES} entries"))
    }

    /// Counts bytes that stay in memory.
    pub(super) fn keep(&self, bytes: usize) -> Result<(), String> {
        take(&self.kept, bytes as u64, || format!("what is needed of the image is more than {} MiB", MAX_KEPT >> 20))
    }

    /// Counts work: an archive may name one layer as often as it likes.
    pub(super) fn work(&self, steps: usize) -> Result<(), String> {
        take(&self.steps, steps as u64, || "its images have too many layers".into())
    }
}

fn take(left: &Cell<u64>, wanted: u64, why: impl Fn() -> String) -> Result<(), String> {
    left.set(left.get().checked_sub(wanted).ok_or_else(why)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_ends() {
        let budget = Budget::new();
        assert_eq!(budget.work(20_000_000), Ok(()));
        assert!(budget.work(1).is_err());
    }
}
