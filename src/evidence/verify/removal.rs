//! Verifies the record of a removal: its beginning and, if present, its end. Pure.

use std::collections::BTreeMap;

use super::{Expectations, Refusal, StatementContent, verify};
use crate::evidence::key::VerifyingKey;
use crate::evidence::predicate::{DigestSet, RemovalPredicate, RemovalState};
use crate::evidence::store::{PROOF, REMOVAL_BEGUN, REMOVAL_ENDED};

/// Verifies the files of a removal's folder; returns the latest statement.
pub fn removal(
    files: &BTreeMap<String, Vec<u8>>,
    key: &VerifyingKey,
    expectations: &Expectations,
) -> Result<RemovalPredicate, Refusal> {
    if let Some(stray) =
        files.keys().filter(|f| !f.ends_with(PROOF)).find(|f| ![REMOVAL_BEGUN, REMOVAL_ENDED].contains(&f.as_str()))
    {
        return Err(Refusal::UnexpectedFile(stray.clone()));
    }
    let (begun, digest) = removal_begun(files, key, expectations)?;
    if !files.contains_key(REMOVAL_ENDED) {
        return Ok(begun);
    }
    let (ended, _) = statement(files, REMOVAL_ENDED, key, expectations)?;
    if ended.state == RemovalState::Begun {
        return Err(wrong_statement(REMOVAL_ENDED, "a removal that is over"));
    }
    let named = ended.begun_digest.clone().unwrap_or_default();
    if named != DigestSet::sha256(&digest) {
        let expected = named.sha256.unwrap_or_default();
        return Err(Refusal::WrongDigest { expected, found: digest }.in_file(REMOVAL_BEGUN));
    }
    match differing_field(&begun, &ended) {
        Some(field) => Err(Refusal::DifferentRemoval(field)),
        None => Ok(ended),
    }
}

/// The first field in which the two statements of one removal must agree and do not.
fn differing_field(begun: &RemovalPredicate, ended: &RemovalPredicate) -> Option<&'static str> {
    let fields = [
        ("the id of the removal", begun.removal_id == ended.removal_id),
        ("the environment", begun.environment == ended.environment),
        ("the reason", begun.reason == ended.reason),
        ("the time at which it began", begun.begun_on == ended.begun_on),
    ];
    fields.into_iter().find(|(_, same)| !same).map(|(field, _)| field)
}

/// Verifies the first statement; also returns the SHA-256 of its payload.
pub fn removal_begun(
    files: &BTreeMap<String, Vec<u8>>,
    key: &VerifyingKey,
    expectations: &Expectations,
) -> Result<(RemovalPredicate, String), Refusal> {
    let (begun, digest) = statement(files, REMOVAL_BEGUN, key, expectations)?;
    if begun.state != RemovalState::Begun {
        return Err(wrong_statement(REMOVAL_BEGUN, "a removal that begins"));
    }
    Ok((begun, digest))
}

fn statement(
    files: &BTreeMap<String, Vec<u8>>,
    file: &str,
    key: &VerifyingKey,
    expectations: &Expectations,
) -> Result<(RemovalPredicate, String), Refusal> {
    let bytes = files.get(file).ok_or_else(|| Refusal::MissingFile(file.into()))?;
    let verified = verify(bytes, key, expectations).map_err(|r| r.in_file(file))?;
    match verified.content {
        StatementContent::Removal(removal) => Ok((*removal, verified.sha256)),
        _ => Err(wrong_statement(file, "a removal")),
    }
}

fn wrong_statement(file: &str, expected: &str) -> Refusal {
    Refusal::WrongStatement { expected: expected.into(), found: "something else".into() }.in_file(file)
}
