//! What a lock file says of a package beside its version. Pure.
//!
//! All of it is the word of whoever wrote the lock file.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Longest text in characters.
const MAX_TEXT: usize = 200;
/// Most hashes and publishers of a package.
const MAX_LISTED: usize = 2000;

/// What a lock file says of a package beside its version.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Locked {
    /// Where the package comes from; none where the file does not say.
    pub origin: Option<Origin>,
    /// When the last of its files was uploaded; none if one of them has no time.
    pub uploaded: Option<Timestamp>,
    /// Who attested its files: kind, repository and workflow.
    pub publishers: BTreeSet<String>,
    /// Hashes of its files.
    pub hashes: BTreeSet<String>,
    /// It runs code when it is installed.
    pub install_code: bool,
    /// Why its authors advise against it.
    pub deprecated: Option<String>,
}

/// Where a package comes from, without credentials, revisions and names of files.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind", content = "at")]
pub enum Origin {
    /// A registry or an index.
    Registry(String),
    /// A repository.
    Git(String),
    /// An archive, by the host of its address.
    Address(String),
    /// A file of the project.
    File,
}

impl Locked {
    /// Notes a hash.
    pub fn hash(&mut self, hash: &str) {
        if self.hashes.len() < MAX_LISTED {
            self.hashes.insert(cut(hash));
        }
    }

    /// Notes who attested its files.
    pub fn publisher(&mut self, publisher: &str) {
        if self.publishers.len() < MAX_LISTED {
            self.publishers.insert(cut(publisher));
        }
    }

    /// Notes why its authors advise against it.
    pub fn deprecate(&mut self, why: &str) {
        self.deprecated = Some(cut(why));
    }
}

impl Origin {
    /// A registry by its URL, also with the prefixes of Cargo's lock files.
    pub fn registry(url: &str) -> Self {
        Self::Registry(place(url))
    }

    /// A repository by its URL.
    pub fn git(url: &str) -> Self {
        Self::Git(place(url))
    }

    /// An archive by its URL.
    pub fn address(url: &str) -> Self {
        Self::Address(host(url))
    }

    /// What npm writes under `resolved`.
    pub fn of_npm(resolved: &str) -> Self {
        let is_git = ["git+", "git:", "git@", "ssh:", "github:", "gitlab:", "bitbucket:"];
        if is_git.iter().any(|start| resolved.starts_with(start)) {
            Self::git(resolved)
        } else if !resolved.contains("://") {
            Self::File
        } else if resolved.contains("/-/") {
            // Every registry has this path.
            Self::Registry(host(resolved))
        } else {
            Self::address(resolved)
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry(at) => write!(f, "the registry {at}"),
            Self::Git(at) => write!(f, "the repository {at}"),
            Self::Address(at) => write!(f, "an archive of {at}"),
            Self::File => f.write_str("a file of the project"),
        }
    }
}

/// A URL without scheme, credentials, query and fragment.
fn place(url: &str) -> String {
    let url = url.split(['#', '?']).next().unwrap_or_default();
    let rest = url.rsplit_once("://").map_or(url, |(_, rest)| rest);
    let (authority, path) = rest.split_once('/').map_or((rest, None), |(a, p)| (a, Some(p)));
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host).to_ascii_lowercase();
    let path = path.unwrap_or_default().trim_end_matches('/').trim_end_matches(".git");
    cut(if path.is_empty() { authority } else { format!("{authority}/{path}") }.as_str())
}

fn host(url: &str) -> String {
    place(url).split('/').next().unwrap_or_default().to_owned()
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_no_credentials_revisions_or_files() {
        let registry = |url: &str| Origin::registry(url).to_string();
        assert_eq!(registry("https://user:secret@Pypi.example/simple/"), "the registry pypi.example/simple");
        assert_eq!(registry("registry+https://github.com/rust-lang/crates.io-index"), {
            "the registry github.com/rust-lang/crates.io-index"
        });
        assert_eq!(Origin::git("git+https://x@git.example/a/b.git?rev=1#2"), Origin::Git("git.example/a/b".into()));
        assert_eq!(Origin::address("https://files.example/a-1.0.tgz"), Origin::Address("files.example".into()));
    }

    #[test]
    fn npm_says_whether_a_registry_or_an_address_has_a_package() {
        for (resolved, origin) in [
            ("https://registry.npmjs.org/a/-/a-1.0.0.tgz", Origin::Registry("registry.npmjs.org".into())),
            ("https://evil.example/a-1.0.0.tgz", Origin::Address("evil.example".into())),
            ("git+ssh://git@github.com/a/b.git#c0ffee", Origin::Git("github.com/a/b".into())),
            ("file:a-1.0.0.tgz", Origin::File),
        ] {
            assert_eq!(Origin::of_npm(resolved), origin, "{resolved}");
        }
    }
}
