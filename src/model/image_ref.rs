//! Image references. Pure.
//!
//! The crate `oci-spec` has a parser too, but brings eleven further crates, knows no IPv6 registries, and refuses what
//! local engines accept.

use std::fmt;
use std::str::FromStr;

use super::Digest;

/// Host of Docker Hub's registry.
const HUB: &str = "registry-1.docker.io";
/// Names of Docker Hub.
const HUB_NAMES: [&str; 3] = ["docker.io", "index.docker.io", HUB];
/// Longest repository name, by the specification of references.
const MAX_NAME: usize = 255;
/// Longest reference in a description.
const MAX_REFERENCE: usize = 501;
/// The tag of a reference that has neither tag nor digest.
const LATEST: &str = "latest";

/// An image reference: `name[:tag][@digest]`.
///
/// Its parts are checked only by [`ImageRef::in_registry`]: local engines also accept ids, and names that no registry has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageRef {
    name: String,
    tag: Option<String>,
    digest: Option<String>,
}

/// The text is not an image reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected an image reference such as registry.example/shop/api:1.4")]
pub struct InvalidImageRef;

/// An image as its registry knows it; every part is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryImage {
    /// `host` or `host:port` of the registry.
    pub host: String,
    /// Path of the image in the registry.
    pub repository: String,
    /// Which image of the repository.
    pub version: ImageVersion,
}

/// Which image of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageVersion {
    /// The image that the tag names now.
    Tag(String),
    /// The image with this digest.
    Digest(Digest),
}

impl fmt::Display for ImageVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => f.write_str(tag),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

impl ImageRef {
    /// Splits a reference into its parts, without a check.
    pub fn split(text: &str) -> Self {
        let (named, digest) = text.split_once('@').map_or((text, None), |(named, digest)| (named, Some(digest)));
        let (name, tag) = match named.rsplit_once(':') {
            // Otherwise the colon is that of a port.
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (named, None),
        };
        Self { name: name.to_owned(), tag: tag.map(str::to_owned), digest: digest.map(str::to_owned) }
    }

    /// The reference without tag and digest.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The digest, as written.
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    /// Digest or tag; `latest` if there is neither. A tag beside a digest has no meaning.
    pub fn version(&self) -> &str {
        self.digest.as_deref().or(self.tag.as_deref()).unwrap_or(LATEST)
    }

    /// The reference with registry and path written out.
    pub fn qualified(&self) -> Self {
        let name = match self.name.split_once('/') {
            None => format!("docker.io/library/{}", self.name),
            Some((first, _)) if is_registry(first) => self.name.clone(),
            Some(_) => format!("docker.io/{}", self.name),
        };
        Self { name, ..self.clone() }
    }

    /// Returns true if the image exists only where it was built: such images are never pulled.
    pub fn is_local(&self) -> bool {
        self.name.starts_with("localhost/")
    }

    /// The qualified reference by which the image is pulled: through the mirror, if there is one.
    pub fn pulled_through(&self, mirror: Option<&str>) -> Self {
        let full = self.qualified();
        match (mirror, full.name.split_once('/')) {
            (Some(mirror), Some((_, path))) if !full.is_local() => {
                Self { name: format!("{}/{path}", mirror.trim_end_matches('/')), ..full }
            }
            _ => full,
        }
    }

    /// Where a registry has the image. Strict, because the parts become parts of a URL; the error is a sentence.
    pub fn in_registry(&self) -> Result<RegistryImage, String> {
        if let Some(tag) = self.tag.as_ref().filter(|tag| !is_tag(tag)) {
            return Err(format!("`{tag}` is not an image tag: check the reference"));
        }
        let version = match &self.digest {
            None => ImageVersion::Tag(self.version().to_owned()),
            Some(text) => match text.parse::<Digest>() {
                Ok(digest) if digest.to_string() == *text => ImageVersion::Digest(digest),
                _ => {
                    return Err(format!(
                        "`{text}` is not a digest of the form sha256:… with 64 digits: check the reference"
                    ));
                }
            },
        };
        let (host, repository) = location(&self.name);
        if !is_host(&host) || !is_repository(&repository) {
            let name = &self.name;
            return Err(format!(
                "`{name}` is not an image name: write it in lower case, as in registry.example/team/image"
            ));
        }
        Ok(RegistryImage { host, repository, version })
    }
}

impl FromStr for ImageRef {
    type Err = InvalidImageRef;

    /// Accepts what a description may contain.
    fn from_str(text: &str) -> Result<Self, InvalidImageRef> {
        let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        let legal = |b: u8| b.is_ascii_alphanumeric() || b"._:/@-".contains(&b);
        if begins && text.len() <= MAX_REFERENCE && text.bytes().all(legal) {
            Ok(Self::split(text))
        } else {
            Err(InvalidImageRef)
        }
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.tag.iter().try_for_each(|tag| write!(f, ":{tag}"))?;
        self.digest.iter().try_for_each(|digest| write!(f, "@{digest}"))
    }
}

/// The host that answers for a registry: lower case, and Docker Hub under its registry's name.
pub fn registry_host(host: &str) -> String {
    let host = host.to_ascii_lowercase();
    if HUB_NAMES.contains(&host.as_str()) { HUB.to_owned() } else { host }
}

fn is_registry(first: &str) -> bool {
    first.contains(['.', ':']) || first == "localhost"
}

fn location(name: &str) -> (String, String) {
    let (host, path) = match name.split_once('/') {
        Some((first, path)) if is_registry(first) => (registry_host(first), path),
        _ => (HUB.to_owned(), name),
    };
    let official = host == HUB && !path.contains('/');
    (host, if official { format!("library/{path}") } else { path.to_owned() })
}

fn is_host(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        _ => (host, None),
    };
    let address = name.strip_prefix('[').and_then(|n| n.strip_suffix(']'));
    let named = |n: &str| !n.is_empty() && n.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b));
    address.map_or_else(|| named(name), |a| a.parse::<std::net::Ipv6Addr>().is_ok())
        && port.is_none_or(|p| p.parse::<u16>().is_ok())
}

fn is_repository(path: &str) -> bool {
    let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let part = |p: &str| {
        let ends = [p.bytes().next(), p.bytes().next_back()];
        ends.iter().all(|b| b.is_some_and(letter)) && p.bytes().all(|b| letter(b) || b"._-".contains(&b))
    };
    path.len() <= MAX_NAME && path.split('/').all(part)
}

fn is_tag(tag: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    (1..=128).contains(&tag.len())
        && tag.bytes().next().is_some_and(word)
        && tag.bytes().all(|b| word(b) || b".-".contains(&b))
}

#[cfg(test)]
mod tests;
