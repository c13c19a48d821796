//! Ecosystems, as the OSV schema names them. Pure.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest name of an ecosystem in bytes.
const MAX_LEN: usize = 100;

/// An ecosystem, with its release where it has one: `PyPI`, `Debian:12`, `Red Hat:enterprise_linux:9::baseos`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ecosystem(String);

/// How an ecosystem orders its versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// PEP 440.
    Pep440,
    /// Semantic versions; Go's have `v` before them.
    Semver,
    /// dpkg's order: epoch, upstream version, revision.
    Dpkg,
    /// rpm's order: epoch, version, release.
    Rpm,
}

impl Ecosystem {
    /// Python packages.
    pub fn pypi() -> Self {
        Self("PyPI".into())
    }

    /// Rust crates.
    pub fn crates_io() -> Self {
        Self("crates.io".into())
    }

    /// Packages of Node.js.
    pub fn npm() -> Self {
        Self("npm".into())
    }

    /// Go modules; the standard library is the module `stdlib`.
    pub fn go() -> Self {
        Self("Go".into())
    }

    /// Source packages of a release of Debian, such as `12`.
    pub fn debian(release: &str) -> Result<Self, String> {
        format!("Debian:{release}").parse()
    }

    /// The name without the release: `Debian`.
    pub fn base(&self) -> &str {
        self.0.split_once(':').map_or(&self.0, |(base, _)| base)
    }

    /// The release: `12`.
    pub fn release(&self) -> Option<&str> {
        self.0.split_once(':').map(|(_, release)| release)
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// How versions are ordered; none if dayfly cannot compare them.
    pub fn scheme(&self) -> Option<Scheme> {
        Some(match self.base() {
            "PyPI" => Scheme::Pep440,
            "crates.io" | "npm" | "Go" => Scheme::Semver,
            "Debian" | "Ubuntu" | "Echo" => Scheme::Dpkg,
            "Red Hat" | "Rocky Linux" | "AlmaLinux" | "SUSE" | "openSUSE" | "Mageia" | "openEuler" | "Azure Linux"
            | "Photon OS" => Scheme::Rpm,
            _ => return None,
        })
    }

    /// A name as the ecosystem compares it: PyPI ignores case and takes runs of `-`, `_` and `.` for one `-` (PEP 503).
    pub fn normalise(&self, name: &str) -> String {
        if self.base() != "PyPI" {
            return name.to_owned();
        }
        let mut out = String::with_capacity(name.len());
        for c in name.chars() {
            match c {
                '-' | '_' | '.' if out.ends_with('-') => {}
                '-' | '_' | '.' => out.push('-'),
                c => out.push(c.to_ascii_lowercase()),
            }
        }
        out
    }
}

impl fmt::Display for Ecosystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Ecosystem {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || " .:-_+()/".contains(c);
        let is_name = !text.is_empty() && text.len() <= MAX_LEN && text.chars().all(is_plain);
        let is_trimmed = text.trim() == text && !text.starts_with(':');
        if is_name && is_trimmed {
            Ok(Self(text.to_owned()))
        } else {
            Err("this is not the name of an ecosystem".into())
        }
    }
}

impl TryFrom<String> for Ecosystem {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Ecosystem> for String {
    fn from(ecosystem: Ecosystem) -> Self {
        ecosystem.0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn has_the_names_of_osv() {
        let debian: Ecosystem = "Debian:12".parse().unwrap();
        assert_eq!((debian.base(), debian.release(), debian.scheme()), ("Debian", Some("12"), Some(Scheme::Dpkg)));
        let red_hat: Ecosystem = "Red Hat:enterprise_linux:9::baseos".parse().unwrap();
        assert_eq!((red_hat.base(), red_hat.release()), ("Red Hat", Some("enterprise_linux:9::baseos")));
        assert_eq!(Ecosystem::pypi().release(), None);
        assert_eq!("Alpine:v3.20".parse::<Ecosystem>().unwrap().scheme(), None);
        for wrong in ["", " PyPI", "PyPI ", ":12", "a\nb", "a\u{1b}", &"x".repeat(101)] {
            assert!(wrong.parse::<Ecosystem>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn normalises_names_of_pypi_alone() {
        for name in ["Foo_Bar.baz", "foo--bar__baz", "FOO.-_bar-BAZ"] {
            assert_eq!(Ecosystem::pypi().normalise(name), "foo-bar-baz");
        }
        assert_eq!(Ecosystem::npm().normalise("@Scope/A_b"), "@Scope/A_b");
        assert_eq!(Ecosystem::go().normalise("github.com/BurntSushi/toml"), "github.com/BurntSushi/toml");
    }
}
