//! Hashes and proofs of the Merkle tree, from tiles that are checked against a root, and from entries that are not stored yet.

use std::cell::RefCell;
use std::collections::HashMap;

use tlog_tiles::{
    Error, Hash, HashReader, Tile, TileHashReader, prove_record, prove_tree, record_hash, stored_hash_count,
    stored_hash_index, stored_hashes, tree_hash,
};

use super::bundle::{HEIGHT, WIDTH, encode, path, tile_path};
use super::error::LogError;
use super::folder::Folder;
use super::state::Tree;

/// Files with their contents, and the names of those that are whole.
pub type Published = (Vec<(String, Vec<u8>)>, Vec<String>);

/// A tree that grows: the stored hashes of the tree before, and those of new entries.
pub struct Growing<'a> {
    folder: &'a Folder,
    before: Tree,
    /// Hashes after those of `before`, in the order in which they are stored.
    added: Vec<Hash>,
    entries: Vec<Vec<u8>>,
    /// Hashes of `before` that were read: each read checks tiles up to the root.
    known: RefCell<HashMap<u64, Hash>>,
}

impl HashReader for Growing<'_> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
        let first = stored_hash_count(self.before.size);
        let mut known = self.known.borrow_mut();
        let unknown: Vec<u64> = indexes.iter().copied().filter(|i| *i < first && !known.contains_key(i)).collect();
        if !unknown.is_empty() {
            let tiles = TileHashReader::new(self.before.size, self.before.root, self.folder);
            known.extend(unknown.iter().copied().zip(tiles.read_hashes(&unknown)?));
        }
        let hash = |index: &u64| match index.checked_sub(first) {
            None => known.get(index).copied().ok_or(Error::BadMath),
            Some(n) => usize::try_from(n).ok().and_then(|n| self.added.get(n)).copied().ok_or(Error::IndexesNotInTree),
        };
        indexes.iter().map(hash).collect()
    }
}

impl<'a> Growing<'a> {
    /// The tree in this folder.
    pub fn new(folder: &'a Folder, before: Tree) -> Self {
        Self { folder, before, added: vec![], entries: vec![], known: RefCell::default() }
    }

    /// Adds an entry.
    pub fn push(&mut self, entry: &[u8]) -> Result<(), LogError> {
        let hashes = stored_hashes(self.size(), entry, self).map_err(|e| self.folder.reason(&e))?;
        self.added.extend(hashes);
        self.entries.push(entry.to_vec());
        Ok(())
    }

    fn size(&self) -> u64 {
        self.before.size + self.entries.len() as u64
    }

    /// The tree with all entries.
    pub fn tree(&self) -> Result<Tree, LogError> {
        let root = tree_hash(self.size(), self).map_err(|e| self.folder.reason(&e))?;
        Ok(Tree { size: self.size(), root })
    }

    /// Proves that the tree with all entries has an entry at this place.
    pub fn prove(&self, index: u64) -> Result<Vec<Hash>, LogError> {
        prove_record(self.size(), index, self).map_err(|e| self.folder.reason(&e))
    }

    /// Proves that the tree extends one with this size, which is at least 1.
    pub fn prove_extends(&self, size: u64) -> Result<Vec<Hash>, LogError> {
        prove_tree(self.size(), size, self).map_err(|e| self.folder.reason(&e))
    }

    /// The entries of a bundle among the first `size` ones. Each has the hash that the tree holds.
    pub fn checked_entries(&self, n: u64, size: u64) -> Result<Vec<Vec<u8>>, LogError> {
        let first = n * WIDTH;
        let entries = self.folder.entries(n, (size - first).min(WIDTH))?;
        let indexes: Vec<u64> = (first..).take(entries.len()).map(|i| stored_hash_index(0, i)).collect();
        let hashes = self.read_hashes(&indexes).map_err(|e| self.folder.reason(&e))?;
        match entries.iter().zip(hashes).position(|(entry, hash)| record_hash(entry) != hash) {
            None => Ok(entries),
            Some(at) => Err(self.folder.damaged(&format!("entry {} was changed", first + at as u64))),
        }
    }

    /// The files that the new entries add or change: bundles and tiles.
    pub fn files(&self) -> Result<Published, LogError> {
        let (old, new) = (self.before.size, self.size());
        let (mut files, mut whole) = (vec![], vec![]);
        let mut add = |name: String, is_whole: bool, bytes: Vec<u8>| {
            if is_whole {
                whole.push(name.clone());
            }
            files.push((name, bytes));
        };
        for n in old / WIDTH..new.div_ceil(WIDTH) {
            let first = n * WIDTH;
            let mut entries = if first < old { self.checked_entries(n, old)? } else { vec![] };
            let from = (first.max(old) - old) as usize;
            let to = ((first + WIDTH).min(new) - old) as usize;
            entries.extend_from_slice(&self.entries[from..to]);
            let width = entries.len() as u64;
            let bytes = encode(&entries).ok_or_else(|| LogError::TooLarge("an entry is too long".into()))?;
            add(path(n, width), width == WIDTH, bytes);
        }
        for tile in Tile::new_tiles(HEIGHT, old, new) {
            let bytes = tile.read_data(self).map_err(|e| self.folder.reason(&e))?;
            add(tile_path(&tile), u64::from(tile.width()) == WIDTH, bytes);
        }
        Ok((files, whole))
    }
}
