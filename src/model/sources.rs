//! Commits that images were built from, and pull requests that belong together. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Repository, is_hex, sanitize, without_credentials};

/// Labels of images, by the specification of the Open Container Initiative.
const SOURCE: &str = "org.opencontainers.image.source";
const REVISION: &str = "org.opencontainers.image.revision";
/// Longest address of a repository.
const MAX_ADDRESS: usize = 2048;

/// The commit that an image was built from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BuiltFrom {
    /// Address of the repository, or OWNER/NAME.
    pub repository: String,
    /// 7 to 64 hexadecimal digits.
    pub commit: String,
}

/// A pull request of another repository that is tested together with this one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkedChange {
    /// Address of the repository, or OWNER/NAME.
    pub repository: String,
    /// Number of the pull request.
    pub pull_request: u32,
}

impl BuiltFrom {
    /// Parses `REPOSITORY@SHA`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (repository, commit) = text.rsplit_once('@').ok_or("expected REPOSITORY@SHA")?;
        Self::new(repository, commit)
    }

    /// Checks both parts. Credentials in the address are left out.
    pub fn new(repository: &str, commit: &str) -> Result<Self, String> {
        let commit = commit.to_ascii_lowercase();
        if !(7..=64).contains(&commit.len()) || !is_hex(&commit, commit.len()) {
            return Err(format!("{commit:?} is no commit: expected 7 to 64 hexadecimal digits"));
        }
        Ok(Self { repository: address(repository)?, commit })
    }

    /// What the labels of an image say. Nothing that is no address or no commit is believed to be one.
    pub fn from_labels(labels: &BTreeMap<String, String>) -> Option<Self> {
        Self::new(labels.get(SOURCE)?, labels.get(REVISION)?).ok()
    }

    /// Returns true if both name the same repository, and one commit begins like the other.
    pub fn agrees_with(&self, other: &Self) -> bool {
        let repositories = Repository::parse(&self.repository).zip(Repository::parse(&other.repository));
        repositories.is_some_and(|(a, b)| a.is(&b))
            && (self.commit.starts_with(&other.commit) || other.commit.starts_with(&self.commit))
    }
}

impl std::fmt::Display for BuiltFrom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at {}", self.repository, self.commit)
    }
}

impl LinkedChange {
    /// Parses `REPOSITORY#NUMBER`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (repository, number) = text.rsplit_once('#').ok_or("expected REPOSITORY#NUMBER")?;
        let pull_request = number.parse().ok().filter(|n| *n > 0);
        let pull_request = pull_request.ok_or_else(|| format!("{number:?} is no number of a pull request"))?;
        Ok(Self { repository: address(repository)?, pull_request })
    }
}

impl std::fmt::Display for LinkedChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}#{}", self.repository, self.pull_request)
    }
}

fn address(text: &str) -> Result<String, String> {
    let is_plain = text.len() <= MAX_ADDRESS && sanitize::one_line(text, MAX_ADDRESS) == text;
    match Repository::parse(text).filter(|_| is_plain) {
        Some(_) => Ok(without_credentials(text.trim())),
        None => Err("the repository is neither OWNER/NAME nor a URL".into()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SHA: &str = "4d1f0c2b6a5e";

    #[test]
    fn reads_what_is_an_address_and_a_commit_only() {
        let of = |source: &str, revision: &str| {
            let labels = [(SOURCE, source), (REVISION, revision)];
            BuiltFrom::from_labels(&labels.map(|(k, v)| (k.to_owned(), v.to_owned())).into_iter().collect())
        };
        let found = of("https://user:word@git.example/team/api.git", &SHA.to_uppercase()).unwrap();
        assert_eq!(found.to_string(), format!("https://git.example/team/api.git at {SHA}"));
        for (source, revision) in [
            ("team/api", "main"),
            ("api", SHA),
            ("team/api\u{1b}[2J", SHA),
            ("team/api\n::error::", SHA),
            ("", ""),
            (&"a/".repeat(2000), SHA),
        ] {
            assert_eq!(of(source, revision), None, "{source:?} {revision:?}");
        }
        assert_eq!(of("user:word@git.example/team/api", SHA).unwrap().repository, "git.example/team/api");
        assert_eq!(BuiltFrom::from_labels(&BTreeMap::new()), None);
    }

    #[test]
    fn parses_flags() {
        assert_eq!(BuiltFrom::parse("git@git.example:team/api@4d1f0c2").unwrap().commit, "4d1f0c2");
        assert_eq!(LinkedChange::parse("team/web#7").unwrap().to_string(), "team/web#7");
        for wrong in ["team/web", "team/web#0", "team/web#x", "web#7", "#7"] {
            assert!(LinkedChange::parse(wrong).is_err(), "{wrong}");
        }
        for wrong in ["team/api", "team/api@", "api@4d1f0c2", "team/api@4d1f0c"] {
            assert!(BuiltFrom::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_short_commit_agrees_with_the_long_one() {
        let from = |text: &str| BuiltFrom::parse(text).unwrap();
        assert!(from("team/api@4d1f0c2").agrees_with(&from("https://git.example/Team/Api.git@4d1f0c2b6a5e")));
        assert!(!from("team/api@4d1f0c2").agrees_with(&from("team/api@4d1f0c3")));
        assert!(!from("team/api@4d1f0c2").agrees_with(&from("team/web@4d1f0c2")));
    }
}
