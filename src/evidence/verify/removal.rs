//! Judges the record of a removal: that it began, and how it ended, if that was written. Pure.

use std::collections::BTreeMap;

use super::{Expect, Refusal, Said, verify};
use crate::evidence::key::VerifyingKey;
use crate::evidence::predicate::{DigestSet, RemovalPredicate, RemovalState};
use crate::evidence::store::{REMOVAL_BEGUN, REMOVAL_ENDED};

/// Verifies the files of a removal's folder; gives the last word of it.
pub fn removal(
    files: &BTreeMap<String, Vec<u8>>,
    key: &VerifyingKey,
    expect: &Expect,
) -> Result<RemovalPredicate, Refusal> {
    if let Some(stray) = files.keys().find(|f| ![REMOVAL_BEGUN, REMOVAL_ENDED].contains(&f.as_str())) {
        return Err(Refusal::Stray(stray.clone()));
    }
    let (begun, digest) = removal_begun(files, key, expect)?;
    if !files.contains_key(REMOVAL_ENDED) {
        return Ok(begun);
    }
    let (ended, _) = statement(files, REMOVAL_ENDED, key, expect)?;
    if ended.state == RemovalState::Begun {
        return Err(swapped(REMOVAL_ENDED, "a removal that is over"));
    }
    let named = ended.begun_digest.clone().unwrap_or_default();
    if named != DigestSet::sha256(&digest) {
        let expected = named.sha256.unwrap_or_default();
        return Err(Refusal::Unbound { expected, found: digest }.in_file(REMOVAL_BEGUN));
    }
    Ok(ended)
}

/// Verifies that it began; also gives the SHA-256 of that statement's payload.
pub fn removal_begun(
    files: &BTreeMap<String, Vec<u8>>,
    key: &VerifyingKey,
    expect: &Expect,
) -> Result<(RemovalPredicate, String), Refusal> {
    let (begun, digest) = statement(files, REMOVAL_BEGUN, key, expect)?;
    if begun.state != RemovalState::Begun {
        return Err(swapped(REMOVAL_BEGUN, "a removal that begins"));
    }
    Ok((begun, digest))
}

fn statement(
    files: &BTreeMap<String, Vec<u8>>,
    file: &str,
    key: &VerifyingKey,
    expect: &Expect,
) -> Result<(RemovalPredicate, String), Refusal> {
    let bytes = files.get(file).ok_or_else(|| Refusal::Missing(file.into()))?;
    let verified = verify(bytes, key, expect).map_err(|r| r.in_file(file))?;
    match verified.said {
        Said::Removal(removal) => Ok((*removal, verified.sha256)),
        _ => Err(swapped(file, "a removal")),
    }
}

fn swapped(file: &str, expected: &str) -> Refusal {
    Refusal::Other { expected: expected.into(), found: "something else".into() }.in_file(file)
}
