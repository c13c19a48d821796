//! Failures to generate secrets.

/// Secrets could not be generated; messages complete "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// The operating system gave no randomness.
    #[error("make random bytes: {0}")]
    Randomness(#[from] getrandom::Error),
    /// A key or certificate could not be generated.
    #[error("make a certificate for {name}: {source}")]
    Certificate {
        /// Unit, or the authority.
        name: String,
        /// The reason.
        source: rcgen::Error,
    },
    /// A key for tokens could not be generated or used.
    #[error("make a key or signature of {algorithm}: {why}")]
    Key {
        /// Name of the algorithm.
        algorithm: &'static str,
        /// The reason.
        why: String,
    },
    /// There are too many secrets.
    #[error("search for the secrets of the environment: {0}")]
    TooMany(#[from] aho_corasick::BuildError),
    /// A unit or suite lists an unknown secret.
    #[error("give the secret `{secret}` to `{to}`: nothing makes a secret of that name")]
    Unknown {
        /// The secret's name.
        secret: String,
        /// Unit or suite.
        to: String,
    },
}
