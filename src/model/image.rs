//! Images as an engine holds them.

use serde::{Deserialize, Serialize};

use super::BuiltFrom;

/// An image as the engine holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImageFact {
    /// As asked for.
    pub reference: String,
    /// `sha256:…` manifest digest where the image came from a registry, else the image id; empty until it is known.
    pub digest: String,
    /// `linux/amd64`.
    pub platform: String,
    /// The user that the image asks for; empty means root, none that it is not known before it runs.
    pub user: Option<String>,
    /// The commit that its labels name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub built_from: Option<BuiltFrom>,
}

impl ImageFact {
    /// An image of which only the reference is known.
    pub fn unknown(reference: &str) -> Self {
        let (reference, digest, platform) = (reference.to_owned(), String::new(), String::new());
        Self { reference, digest, platform, user: None, built_from: None }
    }
}
