//! The folders with statements in an evidence folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::EvidenceError;
use super::store::{DECISIONS, LOG, REMOVALS, failed};

/// Most entries of a folder with environments, or with runs of one.
const MAX_FOLDERS: usize = 1_000_000;

/// The folders of all runs: `<environment>/<run>`.
pub fn of_runs(evidence: &Path) -> Result<Vec<PathBuf>, EvidenceError> {
    let environments = folders(evidence, |name| ![LOG, REMOVALS, DECISIONS].contains(&name))?;
    nested(environments)
}

/// The folders of all runs, removals and decisions.
pub fn all(evidence: &Path) -> Result<Vec<PathBuf>, EvidenceError> {
    let mut all = of_runs(evidence)?;
    for kept in [REMOVALS, DECISIONS] {
        all.extend(nested(folders(&evidence.join(kept), |_| true)?)?);
    }
    Ok(all)
}

fn nested(outer: Vec<PathBuf>) -> Result<Vec<PathBuf>, EvidenceError> {
    let mut found = vec![];
    for folder in outer {
        found.extend(folders(&folder, |_| true)?);
    }
    Ok(found)
}

/// The folders in a folder; none if it does not exist. Ignores files and links.
fn folders(dir: &Path, wanted: impl Fn(&str) -> bool) -> Result<Vec<PathBuf>, EvidenceError> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
        Err(e) => return Err(failed("read", dir)(e)),
    };
    let mut found = vec![];
    for entry in entries {
        let entry = entry.map_err(failed("read", dir))?;
        let is_folder = entry.file_type().map_err(failed("read", dir))?.is_dir();
        if is_folder && wanted(&entry.file_name().to_string_lossy()) {
            found.push(entry.path());
        }
        if found.len() > MAX_FOLDERS {
            return Err(EvidenceError::UnsafeFile { path: dir.to_owned(), why: "it has too many folders".into() });
        }
    }
    found.sort();
    Ok(found)
}
