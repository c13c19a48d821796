//! Creates a log and appends to it. One process writes at a time; a batch is written whole, or not at all.
//!
//! The order: `state.json` with the batch, bundles and tiles, the checkpoint; each is on the disk before the next begins. Only then is
//! the batch acknowledged. A batch that a killed process left behind is published first.

use std::path::Path;

use ed25519_dalek::SigningKey;

use super::checkpoint::Checkpoint;
use super::error::LogError;
use super::folder::{CHECKPOINT, Folder, STATE};
use super::note::{KeyUse, LogKey, LogSigner};
use super::proof::Proof;
use super::state::{State, Tree};
use super::tree::Growing;
use super::{MAX_BATCH, MAX_ENTRY, MAX_SIZE};
use crate::file::Lock;

/// A log that this process may append to.
#[derive(Debug)]
pub struct Log {
    folder: std::path::PathBuf,
    signer: LogSigner,
}

impl Log {
    /// Creates a log without entries in a folder.
    pub fn create(dir: &Path, origin: &str, key: SigningKey) -> Result<Self, LogError> {
        let invalid = |why| LogError::Invalid { what: "origin", why };
        let signer = LogSigner::new(origin, KeyUse::Log, key).map_err(invalid)?;
        std::fs::create_dir_all(dir).map_err(LogError::io("create the folder", dir))?;
        let folder = Folder::new(dir);
        let _lock = folder.lock()?;
        if folder.checkpoint()?.is_some() || folder.state()?.is_some() {
            return Err(LogError::Exists(dir.to_owned()));
        }
        folder.write(&[(STATE.into(), State::empty().encode())])?;
        folder.write(&[(CHECKPOINT.into(), Checkpoint::empty(origin).signed(&signer).into_bytes())])?;
        Ok(Self { folder: dir.to_owned(), signer })
    }

    /// Opens the log in a folder. Fails if the key is not the one that signed its checkpoint.
    pub fn open(dir: &Path, key: SigningKey) -> Result<Self, LogError> {
        let note = Folder::new(dir).checkpoint()?.ok_or_else(|| LogError::Absent(dir.to_owned()))?;
        let origin = note.split('\n').next().unwrap_or_default();
        let invalid = |why| LogError::Invalid { what: "origin", why };
        let signer = LogSigner::new(origin, KeyUse::Log, key).map_err(invalid)?;
        Checkpoint::verified(&note, signer.public()).map_err(|why| LogError::Invalid {
            what: "key",
            why: format!("the checkpoint in {}: {why}", dir.display()),
        })?;
        Ok(Self { folder: dir.to_owned(), signer })
    }

    /// The key that verifies its checkpoints.
    pub fn key(&self) -> &LogKey {
        self.signer.public()
    }

    /// Appends entries, and returns a proof for each. Entries of the last batch that are given again are not appended again, so that a
    /// caller may repeat what failed.
    pub fn append(&self, entries: &[Vec<u8>]) -> Result<Vec<Proof>, LogError> {
        if entries.len() > MAX_BATCH {
            return Err(LogError::TooLarge(format!("{} entries at once, and {MAX_BATCH} are allowed", entries.len())));
        }
        if let Some(entry) = entries.iter().find(|e| e.len() > MAX_ENTRY) {
            return Err(LogError::TooLarge(format!("an entry of {} bytes, and {MAX_ENTRY} are allowed", entry.len())));
        }
        let folder = Folder::new(&self.folder);
        let lock = folder.lock()?;
        let last = self.recover(&folder, &lock)?;
        let new: Vec<&Vec<u8>> = entries.iter().filter(|e| !last.entries.contains(e)).collect();
        let mut tree = Growing::new(&folder, last.after);
        for entry in &new {
            tree.push(entry)?;
        }
        let after = tree.tree()?;
        if after.size > MAX_SIZE {
            return Err(LogError::TooLarge(format!("{} entries in all, and {MAX_SIZE} are allowed", after.size)));
        }
        if !new.is_empty() {
            let state = State { before: last.after, after, entries: new.iter().map(|e| (*e).clone()).collect() };
            let (files, whole) = tree.files()?;
            folder.write(&[(STATE.into(), state.encode())])?;
            self.publish(&folder, &lock, &state, files, &whole)?;
        }
        self.proofs(&tree, &last, after, &new, entries)
    }

