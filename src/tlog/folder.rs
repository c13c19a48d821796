//! The folder of a log: bounded reads, writes that survive a crash, and the lock of writers.

use std::cell::RefCell;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tlog_tiles::{Error, HASH_SIZE, Tile, TileReader};

use super::bundle::{self, HEIGHT, WIDTH};
use super::checkpoint::decimal;
use super::error::LogError;
use crate::file::{Lock, lock, read_regular, write_all};

/// The signed checkpoint.
pub const CHECKPOINT: &str = "checkpoint";
/// What is promised (`state`).
pub const STATE: &str = "state.json";
const LOCK: &str = "lock";

/// How long a writer waits for another one.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longest checkpoint and state, in bytes.
const MAX_CHECKPOINT: u64 = super::note::MAX_BYTES as u64;
const MAX_STATE: u64 = 64 << 20;

/// The folder.
#[derive(Debug)]
pub struct Folder {
    /// Where.
    pub dir: PathBuf,
    /// The first failure of a read for the tree, whose own errors hold no details.
    failure: RefCell<Option<LogError>>,
}

impl Folder {
    /// The folder, which may not exist.
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), failure: RefCell::default() }
    }

    /// The checkpoint; none if there is no log.
    pub fn checkpoint(&self) -> Result<Option<String>, LogError> {
        let bytes = self.read(CHECKPOINT, MAX_CHECKPOINT)?;
        bytes.map(|b| String::from_utf8(b).map_err(|_| self.damaged("its checkpoint is not text"))).transpose()
    }

    /// A checkpoint that a witness signed, by the path of its file; none if there is none.
    pub fn cosigned(&self, name: &str) -> Result<Option<String>, LogError> {
        let bytes = self.read(name, MAX_CHECKPOINT)?;
        bytes.map(|b| String::from_utf8(b).map_err(|_| self.damaged(&format!("{name} is not text")))).transpose()
    }

    /// The names in a folder of the log that are numbers, in their order; none without the folder.
    pub fn numbers(&self, name: &str) -> Result<Vec<u64>, LogError> {
        let dir = self.dir.join(name);
        let entries = match fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
            Err(e) => return Err(LogError::io("read", dir)(e)),
        };
        let mut numbers = vec![];
        for entry in entries {
            let entry = entry.map_err(LogError::io("read", &dir))?;
            numbers.extend(entry.file_name().to_str().and_then(decimal));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// The state as stored.
    pub fn state(&self) -> Result<Option<Vec<u8>>, LogError> {
        self.read(STATE, MAX_STATE)
    }

    /// The first `width` entries of a bundle.
    pub fn entries(&self, n: u64, width: u64) -> Result<Vec<Vec<u8>>, LogError> {
        let name = bundle::path(n, width);
        let exact = self.read(&name, bundle::MAX_BYTES)?;
        // A partial bundle goes when the whole one is there.
        let bytes = match exact {
            Some(bytes) => Some(bytes),
            None => self.read(&bundle::path(n, WIDTH), bundle::MAX_BYTES)?,
        };
        let entries = bytes.ok_or_else(|| self.damaged(&format!("{name} is missing")))?;
        let mut entries =
            bundle::decode(&entries).ok_or_else(|| self.damaged(&format!("{name} is not a bundle of entries")))?;
        if (entries.len() as u64) < width {
            return Err(self.damaged(&format!("{name} has too few entries")));
        }
        entries.truncate(usize::try_from(width).unwrap_or(usize::MAX));
        Ok(entries)
    }

    /// Writes files, all or none; returns when they are on the disk.
    pub fn write(&self, files: &[(String, Vec<u8>)]) -> Result<(), LogError> {
        write_all(&self.dir, files).map_err(|(doing, path, source)| LogError::Io { doing, path, source })
    }

    /// Removes the partial files that whole ones have replaced. Nothing depends on it.
    pub fn remove_partial(&self, whole: &str) {
        // Readers take the whole file if the partial one is gone.
        drop(fs::remove_dir_all(self.dir.join(format!("{whole}.p"))));
    }

    /// Waits for the lock of writers, for a minute at most.
    pub fn lock(&self) -> Result<Lock, LogError> {
        let path = self.dir.join(LOCK);
        let locked = lock(&path, PATIENCE).map_err(LogError::io("lock", &path))?;
        locked.ok_or(LogError::Locked(PATIENCE.as_secs()))
    }

    /// Says that files of the log contradict each other.
    pub fn damaged(&self, why: &str) -> LogError {
        LogError::Damaged { dir: self.dir.clone(), why: why.to_owned() }
    }

    /// The reason for an error of the tree.
    pub fn reason(&self, error: &Error) -> LogError {
        let inconsistent = || self.damaged(&format!("its tiles do not have the root of its checkpoint ({error})"));
        self.failure.borrow_mut().take().unwrap_or_else(inconsistent)
    }

    fn read(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, LogError> {
        let path = self.dir.join(name);
        match read_regular(&path, most) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(LogError::io("read", path)(e)),
        }
    }

    fn tile(&self, tile: &Tile) -> Result<Vec<u8>, LogError> {
        let whole = Tile::new(HEIGHT, tile.level(), tile.level_index(), 1 << HEIGHT, false);
        let most = (WIDTH as usize * HASH_SIZE) as u64;
        let name = bundle::tile_path(tile);
        let bytes = match self.read(&name, most)? {
            Some(bytes) => Some(bytes),
            None => self.read(&bundle::tile_path(&whole), most)?,
        };
        let mut bytes = bytes.ok_or_else(|| self.damaged(&format!("{name} is missing")))?;
        let length = tile.width() as usize * HASH_SIZE;
        if bytes.len() < length {
            return Err(self.damaged(&format!("{name} is too short")));
        }
        bytes.truncate(length);
        Ok(bytes)
    }
}

impl TileReader for Folder {
    fn height(&self) -> u8 {
        HEIGHT
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, Error> {
        let read = tiles.iter().map(|tile| self.tile(tile)).collect::<Result<_, _>>();
        read.map_err(|e| {
            self.failure.borrow_mut().get_or_insert(e);
            Error::InvalidTile
        })
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}
