//! Owners of environments: whom a claim must not take one from. Pure.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::{EnvironmentScope, RunId, repository_key, sanitize};

/// Longest part of an owner in a message.
const LONGEST_PART: usize = 200;

/// The owner of an environment: who requested it, and for which repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Owner {
    /// Namespace of the TestEnvironment that requested it; none if the command line did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Repository in canonical form, as the requester declared it, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The command line's account on the engine, if the engine has accounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

/// An environment that a run took over from another owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TakenOver {
    /// The run that had it; none if its lease could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<RunId>,
    /// Its owner; none if its lease does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
}

impl Owner {
    /// The owner of what a TestEnvironment in this namespace requests.
    pub fn namespace(namespace: &str, repository: Option<&str>) -> Self {
        Self { namespace: Some(namespace.into()), repository: repository.map(repository_key), account: None }
    }

    /// The owner of what the command line requests.
    pub fn command_line(account: Option<String>, repository: Option<&str>) -> Self {
        Self { namespace: None, repository: repository.map(repository_key), account }
    }

    /// Scope of the names of its environments; none for the command line, whose users choose their names.
    pub fn scope(&self) -> Option<EnvironmentScope> {
        let namespace = self.namespace.as_deref()?;
        Some(EnvironmentScope::of(&[namespace, self.repository.as_deref().unwrap_or_default()]))
    }

    /// Returns true if both are the same owner. An owner that a lease does not name is never the same.
    pub fn is_same_owner(&self, other: Option<&Self>) -> bool {
        other == Some(self)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |text: &str| sanitize::one_line(text, LONGEST_PART);
        match (&self.namespace, &self.account) {
            (Some(namespace), _) => write!(f, "namespace {}", part(namespace))?,
            (None, Some(account)) => write!(f, "account {} on the command line", part(account))?,
            (None, None) => f.write_str("the command line")?,
        }
        match &self.repository {
            Some(repository) => write!(f, ", repository {}", part(repository)),
            None => f.write_str(", without a repository"),
        }
    }
}

impl fmt::Display for TakenOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&described(self.owner.as_ref()))?;
        match self.run_id {
            Some(run) => write!(f, " (run {run})"),
            None => Ok(()),
        }
    }
}

/// The owner in words, also if it is unknown.
pub fn described(owner: Option<&Owner>) -> String {
    owner.map_or_else(|| "an owner that its lease does not name".into(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn requester_repository_and_account_make_the_owner() {
        let team = Owner::namespace("team", Some("https://git.test/Team/Hello"));
        let same = Owner::namespace("team", Some("git@git.test:team/hello.git"));
        assert!(team.is_same_owner(Some(&same)));
        let others = [
            Owner::namespace("evil", Some("https://git.test/team/hello")),
            Owner::namespace("team", Some("https://git.test/other/hello")),
            Owner::namespace("team", Some("https://other.test/team/hello")),
            Owner::namespace("team", None),
            Owner::command_line(None, Some("https://git.test/team/hello")),
            Owner::command_line(Some("team".into()), Some("https://git.test/team/hello")),
        ];
        for other in &others {
            assert!(!team.is_same_owner(Some(other)), "{other}");
        }
        assert!(!team.is_same_owner(None));
    }

    #[test]
    fn accounts_distinguish_the_users_of_a_command_line() {
        let of = |account: Option<&str>| Owner::command_line(account.map(str::to_owned), Some("a/b"));
        assert!(of(Some("alice")).is_same_owner(Some(&of(Some("alice")))));
        assert!(!of(Some("alice")).is_same_owner(Some(&of(Some("bob")))));
        assert!(!of(Some("alice")).is_same_owner(Some(&of(None))));
        assert!(of(None).is_same_owner(Some(&of(None))));
    }

    #[test]
    fn its_words_stay_on_one_line_and_are_bounded() {
        let hostile = Owner::command_line(Some("a\n::error::\u{1b}[2J".into()), Some(&"x".repeat(9000)));
        let words = hostile.to_string();
        assert!(!words.contains(['\n', '\u{1b}']) && words.chars().count() < 500, "{words}");
        assert_eq!(Owner::command_line(None, None).to_string(), "the command line, without a repository");
    }
}
