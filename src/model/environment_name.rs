//! Names of environments.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Stands between the name of the description and the number of the pull request.
const SEPARATOR: &str = "-pr-";

/// Name of an environment: `<description>-pr-<number>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnvironmentName {
    description: String,
    pr: u32,
}

/// The text is not the name of an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected the name of an environment, such as hello-pr-1")]
pub struct InvalidEnvironmentName;

impl EnvironmentName {
    /// The environment of a description for a pull request.
    pub fn new(description: impl Into<String>, pr: u32) -> Self {
        Self { description: description.into(), pr }
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
        write!(f, "{}{SEPARATOR}{}", self.description, self.pr)
    }
}

impl FromStr for EnvironmentName {
    type Err = InvalidEnvironmentName;

    fn from_str(text: &str) -> Result<Self, InvalidEnvironmentName> {
        let (description, number) = text.rsplit_once(SEPARATOR).ok_or(InvalidEnvironmentName)?;
        let name = Self::new(description, number.parse().map_err(|_| InvalidEnvironmentName)?);
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
        }
    }

    #[test]
    fn refuses_other_names() {
        for text in
            ["", "hello", "hello-pr-", "hello-pr-x", "-pr-1", "a-pr-+1", "a-pr-01", "a-pr-4294967296", "a-pr-1-"]
        {
            assert_eq!(text.parse::<EnvironmentName>(), Err(InvalidEnvironmentName), "{text}");
        }
    }
}
