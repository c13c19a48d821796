//! `dayfly.toml`: settings of the command line that stand beside a description. Flags and variables stand above them.
//!
//! The author of a change controls the file. So a CI job takes from it only what the description could say as well.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::file::read_regular;
use crate::spec::Diagnostics;

mod key;
mod parse;

pub use key::{Entry, KEYS, SettingKey, ValueKind};

/// Name of the file.
pub const FILE: &str = "dayfly.toml";
/// Longest file in bytes.
const MAX_BYTES: u64 = 64 << 10;

/// A `dayfly.toml` without errors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The file, as it was found.
    pub path: PathBuf,
    entries: BTreeMap<&'static str, Entry>,
}

impl Settings {
    /// Reads the file in a folder; none if there is none.
    pub fn load(folder: &Path) -> Result<Option<Self>, Diagnostics> {
        let path = if folder.as_os_str().is_empty() { PathBuf::from(FILE) } else { folder.join(FILE) };
        match read_regular(&path, MAX_BYTES) {
            Ok(bytes) => Self::parse(&path, &bytes).map(Some),
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
            Err(e) => {
                let help = "make it a regular file, or remove it";
                Err(Diagnostics::whole_file(&path, format!("the settings cannot be read: {e}"), help))
            }
        }
    }

    /// Parses the bytes of the file.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, Diagnostics> {
        Ok(Self { path: path.to_owned(), entries: parse::entries(path, bytes)? })
    }

    /// A setting by the name of its key.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.entries.get(name)
    }

    /// All settings.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// A path of the file: absolute, or relative to the file's folder.
    pub fn resolve(&self, value: &str) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(value)
    }
}
