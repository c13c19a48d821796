//! Finds the records of a source: a file, an archive, or a folder with both, at any depth.

use std::fs;
use std::path::{Path, PathBuf};

use super::archive::Archive;
use super::error::ImportError;
use super::rustsec;
use crate::advisories::record::{MAX_RECORD, Record};
use crate::file::{open_regular, read_regular};

/// Deepest folder.
const MAX_DEPTH: usize = 12;
/// Most records of a source.
const MAX_RECORDS: usize = 4_000_000;
/// Most plain bytes of all records of a source.
const MAX_BYTES: u64 = 32 << 30;

/// Format of a record, by the end of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// OSV as JSON.
    Json,
    /// OSV as YAML, as in PyPA's tree.
    Yaml,
    /// RustSec's, TOML before Markdown.
    RustSec,
}

impl Format {
    /// The format of a file; none if it is not a record.
    pub fn of(name: &str) -> Option<Self> {
        let (stem, ending) = name.rsplit('/').next()?.rsplit_once('.')?;
        Some(match ending {
            "json" => Self::Json,
            // Beside them, PyPA's tree has lists of its own work.
            "yaml" if stem.starts_with(|c: char| c.is_ascii_uppercase()) && stem.contains('-') => Self::Yaml,
            // Beside them, the tree has a README and guides.
            "md" if stem.starts_with("RUSTSEC-") && !stem.starts_with("RUSTSEC-0000-") => Self::RustSec,
            _ => return None,
        })
    }
}

/// Parses the bytes of a record.
pub fn parse_record(format: Format, bytes: &[u8]) -> Result<Record, String> {
    if bytes.len() > MAX_RECORD {
        return Err(format!("the record is larger than {} MiB", MAX_RECORD >> 20));
    }
    match format {
        Format::Json => Record::parse(bytes),
        Format::Yaml => {
            let text = std::str::from_utf8(bytes).map_err(|_| "the record is not UTF-8 text")?;
            serde_yaml::from_str(text).map_err(|e| {
                format!("this is not a record of OSV: {}", e.to_string().lines().next().unwrap_or_default())
            })
        }
        Format::RustSec => rustsec::parse(std::str::from_utf8(bytes).map_err(|_| "the record is not UTF-8 text")?),
    }
}

/// Takes the name of each record, and its content or the reason why it cannot be read.
pub(super) type Sink<'a> = dyn FnMut(&str, Result<Record, String>) + 'a;

/// Counts what was read of a source, up to its limits.
#[derive(Default)]
struct Budget {
    records: usize,
    bytes: u64,
}

impl Budget {
    fn add(&mut self, path: &Path, bytes: usize) -> Result<(), ImportError> {
        (self.records, self.bytes) = (self.records + 1, self.bytes + bytes as u64);
        let is_over = self.records > MAX_RECORDS || self.bytes > MAX_BYTES;
        let what = format!("it has more than {MAX_RECORDS} records, or more than {} GiB", MAX_BYTES >> 30);
        if is_over { Err(ImportError::TooLarge { path: path.to_owned(), what }) } else { Ok(()) }
    }
}

/// Calls the sink for each record of a source; returns their number.
pub(super) fn read(path: &Path, sink: &mut Sink<'_>) -> Result<usize, ImportError> {
    let mut budget = Budget::default();
    let found = fs::metadata(path).map_err(|source| ImportError::Io { path: path.to_owned(), source })?;
    if found.is_dir() {
        folder(path, 0, &mut budget, sink)?;
    } else if is_archive(path) {
        archive(path, &mut budget, sink)?;
    } else {
        let format = Format::of(&path.to_string_lossy()).unwrap_or(Format::Json);
        one(path, format, &mut budget, sink)?;
    }
    Ok(budget.records)
}

fn is_archive(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("zip"))
}

fn folder(path: &Path, depth: usize, budget: &mut Budget, sink: &mut Sink<'_>) -> Result<(), ImportError> {
    let io = |source| ImportError::Io { path: path.to_owned(), source };
    if depth > MAX_DEPTH {
        return Err(ImportError::TooLarge { path: path.to_owned(), what: "its folders are too deep".into() });
    }
    let mut entries: Vec<PathBuf> =
        fs::read_dir(path).map_err(io)?.map(|e| e.map(|e| e.path())).collect::<Result<_, _>>().map_err(io)?;
    entries.sort();
    for entry in entries {
        let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // `.git` and the like; `crates/` of RustSec's tree has no dots.
        if name.starts_with('.') {
            continue;
        }
        let found = fs::symlink_metadata(&entry).map_err(io)?;
        if found.is_dir() {
            folder(&entry, depth + 1, budget, sink)?;
        } else if found.is_file() && is_archive(&entry) {
            archive(&entry, budget, sink)?;
        } else if let Some(format) = Format::of(&name).filter(|_| found.is_file()) {
            one(&entry, format, budget, sink)?;
        }
    }
    Ok(())
}

fn one(path: &Path, format: Format, budget: &mut Budget, sink: &mut Sink<'_>) -> Result<(), ImportError> {
    let bytes =
        read_regular(path, MAX_RECORD as u64).map_err(|source| ImportError::Io { path: path.to_owned(), source })?;
    budget.add(path, bytes.len())?;
    sink(&path.display().to_string(), parse_record(format, &bytes));
    Ok(())
}

fn archive(path: &Path, budget: &mut Budget, sink: &mut Sink<'_>) -> Result<(), ImportError> {
    let io = |source| ImportError::Io { path: path.to_owned(), source };
    let (file, length) = open_regular(path).map_err(io)?;
    let broken = |why: String| ImportError::Archive { path: path.to_owned(), why };
    let archive = Archive::open(file, length).map_err(broken)?;
    for entry in archive.entries() {
        // The name is only shown: nothing is written by it.
        let name = format!("{}/{}", path.display(), entry.name);
        let Some(format) = Format::of(&name) else { continue };
        let bytes = archive.read(entry, MAX_RECORD);
        budget.add(path, bytes.as_ref().map_or(0, Vec::len))?;
        sink(&name, bytes.and_then(|bytes| parse_record(format, &bytes)));
    }
    Ok(())
}
