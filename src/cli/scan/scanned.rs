//! What a scan reads: one image, or the lock files of a folder. Pure.

use std::path::Path;

use jiff::Timestamp;

use crate::advisories::scan::Subject;
use crate::packages::Gap;
use crate::sbom::{self, Sbom, Target};

/// What was read.
#[derive(Default)]
pub struct Scanned {
    /// Files or images, as they are shown.
    pub sources: Vec<String>,
    /// Images and lock files.
    pub targets: Vec<Target>,
    /// What is in the folder, and is not read.
    pub gaps: Vec<Gap>,
}

impl Scanned {
    /// One image.
    pub fn one(shown: String, target: Target) -> Self {
        Self { sources: vec![shown], targets: vec![target], gaps: vec![] }
    }

    /// The SBOM of what is at a path.
    pub fn sbom(&self, path: &Path, now: Timestamp) -> Sbom {
        match self.targets.as_slice() {
            [only] if self.gaps.is_empty() => sbom::of_target(only, usize::MAX, now),
            all => sbom::project(&path.display().to_string(), all, &self.gaps, now),
        }
    }

    /// Everything as one subject.
    pub fn subject(self) -> Subject {
        let mut subject = Subject { sources: self.sources, packages: vec![], gaps: self.gaps };
        for target in self.targets {
            subject.packages.extend(target.packages);
            subject.gaps.extend(target.gaps);
        }
        subject
    }
}
