//! The reasons for refusing evidence, one sentence each. Data only.

/// Why evidence is refused (exit code 10).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// One file of a folder.
    #[error("{file}: {reason}")]
    In {
        /// File.
        file: String,
        /// Why.
        reason: Box<Refusal>,
    },
    /// Not an envelope, or more than one.
    #[error("it is not one signed envelope or bundle: {0}")]
    Envelope(
        /// Why.
        String,
    ),
    /// A bundle of another version.
    #[error("its media type {0:?} is not that of a version 0.3 bundle")]
    MediaType(
        /// Found.
        String,
    ),
    /// None, or several.
    #[error("it carries {0} signatures where there must be exactly one")]
    Signatures(
        /// Found.
        usize,
    ),
    /// Another key signed.
    #[error("it names the key {found}, but the pinned key is {pinned}")]
    Key {
        /// Found.
        found: String,
        /// Pinned.
        pinned: String,
    },
    /// Not an in-toto statement.
    #[error("its payload type {0:?} is not that of an in-toto statement")]
    PayloadType(
        /// Found.
        String,
    ),
    /// Broken encoding.
    #[error("its {0} is not standard base64: {1}")]
    Base64(
        /// `payload` or `signature`.
        &'static str,
        /// Why.
        String,
    ),
    /// Changed after signing, or signed by another key under this key's name.
    #[error(
        "the signature does not match: the payload or the signature was changed, or another key signed it under the name of {0}"
    )]
    Signature(
        /// Pinned key.
        String,
    ),
    /// Signed, but not a statement that we know.
    #[error("the signed payload is not a statement of dayfly: {0}")]
    Payload(
        /// Why.
        String,
    ),
    /// Another statement type.
    #[error("the signed statement has the type {0:?}, which is not in-toto's version 1")]
    StatementType(
        /// Found.
        String,
    ),
    /// Another predicate.
    #[error("the signed statement has the predicate type {0:?}, which is none of dayfly's")]
    PredicateType(
        /// Found.
        String,
    ),
    /// About another commit.
    #[error("it is about commit {found:?}, not about {expected}")]
    Commit {
        /// Expected.
        expected: String,
        /// Found.
        found: String,
    },
    /// About other images.
    #[error("no image that it is about has the digest sha256:{expected}")]
    Image {
        /// Expected.
        expected: String,
    },
    /// Passed without having judged.
    #[error("it says PASSED, but {0}")]
    Hollow(
        /// Why not.
        String,
    ),
    /// A run without an end.
    #[error("run {0} was opened but never closed, so it counts as failed")]
    NeverClosed(
        /// Run id.
        uuid::Uuid,
    ),
    /// No evidence here.
    #[error("there is no evidence of a run in this folder (neither `opened.intoto.jsonl` nor `run.intoto.jsonl`)")]
    Nothing,
    /// A file that must be there.
    #[error("{0} is missing")]
    Missing(
        /// File.
        String,
    ),
    /// A statement that the run does not know.
    #[error("{0} is no part of this run")]
    Stray(
        /// File.
        String,
    ),
    /// A suite, run or opening entry where another is expected.
    #[error("it is the statement of {found}, not of {expected}")]
    Other {
        /// Expected.
        expected: String,
        /// Found.
        found: String,
    },
    /// Authentic, but not the one that the run's statement names by digest.
    #[error("it is not the one that the run's statement names: its SHA-256 is {found}, the run names {expected}")]
    Unbound {
        /// Named.
        expected: String,
        /// Found.
        found: String,
    },
    /// A suite was announced and dropped.
    #[error("the run says PASSED, but suite {0}, which its opening entry announced, has no result")]
    Dropped(
        /// Suite.
        String,
    ),
}

impl Refusal {
    /// The same, said of a file.
    pub fn in_file(self, file: &str) -> Self {
        Self::In { file: file.into(), reason: Box::new(self) }
    }
}
