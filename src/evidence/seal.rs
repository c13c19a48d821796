//! Opens and seals a run: builds its statements from the facts, signs them and stores them with the files they name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::statement::{self, Payload};
use super::{EvidenceError, SigningKey, bundle, dsse, log, read, store};
use crate::model::{Digest, is_hex};
use crate::plan::SuitePlan;
use crate::report::Facts;
use crate::tlog::Log;

/// The evidence of a sealed run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The run's folder.
    pub dir: PathBuf,
    /// Its files, raw ones included.
    pub files: Vec<PathBuf>,
    /// SHA-256 of each statement's payload: `run`, each suite by `suite <name>`, and each scan by `scan <suite>/<case>`.
    pub statements: BTreeMap<String, String>,
}

/// Signs (or, without a key, only wraps) and stores the opening entry with the planned suites, before the first suite, and records it in
/// the log. A run is opened once; another attempt needs a new run id.
pub fn open<'a>(
    facts: &Facts,
    planned: impl IntoIterator<Item = &'a SuitePlan>,
    key: Option<&SigningKey>,
    log: Option<&Log>,
    dir: &Path,
) -> Result<PathBuf, EvidenceError> {
    let dir = store::run_dir(dir, facts)?;
    if dir.join(store::OPENED).exists() || dir.join(store::RUN).exists() {
        return Err(EvidenceError::AlreadyOpened(facts.run));
    }
    let payload = statement::opened(facts, planned)?;
    store::write_all(&dir, &[(store::OPENED.into(), line(&dsse::wrap(&payload.bytes, key))?)])?;
    log.map(|log| log::record(&dir, log)).transpose()?;
    Ok(dir.join(store::OPENED))
}

/// Signs (or, without a key, only wraps) and stores a statement for each suite and one for the run, with the facts and the raw files
/// (`raw`: content by SHA-256, without files that an earlier call stored), and records the statements in the log.
///
/// May be called again after teardown, with the same key and unchanged suites.
pub fn seal(
    facts: &Facts,
    raw: &BTreeMap<String, Vec<u8>>,
    key: Option<&SigningKey>,
    log: Option<&Log>,
    dir: &Path,
) -> Result<Sealed, EvidenceError> {
    let dir = store::run_dir(dir, facts)?;
    let opened = opened_digest(facts, &dir)?;
    let mut statements = BTreeMap::new();
    let (mut suites, mut scans) = (Vec::new(), BTreeMap::new());
    for suite in &facts.suites {
        store::check_name("suite", &suite.name)?;
        let payload = statement::suite(facts, suite)?;
        suites.push((store::suite_bundle(&suite.name), bundled(&payload, key)?));
        statements.insert(suite.name.clone(), payload.sha256);
        for (scan, payload) in statement::scans(facts, suite)? {
            suites.push((store::scan_bundle(&suite.name, scan.number), bundled(&payload, key)?));
            scans.insert(format!("scan {}/{}", suite.name, scan.case), payload.sha256);
        }
    }
    check_unchanged(facts, &dir, &suites)?;
    let report = store::report_bytes(facts)?;
    let run = statement::run(facts, &statements, &Digest::compute(&report).hex(), opened.as_deref())?;

    let raw = raw_files(facts, raw, &dir)?;
    store::write_all(&dir.join(store::RAW), &raw)?;
    let mut files = suites;
    files.push((store::REPORT.into(), report));
    files.push((store::RUN_BUNDLE.into(), bundled(&run, key)?));
    files.push((store::RUN.into(), line(&dsse::wrap(&run.bytes, key))?));
    store::write_all(&dir, &files)?;
    log.map(|log| log::record(&dir, log)).transpose()?;

    let kept: BTreeSet<&str> = facts.raw().map(|(_, r)| r.sha256.as_str()).collect();
    let raw = kept.into_iter().map(|sha256| dir.join(store::RAW).join(sha256));
    let files = files
        .iter()
        .map(|(name, _)| dir.join(name))
        .chain(opened.map(|_| dir.join(store::OPENED)))
        .chain(raw)
        .collect();
    let mut named: BTreeMap<_, _> =
        statements.into_iter().map(|(name, digest)| (format!("suite {name}"), digest)).collect();
    named.append(&mut scans);
    named.insert("run".into(), run.sha256);
    Ok(Sealed { dir, files, statements: named })
}

/// Digest of the payload of the opening entry; required if a suite ran.
fn opened_digest(facts: &Facts, dir: &Path) -> Result<Option<String>, EvidenceError> {
    let path = dir.join(store::OPENED);
    let Some(bytes) = store::read(&path)? else {
        return if facts.suites.is_empty() { Ok(None) } else { Err(EvidenceError::NotOpened(facts.run)) };
    };
    let broken = |e: String| EvidenceError::Encode(format!("{} is invalid: {e}", path.display()));
    let envelope: dsse::Envelope = serde_json::from_slice(&bytes).map_err(|e| broken(e.to_string()))?;
    let payload = STANDARD.decode(envelope.payload).map_err(|e| broken(e.to_string()))?;
    Ok(Some(Digest::compute(&payload).hex()))
}

/// Refuses suites that differ from those sealed earlier.
fn check_unchanged(facts: &Facts, dir: &Path, suites: &[(String, Vec<u8>)]) -> Result<(), EvidenceError> {
    if !dir.join(store::RUN).exists() {
        return Ok(());
    }
    let differs = |what: &str| EvidenceError::Changed { run: facts.run, what: what.into() };
    let before = read::read_run(dir)?;
    for (name, bytes) in suites {
        if before.get(name) != Some(bytes) {
            return Err(differs(name));
        }
    }
    match before.keys().find(|name| {
        read::is_statement(name)
            && (name.starts_with("suite-") || name.starts_with("vulns-"))
            && !suites.iter().any(|(s, _)| s == *name)
    }) {
        Some(gone) => Err(differs(gone)),
        None => Ok(()),
    }
}

/// The raw files that the facts name.
fn raw_files(
    facts: &Facts,
    raw: &BTreeMap<String, Vec<u8>>,
    dir: &Path,
) -> Result<Vec<(String, Vec<u8>)>, EvidenceError> {
    let mut files = BTreeMap::new();
    for (of, file) in facts.raw() {
        if !is_hex(&file.sha256, 64) {
            return Err(EvidenceError::RawDigest(file.sha256.clone()));
        }
        let stored = store::read(&dir.join(store::RAW).join(&file.sha256))?;
        let Some(bytes) = raw.get(&file.sha256).or(stored.as_ref()) else {
            return Err(EvidenceError::RawMissing {
                suite: of.to_owned(),
                name: file.name.clone(),
                sha256: file.sha256.clone(),
            });
        };
        if Digest::compute(bytes).hex() != file.sha256 {
            return Err(EvidenceError::RawDigest(file.sha256.clone()));
        }
        files.insert(file.sha256.clone(), bytes.clone());
    }
    Ok(files.into_iter().collect())
}

fn bundled(payload: &Payload, key: Option<&SigningKey>) -> Result<Vec<u8>, EvidenceError> {
    let keyid = key.map_or_else(|| bundle::UNSIGNED.to_owned(), |key| key.verifying_key().keyid());
    line(&bundle::wrap(dsse::wrap(&payload.bytes, key), keyid))
}

/// One line of JSON.
pub fn line(value: &impl Serialize) -> Result<Vec<u8>, EvidenceError> {
    let mut bytes = serde_json::to_vec(value).map_err(|e| EvidenceError::Encode(e.to_string()))?;
    bytes.push(b'\n');
    Ok(bytes)
}
