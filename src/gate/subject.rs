//! Images that are to be installed. Data only.

use crate::model::{Digest, ImageRef};

/// An image that is to be installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// As it is written: a reference, or a digest alone.
    pub name: String,
    /// Its digest, in hexadecimal digits; none where it is not named by one.
    pub sha256: Option<String>,
    /// Where manifests name it: kind, object and container.
    pub used_by: Vec<String>,
}

impl Subject {
    /// From a reference or a digest.
    pub fn parse(text: &str) -> Self {
        let digest = match text.parse::<Digest>() {
            Ok(digest) => Some(digest),
            Err(_) => ImageRef::split(text).digest().and_then(|d| d.parse().ok()),
        };
        Self { name: text.to_owned(), sha256: digest.map(|d| d.hex()), used_by: vec![] }
    }

    /// Name of the image without tag and digest, with registry and path written out; none for a digest alone.
    pub fn image(&self) -> Option<String> {
        let is_digest = self.name.parse::<Digest>().is_ok();
        (!is_digest).then(|| ImageRef::split(&self.name).qualified().name().to_owned())
    }
}
