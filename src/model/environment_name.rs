//! Names of environments.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::Digest;

/// Stands between the name of the description and the number of the pull request.
const SEPARATOR: &str = "-pr-";

/// Length of a scope.
const SCOPE: usize = 8;

/// Name of an environment: `<description>-pr-<number>`, and `-<scope>` where several requesters share an engine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnvironmentName {
    description: String,
    pr: u32,
    scope: Option<EnvironmentScope>,
}

/// Tells the environments of one requester and repository from those of others: eight lower-case letters and digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnvironmentScope(String);

impl EnvironmentScope {
    /// The scope of a requester; each part is hashed with its length.
    pub fn of(parts: &[&str]) -> Self {
        const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
        let text: String = parts.iter().map(|part| format!("{}:{part};", part.len())).collect();
        let digest = Digest::compute(text.as_bytes()).hex();
        let values = digest.as_bytes().chunks(2).take(SCOPE).filter_map(|pair| {
            let byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
            ALPHABET.get(usize::from(byte % 32)).map(|c| char::from(*c))
        });
        Self(values.collect())
    }

    fn parse(text: &str) -> Option<Self> {
        let known = |b: u8| b.is_ascii_lowercase() || (b'2'..=b'7').contains(&b);
        (text.len() == SCOPE && text.bytes().all(known)).then(|| Self(text.to_owned()))
    }
}

/// The text is not the name of an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected the name of an environment, such as hello-pr-1")]
pub struct InvalidEnvironmentName;

impl EnvironmentName {
    /// The environment of a description for a pull request.
    pub fn new(description: impl Into<String>, pr: u32) -> Self {
        Self { description: description.into(), pr, scope: None }
    }

    /// The same, of this scope.
    pub fn scoped(self, scope: Option<EnvironmentScope>) -> Self {
        Self { scope, ..self }
    }

    /// Name of the description.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Number of the pull request.
    pub fn pr(&self) -> u32 {
        self.pr
    }
}

impl fmt::Display for EnvironmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{SEPARATOR}{}", self.description, self.pr)?;
        self.scope.iter().try_for_each(|scope| write!(f, "-{}", scope.0))
    }
}

impl FromStr for EnvironmentName {
    type Err = InvalidEnvironmentName;

    fn from_str(text: &str) -> Result<Self, InvalidEnvironmentName> {
        let (description, rest) = text.rsplit_once(SEPARATOR).ok_or(InvalidEnvironmentName)?;
        let (number, scope) = match rest.split_once('-') {
            Some((number, scope)) => (number, Some(EnvironmentScope::parse(scope).ok_or(InvalidEnvironmentName)?)),
            None => (rest, None),
        };
        let name = Self::new(description, number.parse().map_err(|_| InvalidEnvironmentName)?).scoped(scope);
        // `+1` and `01` are numbers too, but no environment has such a name.
        if description.is_empty() || name.to_string() != text { Err(InvalidEnvironmentName) } else { Ok(name) }
    }
}

impl Serialize for EnvironmentName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EnvironmentName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for (description, pr) in [("hello", 1), ("a-pr-7", 0), ("shop", u32::MAX)] {
            let name = EnvironmentName::new(description, pr);
            assert_eq!(name.to_string().parse(), Ok(name.clone()));
            assert_eq!((name.description(), name.pr()), (description, pr));
            let json = serde_json::to_value(&name).unwrap();
            assert_eq!(json, name.to_string());
            assert_eq!(serde_json::from_value::<EnvironmentName>(json).unwrap(), name);
            let scoped = name.scoped(Some(EnvironmentScope::of(&["team", "git.test/team/shop"])));
            assert_eq!(scoped.to_string().parse(), Ok(scoped.clone()));
            assert_eq!((scoped.description(), scoped.pr()), (description, pr));
        }
    }

    #[test]
    fn every_requester_and_repository_has_its_own_names() {
        let name =
            |parts: &[&str]| EnvironmentName::new("shop", 7).scoped(Some(EnvironmentScope::of(parts))).to_string();
        let own = name(&["team", "git.test/team/shop"]);
        assert_eq!(own, name(&["team", "git.test/team/shop"]));
        for other in [&["evil", "git.test/team/shop"][..], &["team", "git.test/other"], &["team"], &["team;4:x", ""]] {
            assert_ne!(own, name(other), "{other:?}");
        }
        assert_ne!(own, EnvironmentName::new("shop", 7).to_string());
        // The longest name of a description and the largest number still make the name of a namespace.
        let longest = EnvironmentName::new("x".repeat(40), u32::MAX).scoped(Some(EnvironmentScope::of(&["team"])));
        assert_eq!(longest.to_string().len(), 63);
    }

    #[test]
    fn refuses_other_names() {
        for text in [
            "",
            "hello",
            "hello-pr-",
            "hello-pr-x",
            "-pr-1",
            "a-pr-+1",
            "a-pr-01",
            "a-pr-4294967296",
            "a-pr-1-",
            "a-pr-1-abc",
            "a-pr-1-ABCDEFGH",
            "a-pr-1-abcdefg1",
        ] {
            assert_eq!(text.parse::<EnvironmentName>(), Err(InvalidEnvironmentName), "{text}");
        }
    }
}
