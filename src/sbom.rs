//! Software bills of materials: what was looked at, as CycloneDX 1.6. Pure.
//!
//! The same content gives the same document and the same serial number, apart from the time. Names, paths and hashes are
//! those of whoever wrote a lock file or an image: they are escaped, shortened and counted.

mod component;
mod document;
mod hash;

pub use document::{Sbom, environment, of_target, project};

use crate::packages::{Gap, Package};

/// Media type of a document.
pub const MEDIA_TYPE: &str = "application/vnd.cyclonedx+json";

/// An image or a lock file that was looked at.
#[derive(Debug, Clone)]
pub struct Target {
    /// What it is.
    pub kind: TargetKind,
    /// Reference of the image, or path of the file.
    pub name: String,
    /// `sha256:…` of the image or the file; none if it is not known.
    pub digest: Option<String>,
    /// Its packages.
    pub packages: Vec<Package>,
    /// What could not be looked at.
    pub gaps: Vec<Gap>,
}

/// What a target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetKind {
    /// A container image.
    Image,
    /// A lock file, with the files that it includes.
    LockFile,
}

/// The document of a target, as another one names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Serial number of the document.
    pub serial: String,
    /// SHA-256 of the file, in lower-case hexadecimal.
    pub sha256: String,
}

#[cfg(test)]
mod tests;
