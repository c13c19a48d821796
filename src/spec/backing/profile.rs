//! How a backing service runs, in the same shape for every kind. Pure.

use std::collections::BTreeMap;

/// Words about a kind.
#[derive(Debug)]
pub struct About {
    /// The section of the description, and the word for one.
    pub noun: &'static str,
    /// When it is ready.
    pub ready: &'static str,
    /// What is lost with its container.
    pub lost: &'static str,
    /// What logs of its clients say when it refused them, in lower case, and what that means.
    pub refusals: &'static [(&'static str, &'static str)],
    /// Names of images that are of this kind.
    pub images: &'static [&'static str],
}

/// How a backing service runs, and what it gives to others.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// The port that it listens on.
    pub port: u16,
    /// Arguments of its image.
    pub args: Vec<String>,
    /// Environment variables, without secrets.
    pub env: BTreeMap<String, String>,
    /// Folders that it writes to.
    pub writable: Vec<String>,
    /// Secrets that are generated for it.
    pub credentials: Vec<Credential>,
    /// It gets them itself, under `/run/secrets/<name>.<credential>`; otherwise only digests of them.
    pub receives_credentials: bool,
}

/// A generated secret; its whole name is `<unit>.<name>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// The part of its name after the unit's.
    pub name: String,
    /// Random bytes, written in hexadecimal.
    pub bytes: u16,
}

impl Credential {
    /// A password.
    pub fn password(name: &str) -> Self {
        Self { name: name.to_owned(), bytes: 24 }
    }
}
