//! Reads image references as people write them: which registry, which repository, which tag or digest.
//!
//! Pure: it asks no registry.

use crate::model::Digest;

/// Where Docker Hub's registry really is.
const HUB: &str = "registry-1.docker.io";
/// Names by which Docker Hub is meant.
const HUB_NAMES: [&str; 3] = ["docker.io", "index.docker.io", HUB];
/// Longest repository name, by the specification of references.
const LONGEST_NAME: usize = 255;

/// An image reference, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// `host` or `host:port` of the registry to ask.
    pub host: String,
    /// Path of the image there.
    pub repository: String,
    /// Which image of the repository.
    pub version: Version,
}

/// Which image of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Version {
    /// Whatever the tag names now.
    Tag(String),
    /// `sha256:…`: this one.
    Digest(String),
}

impl Version {
    /// As it stands in a path of the registry's API.
    pub fn text(&self) -> &str {
        match self {
            Self::Tag(text) | Self::Digest(text) => text,
        }
    }
}

impl Reference {
    /// Reads `name[:tag][@digest]`; the tag is `latest` when there is neither. The error is a whole sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (named, digest) = text.split_once('@').map_or((text, None), |(named, digest)| (named, Some(digest)));
        let (name, tag) = match named.rsplit_once(':') {
            // Otherwise the colon is that of a port.
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (named, None),
        };
        if let Some(tag) = tag.filter(|t| !is_tag(t)) {
            return Err(format!("`{tag}` is no tag of an image: check the reference"));
        }
        // A tag beside a digest says nothing more.
        let version = match digest {
            Some(digest) if is_digest(digest) => Version::Digest(digest.to_owned()),
            Some(digest) => {
                return Err(format!(
                    "`{digest}` is no digest of the form sha256:… with 64 digits: check the reference"
                ));
            }
            None => Version::Tag(tag.unwrap_or("latest").to_owned()),
        };
        let (host, repository) = located(name);
        if !is_host(&host) || !is_repository(&repository) {
            return Err(format!(
                "`{name}` is no name of an image: it is lower case, as in registry.example/team/image"
            ));
        }
        Ok(Self { host, repository, version })
    }
}

/// Whether a text is a digest that can be checked: `sha256:` and 64 lower-case hexadecimal digits.
pub fn is_digest(text: &str) -> bool {
    text.parse::<Digest>().is_ok_and(|digest| digest.to_string() == text)
}

/// The registry's host as it is asked: lower case, Docker Hub under the name that answers.
pub fn asked_host(host: &str) -> String {
    let host = host.to_ascii_lowercase();
    if HUB_NAMES.contains(&host.as_str()) { HUB.to_owned() } else { host }
}

fn located(name: &str) -> (String, String) {
    let is_registry = |first: &str| first.contains(['.', ':']) || first == "localhost";
    let (host, path) = match name.split_once('/') {
        Some((first, path)) if is_registry(first) => (asked_host(first), path),
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

/// Strict, because the name becomes part of a path.
fn is_repository(path: &str) -> bool {
    let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let part = |p: &str| {
        let ends = [p.bytes().next(), p.bytes().next_back()];
        ends.iter().all(|b| b.is_some_and(letter)) && p.bytes().all(|b| letter(b) || b"._-".contains(&b))
    };
    path.len() <= LONGEST_NAME && path.split('/').all(part)
}

fn is_tag(tag: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    (1..=128).contains(&tag.len())
        && tag.bytes().next().is_some_and(word)
        && tag.bytes().all(|b| word(b) || b".-".contains(&b))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(text: &str) -> (String, String, String) {
        let r = Reference::parse(text).unwrap();
        (r.host, r.repository, r.version.text().to_owned())
    }

    fn parts(host: &str, repository: &str, version: &str) -> (String, String, String) {
        (host.into(), repository.into(), version.into())
    }

    #[test]
    fn short_names_mean_docker_hub() {
        assert_eq!(read("rabbitmq:4"), parts(HUB, "library/rabbitmq", "4"));
        assert_eq!(read("docker.io/rabbitmq"), parts(HUB, "library/rabbitmq", "latest"));
        assert_eq!(read("docker.io/library/rabbitmq:4"), parts(HUB, "library/rabbitmq", "4"));
        assert_eq!(read("index.docker.io/team/app"), parts(HUB, "team/app", "latest"));
        assert_eq!(read("team/app:1.2"), parts(HUB, "team/app", "1.2"));
    }

    #[test]
    fn ports_tags_and_digests_are_told_apart() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        assert_eq!(read("127.0.0.1:5000/a"), parts("127.0.0.1:5000", "a", "latest"));
        assert_eq!(read("[::1]:5000/a/b:x"), parts("[::1]:5000", "a/b", "x"));
        assert_eq!(read("localhost/a:1"), parts("localhost", "a", "1"));
        assert_eq!(read("GHCR.io/a/b_c-d:v1.0_x"), parts("ghcr.io", "a/b_c-d", "v1.0_x"));
        assert_eq!(read(&format!("ghcr.io/a/b@{digest}")), parts("ghcr.io", "a/b", &digest));
        let both = Reference::parse(&format!("r.test:5000/a:1@{digest}")).unwrap();
        assert_eq!(both.version, Version::Digest(digest));
    }

    #[test]
    fn what_would_leave_its_place_in_a_path_is_refused() {
        for text in [
            "",
            ":1",
            "a:",
            "r.test/",
            "r.test/../x",
            "r.test/a//b",
            "r.test/a?b",
            "r.test/A",
            "r.test:x/a",
            "u@r.test/a",
            "a:-x",
            "a:b c",
            "a@sha256:12",
            "a@sha512:00",
            "[zz]:1/a",
            "r.test/.a",
            "a@b@c",
            "r.t#st.x/a",
            "ä/b",
        ] {
            assert!(Reference::parse(text).is_err(), "{text}");
        }
        assert!(Reference::parse(&"a".repeat(300)).is_err());
    }
}
