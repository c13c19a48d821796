//! Stores evidence in `<dir>/<environment>/<run>/`: `report.json`, statements, bundles and `raw/<sha256>`.
//!
//! Writes files atomically. Does not sign.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::EvidenceError;
use crate::file;
use crate::report::Facts;

/// The facts.
pub const REPORT: &str = "report.json";
/// The opening entry.
pub const OPENED: &str = "opened.intoto.jsonl";
/// The run's statement; its presence closes the run.
pub const RUN: &str = "run.intoto.jsonl";
/// The run's statement as a bundle.
pub const RUN_BUNDLE: &str = "run.sigstore.json";
/// Folder of raw files.
pub const RAW: &str = "raw";
/// Folder of all removal records.
pub const REMOVALS: &str = "removals";
/// The statement before a removal.
pub const REMOVAL_BEGUN: &str = "begun.intoto.jsonl";
/// The statement after a removal.
pub const REMOVAL_ENDED: &str = "ended.intoto.jsonl";

/// Folder of all decisions of the gate.
pub const DECISIONS: &str = "decisions";
/// Folder of the log.
pub const LOG: &str = "log";
/// End of the names of proofs that the log has a statement.
pub const PROOF: &str = ".tlog-proof";

/// `suite-<name>.sigstore.json`.
pub fn suite_bundle(suite: &str) -> String {
    format!("suite-{suite}.sigstore.json")
}

/// `vulns-<suite>-<number>.sigstore.json`: the statement of one scan of a suite.
pub fn scan_bundle(suite: &str, number: usize) -> String {
    format!("vulns-{suite}-{number}.sigstore.json")
}

/// The folder of this run; it may not exist. Refuses names that would leave `dir`.
pub fn run_dir(dir: &Path, facts: &Facts) -> Result<PathBuf, EvidenceError> {
    folder_of(dir, &facts.environment, &facts.run.to_string())
}

/// The folder of the run of an environment; it may not exist. Refuses names that would leave `dir`.
pub fn folder_of(dir: &Path, environment: &str, run: &str) -> Result<PathBuf, EvidenceError> {
    check_name("environment", environment)?;
    check_name("run", run)?;
    Ok(dir.join(environment).join(run))
}

/// Writes `report.json` of an unsealed run, replacing an earlier one. Returns its path.
pub fn save_facts(dir: &Path, facts: &Facts) -> Result<PathBuf, EvidenceError> {
    let dir = run_dir(dir, facts)?;
    if dir.join(RUN).exists() {
        return Err(EvidenceError::Sealed(facts.run));
    }
    write_all(&dir, &[(REPORT.into(), report_bytes(facts)?)])?;
    Ok(dir.join(REPORT))
}

/// `report.json` as stored and as digested.
pub fn report_bytes(facts: &Facts) -> Result<Vec<u8>, EvidenceError> {
    let mut bytes = serde_json::to_vec_pretty(facts).map_err(|e| EvidenceError::Encode(e.to_string()))?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Refuses names that are unsafe in a path.
pub fn check_name(what: &'static str, name: &str) -> Result<(), EvidenceError> {
    let safe = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    if name.is_empty() || name.len() > 200 || name.starts_with('.') || !name.bytes().all(safe) {
        return Err(EvidenceError::Name { what, name: name.into() });
    }
    Ok(())
}

/// Writes files into `dir`, which it creates if needed, all or none.
pub fn write_all(dir: &Path, files: &[(String, Vec<u8>)]) -> Result<(), EvidenceError> {
    file::write_all(dir, files).map_err(|(doing, path, source)| EvidenceError::Io { doing, path, source })
}

/// Reads a file; returns none if it does not exist.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, EvidenceError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(failed("read", path)(e)),
    }
}

/// Writes the files of `read::read_run` into another folder.
pub fn write_run(dir: &Path, files: BTreeMap<String, Vec<u8>>) -> Result<(), EvidenceError> {
    let (mut own, mut raw) = (vec![], vec![]);
    for (name, bytes) in files {
        match name.strip_prefix("raw/") {
            Some(digest) => raw.push((digest.to_owned(), bytes)),
            None => own.push((name, bytes)),
        }
    }
    write_all(&dir.join(RAW), &raw)?;
    write_all(dir, &own)
}

/// Names the file in an error of the system.
pub fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> EvidenceError + use<> {
    let path = path.to_owned();
    move |source| EvidenceError::Io { doing, path, source }
}
