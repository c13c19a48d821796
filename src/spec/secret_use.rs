//! The secrets that texts name, and where they may. Pure.

use super::span::FieldPath;

/// A secret that a text of a service, job or suite names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretUse {
    /// The scalar.
    pub at: FieldPath,
    /// Who must receive it.
    pub holder: Holder,
    /// Name of the secret.
    pub name: String,
}

/// A service, job or suite, whose texts may name secrets that it receives.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Holder {
    /// Its section of the description.
    pub section: Section,
    /// Its name.
    pub name: String,
}

/// A section of the description.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// `services`.
    Services,
    /// `jobs`.
    Jobs,
    /// `suites`.
    Suites,
}

impl Section {
    pub(super) fn of(key: &str) -> Option<Self> {
        match key {
            "services" => Some(Self::Services),
            "jobs" => Some(Self::Jobs),
            "suites" => Some(Self::Suites),
            _ => None,
        }
    }

    /// The word for one of its entries.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Services => "service",
            Self::Jobs => "job",
            Self::Suites => "suite",
        }
    }

    /// Returns true if texts at this path of an entry may name secrets.
    pub(super) fn holds_secrets(self, path: &[&str]) -> bool {
        matches!((self, path), (_, ["secretEnv", ..] | ["files", _, "text"]) | (Self::Suites, ["cases", ..]))
    }
}