    /// Proofs for entries of the last batch, and for new ones.
    fn proofs(
        &self,
        tree: &Growing,
        last: &State,
        after: Tree,
        new: &[&Vec<u8>],
        entries: &[Vec<u8>],
    ) -> Result<Vec<Proof>, LogError> {
        let checkpoint = self.checkpoint(after).signed(&self.signer);
        let place = |entry: &Vec<u8>| match new.iter().position(|n| *n == entry) {
            Some(n) => last.after.size + n as u64,
            None => last.before.size + last.entries.iter().position(|e| e == entry).unwrap_or_default() as u64,
        };
        let proof = |entry: &Vec<u8>| {
            let index = place(entry);
            let hashes = tree.prove(index)?;
            Ok(Proof { entry: entry.clone(), index, hashes, checkpoint: checkpoint.clone() })
        };
        entries.iter().map(proof).collect()
    }

    fn checkpoint(&self, tree: Tree) -> Checkpoint {
        Checkpoint { origin: self.key().name().to_owned(), size: tree.size, root: tree.root }
    }

    /// The state that the checkpoint belongs to. Publishes what a process that died has promised.
    fn recover(&self, folder: &Folder, lock: &Lock) -> Result<State, LogError> {
        let note = folder.checkpoint()?.ok_or_else(|| LogError::Absent(folder.dir.clone()))?;
        let published = Checkpoint::verified(&note, self.key()).map_err(LogError::Checkpoint)?;
        let published = Tree { size: published.size, root: published.root };
        let state = folder.state()?.as_deref().and_then(State::decode);
        let state = state.ok_or_else(|| folder.damaged("state.json is missing or malformed"))?;
        if state.after == published {
            return Ok(state);
        }
        if state.before != published {
            return Err(folder.damaged(&format!(
                "its checkpoint ({} entries) is not the one of state.json ({}): was a part of it restored from a backup?",
                published.size, state.after.size
            )));
        }
        let mut tree = Growing::new(folder, published);
        for entry in &state.entries {
            tree.push(entry)?;
        }
        if tree.tree()? != state.after {
            return Err(folder.damaged("the entries in state.json do not have its root"));
        }
        let (files, whole) = tree.files()?;
        self.publish(folder, lock, &state, files, &whole)?;
        Ok(state)
    }

