//! Reasons for refusing evidence. Data only.

use crate::model::{Outcome, RunId};

/// The reason why evidence is refused (exit code 10). Messages are complete sentences.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A file of the folder is refused.
    #[error("{file}: {reason}")]
    InFile {
        /// File.
        file: String,
        /// Why.
        reason: Box<Refusal>,
    },
    /// The file is not exactly one envelope.
    #[error("the file is not one signed envelope or bundle: {0}")]
    Envelope(
        /// Why.
        String,
    ),
    /// The bundle has an unsupported version.
    #[error("the bundle has media type {0:?}; only version 0.3 is supported")]
    MediaType(
        /// Found.
        String,
    ),
    /// The log does not have a statement, or nothing proves it.
    #[error("{file} is not proven to be in the log: {why}")]
    Unlogged {
        /// File.
        file: String,
        /// Why.
        why: String,
    },
    /// Nobody signed the evidence.
    #[error("the evidence is UNSIGNED: it was made with `dayfly run --unsigned`, and proves nothing")]
    Unsigned,
    /// The envelope does not carry exactly one signature.
    #[error("the envelope carries {0} signatures instead of exactly one")]
    Signatures(
        /// Found.
        usize,
    ),
    /// The evidence names another key.
    #[error("the evidence names the key {found}, but the pinned key is {pinned}")]
    WrongKey {
        /// Found.
        found: String,
        /// Pinned.
        pinned: String,
    },
    /// The payload is not an in-toto statement.
    #[error("the payload type {0:?} is not that of an in-toto statement")]
    PayloadType(
        /// Found.
        String,
    ),
    /// Base64 decoding failed.
    #[error("the {0} is not standard base64: {1}")]
    Base64(
        /// `payload` or `signature`.
        &'static str,
        /// Why.
        String,
    ),
    /// The content changed after signing, or another key signed under this key id.
    #[error(
        "the signature does not match: the payload or the signature was changed, or another key signed under the key id {0}"
    )]
    Signature(
        /// Pinned key.
        String,
    ),
    /// The signed payload is not a statement of dayfly.
    #[error("the signed payload is not a dayfly statement: {0}")]
    Payload(
        /// Why.
        String,
    ),
    /// The statement type is not supported.
    #[error("the signed statement has the type {0:?} instead of in-toto version 1")]
    StatementType(
        /// Found.
        String,
    ),
    /// The predicate type is unknown.
    #[error("the signed statement has the unknown predicate type {0:?}")]
    PredicateType(
        /// Found.
        String,
    ),
    /// The evidence is for another commit.
    #[error("the evidence is for commit {found:?}, not for {expected}")]
    WrongCommit {
        /// Expected.
        expected: String,
        /// Found.
        found: String,
    },
    /// The evidence does not cover the image.
    #[error("the evidence covers no image with digest sha256:{expected}")]
    WrongImage {
        /// Expected.
        expected: String,
    },
    /// The run passed without a basis.
    #[error("the run claims PASSED, but {0}")]
    UnfoundedPass(
        /// Why not.
        String,
    ),
    /// The run was never closed.
    #[error("run {0} was opened but never closed, so it counts as failed")]
    NeverClosed(
        /// Run id.
        RunId,
    ),
    /// The folder holds no evidence.
    #[error("the folder holds no evidence of a run (neither `opened.intoto.jsonl` nor `run.intoto.jsonl`)")]
    NoEvidence,
    /// A required file is missing.
    #[error("{0} is missing")]
    MissingFile(
        /// File.
        String,
    ),
    /// A file does not belong to the evidence.
    #[error("{0} does not belong to this run")]
    UnexpectedFile(
        /// File.
        String,
    ),
    /// A file holds the statement of another suite, run or kind.
    #[error("the file holds the statement of {found}, not of {expected}")]
    WrongStatement {
        /// Expected.
        expected: String,
        /// Found.
        found: String,
    },
    /// An authentic file differs from the one that the closing statement names by digest.
    #[error("the file is not the one that the closing statement names: its SHA-256 is {found}, not {expected}")]
    WrongDigest {
        /// Named.
        expected: String,
        /// Found.
        found: String,
    },
    /// Files of one record that do not belong together.
    #[error("the two statements of the removal differ in {0}")]
    DifferentRemoval(
        /// The field.
        &'static str,
    ),
    /// Files of one run that do not belong together.
    #[error("the file differs from the closing statement in the {0}")]
    DifferentContext(
        /// The field.
        &'static str,
    ),
    /// Requirements hold for whole runs.
    #[error("the requirements hold for a whole run, and this is {0}; verify the folder of the run")]
    NotARun(
        /// The kind of evidence.
        &'static str,
    ),
    /// The run did not pass.
    #[error("the run is authentic, but its outcome is {}, and --require-passed was given", outcome_name(*.0))]
    NotPassed(
        /// Outcome.
        Outcome,
    ),
    /// The run does not meet a requirement.
    #[error("the run is authentic, but {0}")]
    Unmet(
        /// The unmet requirement.
        String,
    ),
    /// Raw files that suites name are missing.
    #[error(
        "{count} raw file(s) of the run are missing, among them {first}; --allow-missing-raw accepts evidence without them"
    )]
    RawMissing {
        /// One of them.
        first: String,
        /// Their number.
        count: usize,
    },
    /// A passed run lacks a suite that its opening entry announced.
    #[error("the run claims PASSED, but suite {0}, which its opening entry announced, has no result")]
    MissingSuite(
        /// Suite.
        String,
    ),
}

impl Refusal {
    /// Names the file that is refused.
    pub fn in_file(self, file: &str) -> Self {
        Self::InFile { file: file.into(), reason: Box::new(self) }
    }
}

/// An outcome as evidence writes it.
pub fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "PASSED",
        Outcome::Failed => "FAILED",
        Outcome::Inconclusive => "INCONCLUSIVE",
        Outcome::Error => "ERROR",
        Outcome::Aborted => "ABORTED",
    }
}
