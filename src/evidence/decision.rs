//! Stores decisions of the gate in `<dir>/decisions/<day>/<decision id>/`: one signed statement for each image.

use std::path::{Path, PathBuf};

use super::predicate::{DecisionPredicate, DigestSet, Subject, VERIFICATION_SUMMARY};
use super::{EvidenceError, SigningKey, bundle, dsse, log, seal, statement, store};
use crate::model::Digest;
use crate::tlog::Log;

/// `decision-<number>.sigstore.json`: the statement about one image of a decision, from 1.
pub fn file(number: usize) -> String {
    format!("decision-{number}.sigstore.json")
}

/// Signs the statements of one decision, stores all of them or none, and records them in the log. Returns their folder.
///
/// An image without a digest is never allowed; its subject is the SHA-256 of its name.
pub fn store(
    dir: &Path,
    decided: &[(Option<&str>, &DecisionPredicate)],
    key: &SigningKey,
    log: Option<&Log>,
) -> Result<PathBuf, EvidenceError> {
    let mut files = vec![];
    let mut folder = dir.join(store::DECISIONS);
    for (i, (sha256, predicate)) in decided.iter().enumerate() {
        let name = predicate.resource_uri.clone();
        let sha256 = sha256.map_or_else(|| Digest::compute(&name).hex(), str::to_owned);
        let subject = Subject { name, digest: DigestSet::sha256(&sha256) };
        let payload = statement::signable(vec![subject], VERIFICATION_SUMMARY, predicate)?;
        let bundle = bundle::wrap(dsse::sign(&payload.bytes, key), key.verifying_key().keyid());
        files.push((file(i + 1), seal::line(&bundle)?));
        if i == 0 {
            let day = predicate.time_verified.strftime("%Y-%m-%d").to_string();
            store::check_name("decision", &predicate.decision.id)?;
            folder = folder.join(day).join(&predicate.decision.id);
        }
    }
    store::write_all(&folder, &files)?;
    log.map(|log| log::record(&folder, log)).transpose()?;
    Ok(folder)
}
