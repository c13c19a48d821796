//! Reads evidence from a folder that may be hostile: regular files of that folder only, of bounded size.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::EvidenceError;
use super::dsse::Envelope;
use super::store::{PROOF, RAW, REPORT, RUN_BUNDLE, failed};
use crate::file::{STAGED, read_regular};

/// Maximum size of all files together, in bytes: what a run can store in a cluster, unpacked.
pub const MAX_BYTES: u64 = 512 << 20;
/// Maximum number of entries in a folder.
const MAX_ENTRIES: usize = 20_000;

/// Reads the files that `verify::folder` checks, by path below `dir`: `report.json`, statements, bundles, and everything
/// in `raw`. Ignores files with other names; refuses links, devices, pipes and folders in their place.
pub fn read_run(dir: &Path) -> Result<BTreeMap<String, Vec<u8>>, EvidenceError> {
    let mut files = BTreeMap::new();
    let mut left = MAX_BYTES;
    read_into(&mut files, &mut left, dir, "", |name| {
        name == REPORT || is_statement(name) || name.strip_suffix(PROOF).is_some_and(is_statement)
    })?;
    let raw = dir.join(RAW);
    match fs::symlink_metadata(&raw) {
        Ok(meta) if meta.is_dir() => read_into(&mut files, &mut left, &raw, "raw/", |name| !name.starts_with(STAGED))?,
        Ok(_) => return Err(unsafe_file(&raw, "it is not a folder")),
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(e) => return Err(failed("read", &raw)(e)),
    }
    Ok(files)
}

/// Reads the statements of a run or a removal, each once: `run.sigstore.json` holds the same one as `run.intoto.jsonl`.
pub fn read_statements(dir: &Path) -> Result<BTreeMap<String, Vec<u8>>, EvidenceError> {
    let mut files = BTreeMap::new();
    read_into(&mut files, &mut MAX_BYTES.clone(), dir, "", |name| is_statement(name) && name != RUN_BUNDLE)?;
    Ok(files)
}

/// Returns true for the names of envelopes and bundles.
pub fn is_statement(name: &str) -> bool {
    !name.starts_with(STAGED) && (name.ends_with(".intoto.jsonl") || name.ends_with(".sigstore.json"))
}

/// Reads one regular file of at most `MAX_BYTES` bytes. Follows no link in the last part of the path.
pub fn read_file(path: &Path) -> Result<Vec<u8>, EvidenceError> {
    read_regular(path, MAX_BYTES).map_err(failed("read", path))
}

/// The SHA-256 of `report.json` that a run's statement names, without a check of its signature.
pub fn named_report_digest(statement: &[u8]) -> Option<String> {
    let envelope: Envelope = serde_json::from_slice(statement).ok()?;
    let payload: serde_json::Value = serde_json::from_slice(&STANDARD.decode(envelope.payload).ok()?).ok()?;
    payload.pointer("/predicate/reportDigest/sha256")?.as_str().map(str::to_owned)
}

fn read_into(
    files: &mut BTreeMap<String, Vec<u8>>,
    left: &mut u64,
    dir: &Path,
    prefix: &str,
    wanted: impl Fn(&str) -> bool,
) -> Result<(), EvidenceError> {
    for (count, entry) in fs::read_dir(dir).map_err(failed("read", dir))?.enumerate() {
        if count >= MAX_ENTRIES {
            return Err(unsafe_file(dir, &format!("it has more than {MAX_ENTRIES} entries")));
        }
        let path = entry.map_err(failed("read", dir))?.path();
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        if wanted(&name) {
            let bytes = read_regular(&path, *left).map_err(failed("read", &path))?;
            *left -= bytes.len() as u64;
            files.insert(format!("{prefix}{name}"), bytes);
        }
    }
    Ok(())
}

fn unsafe_file(path: &Path, why: &str) -> EvidenceError {
    EvidenceError::UnsafeFile { path: path.to_owned(), why: why.to_owned() }
}
