//! Kinds of lock files, and what one of them holds. Pure.

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::model::Digest;
use crate::packages::{Ecosystem, Gap, Package, PackageError, Place};

/// Most packages of a lock file.
pub(super) const MAX_PACKAGES: usize = 100_000;
/// Most needs of all packages of a lock file that are noted.
const MAX_NEEDS: usize = 500_000;
/// Most gaps that are kept one by one.
const MAX_GAPS: usize = 1000;

/// A kind of lock file, by the name of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LockKind {
    /// pip's requirements, with exact versions.
    Requirements,
    /// `pylock.toml` and `pylock.*.toml` (PEP 751).
    Pylock,
    /// `poetry.lock`.
    Poetry,
    /// `uv.lock`.
    Uv,
    /// `Pipfile.lock`.
    Pipfile,
    /// `Cargo.lock`.
    Cargo,
    /// `package-lock.json` and `npm-shrinkwrap.json`.
    Npm,
    /// `go.mod`, which lists every module of a build since Go 1.17.
    GoMod,
    /// `go.sum`, which lists more modules than a build has.
    GoSum,
}

/// What a lock file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockFile {
    /// The file, as it is shown.
    pub path: String,
    /// Its kind.
    pub kind: LockKind,
    /// Packages with their versions.
    pub packages: Vec<Package>,
    /// What it names without a version that could be looked up.
    pub gaps: Vec<Gap>,
    /// SHA-256 of its bytes; none for a part of a file.
    pub digest: Option<Digest>,
    /// Gaps beside those.
    left_out: usize,
    /// Needs that are noted so far.
    needs: usize,
}

impl LockKind {
    /// The kind of a file by its name; none if it is not the name of a lock file.
    pub fn of(name: &str) -> Option<Self> {
        let lower = name.to_ascii_lowercase();
        Some(match name {
            "poetry.lock" => Self::Poetry,
            "uv.lock" => Self::Uv,
            "Pipfile.lock" => Self::Pipfile,
            "Cargo.lock" => Self::Cargo,
            "package-lock.json" | "npm-shrinkwrap.json" => Self::Npm,
            "go.mod" => Self::GoMod,
            "go.sum" => Self::GoSum,
            "pylock.toml" => Self::Pylock,
            _ if name.starts_with("pylock.") && name.ends_with(".toml") => Self::Pylock,
            _ if lower.contains("requirements") && lower.ends_with(".txt") => Self::Requirements,
            _ => return None,
        })
    }

    /// The kind of a file by its path: as [`LockKind::of`], and requirements also as `requirements/base.txt`.
    pub fn at(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let is_among = path.parent().and_then(Path::file_name).is_some_and(|folder| folder == "requirements");
        Self::of(name).or_else(|| (is_among && name.ends_with(".txt")).then_some(Self::Requirements))
    }

    /// The ecosystem of its packages.
    pub fn ecosystem(self) -> Ecosystem {
        match self {
            Self::Requirements | Self::Pylock | Self::Poetry | Self::Uv | Self::Pipfile => Ecosystem::pypi(),
            Self::Cargo => Ecosystem::crates_io(),
            Self::Npm => Ecosystem::npm(),
            Self::GoMod | Self::GoSum => Ecosystem::go(),
        }
    }
}

impl LockFile {
    /// One without content.
    pub(super) fn empty(path: &str, kind: LockKind) -> Self {
        Self { path: path.to_owned(), kind, packages: vec![], gaps: vec![], digest: None, left_out: 0, needs: 0 }
    }

    /// Adds a package; one that cannot be is a gap.
    pub(super) fn add(&mut self, name: &str, version: &str, line: Option<usize>) -> Option<&mut Package> {
        let place = Place { file: self.path.clone(), line };
        match Package::new(self.kind.ecosystem(), name, version, place.clone()) {
            // One more than there may be is an error at the end.
            Ok(_) if self.packages.len() > MAX_PACKAGES => None,
            Ok(package) => {
                self.packages.push(package);
                self.packages.last_mut()
            }
            Err(fault @ (PackageError::Name(_) | PackageError::Version { .. })) => {
                self.gap(fault.to_string(), line);
                None
            }
        }
    }

    /// Notes what the package needs that was added last; one without a version means what the lock file has of that name.
    pub(super) fn need(&mut self, name: &str, version: Option<&str>) {
        let last = self.packages.last_mut().filter(|_| self.needs < MAX_NEEDS);
        if let Some(package) = last {
            self.needs += 1;
            package.need(name, version);
        }
    }

    /// Adds what another reading of the same file found beside this one.
    pub(super) fn join(&mut self, other: Self) {
        let known: BTreeSet<(String, String)> =
            self.packages.iter().map(|p| (p.name.clone(), p.version.clone())).collect();
        let is_new = |p: &Package| !known.contains(&(p.name.clone(), p.version.clone()));
        self.packages.extend(other.packages.into_iter().filter(is_new));
        for gap in other.gaps {
            if !self.gaps.contains(&gap) {
                self.gap(gap.reason, gap.place.line);
            }
        }
        self.left_out += other.left_out;
    }

    /// Ends the reading: what was too much is one more gap.
    pub(super) fn end(&mut self) {
        if self.left_out > 0 {
            let place = Place { file: self.path.clone(), line: None };
            self.gaps.push(Gap { place, reason: format!("and {} more that cannot be looked up", self.left_out) });
        }
    }

    /// Notes what cannot be looked up.
    pub(super) fn gap(&mut self, reason: impl Into<String>, line: Option<usize>) {
        if self.gaps.len() >= MAX_GAPS {
            self.left_out += 1;
            return;
        }
        self.gaps.push(Gap { place: Place { file: self.path.clone(), line }, reason: reason.into() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_lock_files_by_their_names() {
        for (name, kind) in [
            ("requirements.txt", Some(LockKind::Requirements)),
            ("dev-Requirements.txt", Some(LockKind::Requirements)),
            ("requirements-3.11.txt", Some(LockKind::Requirements)),
            ("requirements.in", None),
            ("pylock.toml", Some(LockKind::Pylock)),
            ("pylock.dev.toml", Some(LockKind::Pylock)),
            ("pyproject.toml", None),
            ("npm-shrinkwrap.json", Some(LockKind::Npm)),
            ("package.json", None),
            ("go.sum", Some(LockKind::GoSum)),
        ] {
            assert_eq!(LockKind::of(name), kind, "{name}");
            assert_eq!(LockKind::at(&Path::new("any").join(name)), kind, "{name}");
        }
        assert_eq!(LockKind::at(Path::new("requirements/base.txt")), Some(LockKind::Requirements));
        assert_eq!(LockKind::at(Path::new("docs/base.txt")), None);
    }
}
