//! SBOMs of what a suite looks at: one of each image and lock file, and one of all of them. Pure.

use jiff::Timestamp;

use crate::findings::Subject;
use crate::model::sanitize;
use crate::packages::{Gap, Place};
use crate::report::facts::{ScannedSubject, SubjectKind};
use crate::sbom::{Link, Sbom, Target, TargetKind, environment, of_target};

/// Most bytes of an SBOM.
const MAX_BYTES: usize = 8 << 20;
/// Most packages that are listed at first; fewer if that is too large.
const MAX_PACKAGES: usize = 50_000;
/// Most packages of all targets that are kept for the last SBOM.
const MAX_KEPT: usize = 100_000;

/// What is kept for the SBOM of all of them.
pub(super) struct Bills {
    all: Vec<(Target, Option<Link>)>,
    left: usize,
}

/// A target of a suite.
pub(super) fn target(of: &ScannedSubject, found: &Subject) -> Target {
    let kind = match of.kind {
        SubjectKind::Image => TargetKind::Image,
        SubjectKind::LockFile => TargetKind::LockFile,
    };
    let (name, digest) = (of.name.clone(), of.digest.clone());
    Target { kind, name, digest, packages: found.packages.clone(), gaps: found.gaps.clone() }
}

/// The SBOM of a target.
pub(super) fn of(target: &Target, at: Timestamp) -> Sbom {
    fitting(|most| of_target(target, most, at))
}

/// The largest document of those with fewer and fewer packages that is not too large.
fn fitting(make: impl Fn(usize) -> Sbom) -> Sbom {
    let mut most = MAX_PACKAGES;
    loop {
        let sbom = make(most);
        if sbom.text.len() <= MAX_BYTES || most == 0 {
            return sbom;
        }
        most /= 2;
    }
}

impl Bills {
    pub(super) fn new() -> Self {
        Self { all: vec![], left: MAX_KEPT }
    }

    /// Keeps a target, with the serial number of its SBOM and the digest of its file.
    pub(super) fn add(&mut self, mut target: Target, serial: String, sha256: String) {
        match self.left.checked_sub(target.packages.len()) {
            Some(left) => self.left = left,
            None => {
                let count = std::mem::take(&mut target.packages).len();
                let place = Place { file: sanitize::one_line(&target.name, 300), line: None };
                let reason = format!("its {count} packages are in its own document alone, because they are too many");
                target.gaps.push(Gap { place, reason });
            }
        }
        self.all.push((target, Some(Link { serial, sha256 })));
    }

    /// The SBOM of all targets of an environment.
    pub(super) fn environment(&self, name: &str, at: Timestamp) -> Sbom {
        let all: Vec<_> = self.all.iter().map(|(target, link)| (target, link.clone())).collect();
        fitting(|most| environment(name, &all, most, at))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::model::Digest;
    use crate::packages::{Ecosystem, Package};

    fn of_packages(count: usize, length: usize) -> Target {
        let package = |n: usize| {
            let place = Place { file: "x".repeat(length), line: None };
            Package::new(Ecosystem::npm(), &format!("p{n}"), "1.0.0", place).unwrap()
        };
        let packages = (0..count).map(package).collect();
        Target { kind: TargetKind::Image, name: "i".into(), digest: None, packages, gaps: vec![] }
    }

    #[test]
    fn what_is_too_large_is_left_out_and_counted() {
        let small = of(&of_packages(100, 10), Timestamp::UNIX_EPOCH);
        assert_eq!(small.left_out, 0);
        let large = of(&of_packages(20_000, 600), Timestamp::UNIX_EPOCH);
        assert!(large.text.len() <= MAX_BYTES && large.left_out > 0, "{}", large.left_out);
        assert!(large.text.contains(&format!("{} package(s) are left out", large.left_out)));
        let mut bills = Bills::new();
        bills.left = 150;
        for name in ["a", "b"] {
            let target = Target { name: name.into(), ..of_packages(100, 10) };
            bills.add(target, small.serial.clone(), Digest::compute(name).hex());
        }
        let whole = bills.environment("shop-pr-1", Timestamp::UNIX_EPOCH).text;
        assert!(whole.contains("b: its 100 packages are in its own document alone"), "{whole}");
        assert_eq!(whole.matches("\"library\"").count(), 100);
    }
}
