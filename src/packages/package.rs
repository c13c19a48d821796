//! A package in one version, and the place where it was found. Pure.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ecosystem::Ecosystem;
use super::locked::Locked;
use super::purl;

/// Longest name of a package in bytes.
pub const MAX_NAME: usize = 256;
/// Longest version in bytes.
pub const MAX_VERSION: usize = 128;

/// A package in one version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Package {
    /// Its ecosystem.
    pub ecosystem: Ecosystem,
    /// Its name, normalised as the ecosystem does.
    pub name: String,
    /// Its version, as it was found.
    pub version: String,
    /// The source package that it was built from, by which advisories of distributions name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourcePackage>,
    /// Where it was found.
    pub place: Place,
    /// The package that carries this one as a copy inside itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendored_in: Option<String>,
    /// The explicit requirements that bring it, by name; its own name if it is explicit; none where the source of the
    /// package does not say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub brought_by: Vec<String>,
    /// What it needs, where a lock file says so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Need>,
    /// What a lock file says of it beside its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locked: Option<Box<Locked>>,
}

/// A source package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SourcePackage {
    /// Name.
    pub name: String,
    /// Version, which may differ from that of the package.
    pub version: String,
}

/// Another package of the same lock file that a package needs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Need {
    /// Name, normalised as the ecosystem does.
    pub name: String,
    /// Version; none where the lock file leaves it to the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The file: a path as the user named it, or a path in an image.
    pub file: String,
    /// Line from 1, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
}

/// Something that is there, and that cannot be looked up: without it, nothing is known to be safe.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Gap {
    /// Where.
    pub place: Place,
    /// What, and why not.
    pub reason: String,
}

/// A package that cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// The name is empty, too long, or has characters that no name has.
    #[error("{0:?} is not the name of a package")]
    Name(
        /// Its beginning.
        String,
    ),
    /// The version is empty, too long, or has characters that no version has.
    #[error("{version:?} is not a version of {name}")]
    Version {
        /// Package.
        name: String,
        /// Beginning of the version.
        version: String,
    },
}

impl Package {
    /// Checks and normalises what somebody else wrote.
    pub fn new(ecosystem: Ecosystem, name: &str, version: &str, place: Place) -> Result<Self, PackageError> {
        let begins = |text: &str| text.chars().take(60).collect::<String>();
        if !is_word(name, MAX_NAME) {
            return Err(PackageError::Name(begins(name)));
        }
        if !is_word(version, MAX_VERSION) {
            return Err(PackageError::Version { name: name.to_owned(), version: begins(version) });
        }
        let (name, version) = (ecosystem.normalise(name), version.to_owned());
        Ok(Self {
            ecosystem,
            name,
            version,
            source: None,
            place,
            vendored_in: None,
            brought_by: vec![],
            needs: vec![],
            locked: None,
        })
    }

    /// Notes what it needs, by a name as it was written.
    pub fn need(&mut self, name: &str, version: Option<&str>) {
        let name = self.ecosystem.normalise(name);
        self.needs.push(Need { name, version: version.map(str::to_owned) });
    }

    /// What a lock file says of it beside its version, to add to.
    pub fn locked_mut(&mut self) -> &mut Locked {
        self.locked.get_or_insert_default()
    }

    /// The name in advisories: that of the source package, where there is one.
    pub fn advisory_name(&self) -> &str {
        self.source.as_ref().map_or(&self.name, |s| &s.name)
    }

    /// The version that advisories compare with.
    pub fn advisory_version(&self) -> &str {
        self.source.as_ref().map_or(&self.version, |s| &s.version)
    }

    /// The package URL: `pkg:pypi/jinja2@3.1.2`; none for ecosystems without a type.
    pub fn purl(&self) -> Option<String> {
        purl::of(&self.ecosystem, &self.name, &self.version)
    }
}

impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.file),
            None => f.write_str(&self.file),
        }
    }
}

/// One printable word: names and versions go into keys, URLs and terminals.
fn is_word(text: &str, most: usize) -> bool {
    !text.is_empty() && text.len() <= most && text.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn package(ecosystem: Ecosystem, name: &str, version: &str) -> Result<Package, PackageError> {
        Package::new(ecosystem, name, version, Place { file: "x.lock".into(), line: Some(3) })
    }

    #[test]
    fn refuses_names_and_versions_that_could_control_something() {
        for wrong in ["", "a b", "a\nb", "a\u{1b}[2J", "а", &"a".repeat(257)] {
            assert!(package(Ecosystem::npm(), wrong, "1").is_err(), "{wrong:?}");
            assert!(package(Ecosystem::npm(), "a", wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(package(Ecosystem::pypi(), "Flask_Login", "0.6").unwrap().name, "flask-login");
    }

    #[test]
    fn advisories_of_distributions_name_the_source_package() {
        let mut found = package(Ecosystem::debian("12").unwrap(), "libssl3", "3.0.11-1~deb12u2+b1").unwrap();
        assert_eq!((found.advisory_name(), found.advisory_version()), ("libssl3", "3.0.11-1~deb12u2+b1"));
        found.source = Some(SourcePackage { name: "openssl".into(), version: "3.0.11-1~deb12u2".into() });
        assert_eq!((found.advisory_name(), found.advisory_version()), ("openssl", "3.0.11-1~deb12u2"));
        assert_eq!(found.purl().unwrap(), "pkg:deb/debian/libssl3@3.0.11-1~deb12u2%2Bb1?distro=debian-12");
    }

    #[test]
    fn purls_have_the_form_of_their_type() {
        let purl = |e: Ecosystem, name, version| package(e, name, version).unwrap().purl();
        assert_eq!(purl(Ecosystem::pypi(), "Jinja2", "3.1.2").unwrap(), "pkg:pypi/jinja2@3.1.2");
        assert_eq!(purl(Ecosystem::npm(), "@babel/core", "7.0.0").unwrap(), "pkg:npm/%40babel/core@7.0.0");
        assert_eq!(purl(Ecosystem::crates_io(), "serde", "1.0.0+x").unwrap(), "pkg:cargo/serde@1.0.0%2Bx");
        assert_eq!(
            purl(Ecosystem::go(), "github.com/gin-gonic/gin", "v1.9.0").unwrap(),
            "pkg:golang/github.com/gin-gonic/gin@v1.9.0"
        );
        assert_eq!(
            purl("Rocky Linux:9".parse().unwrap(), "bash", "0:5.1.8-6.el9").unwrap(),
            "pkg:rpm/rocky-linux/bash@5.1.8-6.el9?distro=rocky-linux-9&epoch=0"
        );
        assert_eq!(purl("Hex".parse().unwrap(), "plug", "1"), None);
    }
}
