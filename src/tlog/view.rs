//! Reads a log and checks it: every entry, every tile, and that it extends what was seen before.

use std::path::Path;

use tlog_tiles::{check_tree, record_hash};

use super::bundle::WIDTH;
use super::checkpoint::Checkpoint;
use super::error::LogError;
use super::folder::Folder;
use super::note::LogKey;
use super::proof::Proof;
use super::state::Tree;
use super::tree::Growing;

/// A log as its checkpoint describes it. The checkpoint is verified; everything else is checked when it is read.
#[derive(Debug)]
pub struct View {
    folder: Folder,
    key: LogKey,
    note: String,
    checkpoint: Checkpoint,
}

impl View {
    /// Reads the checkpoint of the log in a folder, and verifies it by the log's key.
    pub fn open(dir: &Path, key: &LogKey) -> Result<Self, LogError> {
        let folder = Folder::new(dir);
        let note = folder.checkpoint()?.ok_or_else(|| LogError::Absent(dir.to_owned()))?;
        let checkpoint = Checkpoint::verified(&note, key).map_err(LogError::Checkpoint)?;
        Ok(Self { folder, key: key.clone(), note, checkpoint })
    }

    /// The key of the log.
    pub fn key(&self) -> &LogKey {
        &self.key
    }

    /// Its folder.
    pub(super) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// The checkpoint.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The signed checkpoint.
    pub fn note(&self) -> &str {
        &self.note
    }

    fn tree(&self) -> Growing<'_> {
        Growing::new(&self.folder, Tree { size: self.checkpoint.size, root: self.checkpoint.root })
    }

    /// The entries from a place on, with their places; a bundle at a time. Each is in the tree.
    pub fn entries(&self, from: u64) -> impl Iterator<Item = Result<Vec<(u64, Vec<u8>)>, LogError>> {
        let size = self.checkpoint.size;
        let bundles = (from / WIDTH)..size.div_ceil(WIDTH).max(from / WIDTH);
        bundles.map(move |n| {
            let entries = self.tree().checked_entries(n, size)?;
            Ok((n * WIDTH..).zip(entries).filter(|(index, _)| *index >= from).collect())
        })
    }

    /// Reads the whole log, and computes its root from the entries alone. Passes each entry to `each`.
    pub fn check(&self, mut each: impl FnMut(u64, &[u8])) -> Result<(), LogError> {
        let mut peaks: Vec<(u64, tlog_tiles::Hash)> = vec![];
        for bundle in self.entries(0) {
            for (index, entry) in bundle? {
                each(index, &entry);
                // Peaks are the roots of whole subtrees, from left to right; two of the same size become one.
                let mut peak = (1, record_hash(&entry));
                while let Some((_, left)) = peaks.pop_if(|(size, _)| *size == peak.0) {
                    peak = (peak.0 * 2, tlog_tiles::node_hash(left, peak.1));
                }
                peaks.push(peak);
            }
        }
        let root =
            peaks.into_iter().map(|(_, hash)| hash).rev().reduce(|right, left| tlog_tiles::node_hash(left, right));
        match root.unwrap_or(tlog_tiles::EMPTY_HASH) == self.checkpoint.root {
            true => Ok(()),
            false => Err(self.folder.damaged("its entries do not have the root of its checkpoint")),
        }
    }

    /// Fails if the log does not extend a checkpoint that was seen before.
    pub fn extends(&self, seen: &Checkpoint) -> Result<(), LogError> {
        self.extends_what(seen, "were seen before")
    }

    /// The same; `what` says in the message what happened to the entries of the checkpoint.
    pub(super) fn extends_what(&self, seen: &Checkpoint, what: &str) -> Result<(), LogError> {
        let now = &self.checkpoint;
        let forked =
            |why: &str| LogError::Forked(format!("{why}: {} entries {what}, and {} are there", seen.size, now.size));
        if seen.origin != now.origin {
            return Err(LogError::Forked(format!(
                "the log {:?} was seen before, and this is {:?}",
                seen.origin, now.origin
            )));
        }
        if seen.size > now.size {
            return Err(forked("the log was cut short"));
        }
        if seen.size == 0 {
            return Ok(());
        }
        let rewritten = || forked("the log was forked or rewritten");
        if seen.size == now.size {
            return if seen.root == now.root { Ok(()) } else { Err(rewritten()) };
        }
        let proof = self.tree().prove_extends(seen.size)?;
        check_tree(&proof, now.size, now.root, seen.size, seen.root).map_err(|_| rewritten())
    }

    /// Proves that the log extends the tree that it had at a size; empty for 0 and for its own size.
    pub fn prove_extends(&self, size: u64) -> Result<Vec<tlog_tiles::Hash>, LogError> {
        if size == 0 || size >= self.checkpoint.size { Ok(vec![]) } else { self.tree().prove_extends(size) }
    }

    /// Proves that the log has an entry at a place.
    pub fn prove(&self, index: u64, entry: &[u8]) -> Result<Proof, LogError> {
        let hashes = self.tree().prove(index)?;
        Ok(Proof { entry: entry.to_vec(), index, hashes, checkpoint: self.note.clone() })
    }
}
