//! Versions, and their order in each ecosystem. Pure.

use std::cmp::Ordering;
use std::str::FromStr as _;

use super::ecosystem::{Ecosystem, Scheme};
use super::package::MAX_VERSION;

mod dpkg;
mod rpm;
mod semantic;

/// A version that can be compared with others of its ecosystem.
#[derive(Debug, Clone)]
pub struct Version(Parsed);

#[derive(Debug, Clone)]
enum Parsed {
    Pep440(Box<pep440_rs::Version>),
    Semver(semver::Version),
    Dpkg(dpkg::DpkgVersion),
    Rpm(rpm::RpmVersion),
}

/// Why a version cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Incomparable {
    /// dayfly does not know the order of the ecosystem's versions.
    #[error("versions of {0} cannot be compared")]
    Ecosystem(
        /// Ecosystem.
        String,
    ),
    /// The version does not have the form of its ecosystem.
    #[error("version {version:?} cannot be compared: {why}")]
    Version {
        /// Version, its beginning.
        version: String,
        /// Why.
        why: String,
    },
}

impl Version {
    /// Parses a version of an ecosystem.
    pub fn parse(ecosystem: &Ecosystem, text: &str) -> Result<Self, Incomparable> {
        let Some(scheme) = ecosystem.scheme() else { return Err(Incomparable::Ecosystem(ecosystem.to_string())) };
        let fault = |why: String| Incomparable::Version { version: text.chars().take(60).collect(), why };
        if text.len() > MAX_VERSION {
            return Err(fault("it is too long".into()));
        }
        Ok(Self(match scheme {
            Scheme::Pep440 => Parsed::Pep440(Box::new(
                pep440_rs::Version::from_str(text).map_err(|_| fault("it is not a version by PEP 440".into()))?,
            )),
            Scheme::Semver => Parsed::Semver(semantic::parse(text, ecosystem.base() == "Go").map_err(fault)?),
            Scheme::Dpkg => Parsed::Dpkg(text.parse().map_err(fault)?),
            Scheme::Rpm => Parsed::Rpm(text.parse().map_err(fault)?),
        }))
    }

    /// The order of two versions of one ecosystem; none if they are of different schemes.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        Some(match (&self.0, &other.0) {
            (Parsed::Pep440(a), Parsed::Pep440(b)) => a.cmp(b),
            // Build metadata has no part in the order.
            (Parsed::Semver(a), Parsed::Semver(b)) => a.cmp_precedence(b),
            (Parsed::Dpkg(a), Parsed::Dpkg(b)) => a.cmp(b),
            (Parsed::Rpm(a), Parsed::Rpm(b)) => a.compare(b),
            _ => return None,
        })
    }

    /// The version without its local segment (PEP 440), if it has one: `2.7.1` of `2.7.1+cpu`.
    pub fn public(&self) -> Option<Self> {
        match &self.0 {
            Parsed::Pep440(v) if v.is_local() => Some(Self(Parsed::Pep440(Box::new((**v).clone().without_local())))),
            _ => None,
        }
    }

    /// Returns true for a version that is not meant for everybody yet: a pre-release or a development release.
    pub fn is_prerelease(&self) -> bool {
        match &self.0 {
            Parsed::Pep440(v) => v.any_prerelease(),
            Parsed::Semver(v) => !v.pre.is_empty(),
            Parsed::Dpkg(_) | Parsed::Rpm(_) => false,
        }
    }
}

#[cfg(test)]
mod tests;