    fn publish(
        &self,
        folder: &Folder,
        _: &Lock,
        state: &State,
        files: Vec<(String, Vec<u8>)>,
        whole: &[String],
    ) -> Result<(), LogError> {
        folder.write(&files)?;
        folder.write(&[(CHECKPOINT.into(), self.checkpoint(state.after).signed(&self.signer).into_bytes())])?;
        whole.iter().for_each(|name| folder.remove_partial(name));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;

    use tlog_tiles::{EMPTY_HASH, Hash, node_hash, record_hash};

    use super::super::View;
    use super::*;

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[7; 32])
    }

    fn entry(n: u64) -> Vec<u8> {
        format!("entry {n}").into_bytes()
    }

    /// The root by the definition of RFC 6962, from all leaves.
    fn root(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => EMPTY_HASH,
            [leaf] => *leaf,
            _ => {
                let left = 1 << (leaves.len() - 1).ilog2();
                node_hash(root(&leaves[..left]), root(&leaves[left..]))
            }
        }
    }

    #[test]
    fn appends_batches_whose_proofs_and_roots_are_those_of_the_definition() {
        let dir = tempfile::tempdir().unwrap();
        let log = Log::create(dir.path(), "log.example/one", key()).unwrap();
        let (mut size, mut leaves, mut seen) = (0, vec![], vec![]);
        for batch in [1, 1, 3, 250, 1, 2, 600, 1] {
            let entries: Vec<_> = (size..size + batch).map(entry).collect();
            let proofs = Log::open(dir.path(), key()).unwrap().append(&entries).unwrap();
            leaves.extend(entries.iter().map(|e| record_hash(e)));
            size += batch;
            for (n, (proof, entry)) in proofs.iter().zip(&entries).enumerate() {
                let read = Proof::parse(&proof.text()).unwrap();
                assert_eq!(&read, proof);
                assert_eq!((&read.entry, read.index), (entry, size - batch + n as u64));
                let checkpoint = read.verify(log.key()).unwrap();
                assert_eq!((checkpoint.size, checkpoint.root), (size, root(&leaves)));
            }
            let view = View::open(dir.path(), log.key()).unwrap();
            let mut read = vec![];
            view.check(|index, entry| read.push((index, entry.to_vec()))).unwrap();
            assert_eq!(read, (0..size).map(|n| (n, entry(n))).collect::<Vec<_>>());
            seen.push(view.checkpoint().clone());
            seen.iter().for_each(|before| view.extends(before).unwrap());
        }
        let whole = dir.path().join("tile/entries/000");
        assert!(whole.exists() && !dir.path().join("tile/entries/000.p").exists(), "partial files go");
    }

    #[test]
    fn publishes_once_what_a_killed_process_promised() {
        let dir = tempfile::tempdir().unwrap();
        let log = Log::create(dir.path(), "log.example/one", key()).unwrap();
        log.append(&[entry(0)]).unwrap();
        let before = fs::read(dir.path().join(CHECKPOINT)).unwrap();
        log.append(&[entry(1), entry(2)]).unwrap();
        // The process died after it wrote the state, before tiles and checkpoint.
        fs::write(dir.path().join(CHECKPOINT), before).unwrap();
        fs::remove_file(dir.path().join("tile/0/000.p/3")).unwrap();
        fs::remove_file(dir.path().join("tile/entries/000.p/3")).unwrap();
        let proofs = log.append(&[entry(2), entry(3)]).unwrap();
        assert_eq!(proofs.iter().map(|p| p.index).collect::<Vec<_>>(), [2, 3]);
        proofs.iter().for_each(|proof| drop(proof.verify(log.key()).unwrap()));
        let mut read = vec![];
        View::open(dir.path(), log.key()).unwrap().check(|_, entry| read.push(entry.to_vec())).unwrap();
        assert_eq!(read, (0..4).map(entry).collect::<Vec<_>>());
    }

    #[test]
    fn finds_forks_cuts_rewrites_and_damage() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let log = Log::create(one.path(), "log.example/one", key()).unwrap();
        let other = Log::create(two.path(), "log.example/one", key()).unwrap();
        log.append(&(0..300).map(entry).collect::<Vec<_>>()).unwrap();
        other.append(&(1..302).map(entry).collect::<Vec<_>>()).unwrap();
        let seen = View::open(one.path(), log.key()).unwrap().checkpoint().clone();
        let fork = View::open(two.path(), log.key()).unwrap();
        assert!(matches!(fork.extends(&seen), Err(LogError::Forked(_))));
        let cut = tempfile::tempdir().unwrap();
        let short = Log::create(cut.path(), "log.example/one", key()).unwrap();
        short.append(&(0..299).map(entry).collect::<Vec<_>>()).unwrap();
        let cut = View::open(cut.path(), log.key()).unwrap();
        assert!(cut.extends(&seen).unwrap_err().to_string().contains("cut short"));

        let check = || View::open(one.path(), log.key()).unwrap().check(|_, _| {});
        check().unwrap();
        for name in ["tile/entries/000", "tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/001.p/44"] {
            let path = one.path().join(name);
            let whole = fs::read(&path).unwrap();
            let mut changed = whole.clone();
            changed[20] ^= 1;
            fs::write(&path, changed).unwrap();
            assert!(check().is_err(), "{name} was changed");
            fs::remove_file(&path).unwrap();
            assert!(check().is_err(), "{name} is missing");
            fs::write(&path, whole).unwrap();
        }
        check().unwrap();
        let note = fs::read_to_string(one.path().join(CHECKPOINT)).unwrap();
        fs::write(one.path().join(CHECKPOINT), note.replace("\n300\n", "\n299\n")).unwrap();
        assert!(View::open(one.path(), log.key()).is_err());
        assert!(log.append(&[entry(1000)]).is_err());
    }

    #[test]
    fn refuses_another_key_a_second_log_and_entries_that_are_too_large() {
        let dir = tempfile::tempdir().unwrap();
        let log = Log::create(dir.path(), "log.example/one", key()).unwrap();
        assert!(matches!(Log::create(dir.path(), "log.example/one", key()), Err(LogError::Exists(_))));
        assert!(matches!(Log::open(dir.path(), SigningKey::from_bytes(&[8; 32])), Err(LogError::Invalid { .. })));
        assert!(matches!(Log::open(&dir.path().join("other"), key()), Err(LogError::Absent(_))));
        assert!(matches!(log.append(&[vec![0; MAX_ENTRY + 1]]), Err(LogError::TooLarge(_))));
        assert!(matches!(log.append(&vec![entry(0); MAX_BATCH + 1]), Err(LogError::TooLarge(_))));
        assert_eq!(View::open(dir.path(), log.key()).unwrap().checkpoint().size, 0);
    }
}
