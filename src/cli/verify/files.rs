//! Verifies the files of a folder, or one file with the proof beside it.

use std::collections::BTreeMap;
use std::path::Path;

use super::evidence::VerifiedEvidence;
use crate::evidence::verify::{Expectations, Refusal, folder, removal, verify as verify_file};
use crate::evidence::{VerifyingKey, read, store};

pub(super) fn check_folder(
    files: &BTreeMap<String, Vec<u8>>,
    key: &VerifyingKey,
    expect: &Expectations,
) -> Result<VerifiedEvidence, Refusal> {
    if files.contains_key(store::REMOVAL_BEGUN) || files.contains_key(store::REMOVAL_ENDED) {
        return Ok(VerifiedEvidence::Removal(Box::new(removal(files, key, expect)?)));
    }
    Ok(VerifiedEvidence::Run(Box::new(folder(files, key, expect)?)))
}

/// A single file, and the proof beside it.
pub(super) fn read_with_proof(path: &Path) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let bytes = read::read_file(path).map_err(|e| format!("failed to {e}"))?;
    let name = file_name(path);
    let proof = path.with_file_name(format!("{name}{}", store::PROOF));
    let mut files = BTreeMap::from([(name.clone(), bytes)]);
    if let Some(bytes) = store::read(&proof).map_err(|e| format!("failed to {e}"))? {
        files.insert(format!("{name}{}", store::PROOF), bytes);
    }
    Ok(files)
}

pub(super) fn check_file(
    path: &Path,
    files: &BTreeMap<String, Vec<u8>>,
    key: &VerifyingKey,
    expect: &Expectations,
) -> Result<VerifiedEvidence, Refusal> {
    let bytes = files.get(&file_name(path)).map(Vec::as_slice).unwrap_or_default();
    Ok(VerifiedEvidence::File(verify_file(bytes, key, expect)?.content))
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
