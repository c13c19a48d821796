//! Databases of advisories, bundles and lock files.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::OnceLock;

use dayfly::advisories::Bundle;
use dayfly::advisories::import::{Epss, Format, ImportRequest, Kev, NamedList, import, parse_record};
use dayfly::advisories::matching::{Candidate, lowest_safe};
use dayfly::advisories::scan::{Subject, match_packages};
use dayfly::lockfiles::{self, LockFile, LockKind};
use dayfly::packages::{Ecosystem, Version};
use dayfly::sbom::{Target, TargetKind, of_target};
use serde_json::Value;

use super::require_inert;

/// Records of every format: what is accepted can be matched, and what a list names is affected.
pub fn advisory(bytes: &[u8]) {
    for format in [Format::Json, Format::Yaml, Format::RustSec] {
        let parts = match parse_record(format, bytes).and_then(|r| r.parts()) {
            Ok(parts) => parts,
            Err(why) => {
                require_inert(&why);
                continue;
            }
        };
        for (ecosystem, _, advisory) in parts.advisories {
            for version in advisory.versions.iter().map(String::as_str).chain(["0", "1.0", "2.5.1-1"]) {
                let candidate = Candidate::new(&ecosystem, version);
                let affected = candidate.is_affected_by(&advisory);
                assert!(!advisory.versions.iter().any(|v| v == version) || affected == Ok(true), "{version:?}");
                let fixes = candidate.fixes_of(&advisory);
                if let Some(safe) = lowest_safe(&ecosystem, &fixes, std::slice::from_ref(&advisory)) {
                    assert_eq!(Candidate::new(&ecosystem, &safe).is_affected_by(&advisory), Ok(false));
                }
            }
        }
    }
    Kev::parse(bytes).ok();
    Epss::parse(bytes).ok();
    NamedList::parse(&Ecosystem::pypi(), bytes).ok();
    if let Ok(text) = std::str::from_utf8(bytes) {
        for name in ["PyPI", "npm", "Go", "Debian:12", "Rocky Linux:9"] {
            let ecosystem: Ecosystem = name.parse().expect("the name is valid");
            if let Ok(version) = Version::parse(&ecosystem, text) {
                assert_eq!(version.compare(&version), Some(std::cmp::Ordering::Equal), "{text:?} of {name}");
            }
        }
    }
}

/// A bundle that anybody may have made; without a key, all of it is foreign.
pub fn advisories(bytes: &[u8]) {
    let path = file("bundle", bytes);
    match Bundle::open(&path, None) {
        Ok(bundle) => {
            bundle.advisories(&Ecosystem::pypi(), "demo").ok();
            bundle.records("PYSEC-2026-1").ok();
            bundle.check().ok();
            let lock =
                lockfiles::parse("requirements.txt", LockKind::Requirements, b"demo==1.0\n").expect("it is valid");
            match_packages(&Subject { packages: lock.packages, ..Subject::default() }, &bundle).ok();
        }
        Err(e) => require_inert(&e.to_string()),
    }
}

/// An archive of records.
pub fn database(bytes: &[u8]) {
    let request = ImportRequest {
        sources: vec![file("all.zip", bytes)],
        kev: None,
        epss: None,
        popular: vec![],
        snapshot: None,
        skip_invalid: true,
        sequence: 1,
        now: jiff::Timestamp::UNIX_EPOCH,
    };
    match import(&request) {
        Ok(imported) => imported.skipped.iter().for_each(|s| require_inert(s)),
        Err(e) => require_inert(&e.to_string()),
    }
}

/// Every kind of lock file: what is read has names that can be printed.
pub fn lockfile(bytes: &[u8]) {
    use LockKind::{Cargo, GoMod, GoSum, Npm, Pipfile, Poetry, Pylock, Requirements, Uv};
    for kind in [Requirements, Pylock, Poetry, Uv, Pipfile, Cargo, Npm, GoMod, GoSum] {
        match lockfiles::parse("lock", kind, bytes) {
            Ok(lock) => {
                for package in &lock.packages {
                    let is_plain = |text: &str| text.bytes().all(|b| b.is_ascii_graphic());
                    assert!(is_plain(&package.name) && is_plain(&package.version), "{package:?}");
                }
                lock.gaps.iter().for_each(|gap| require_inert(&gap.reason));
                listed(lock);
            }
            Err(e) => require_inert(&e.to_string()),
        }
    }
}

/// The SBOM of a lock file has each package once, relates only what is there, and holds no text that controls anything.
fn listed(lock: LockFile) {
    let (digest, count) = (lock.digest.map(|d| d.to_string()), lock.packages.len());
    let (packages, gaps) = (lock.packages, lock.gaps);
    let target = Target { kind: TargetKind::LockFile, name: lock.path, digest, packages, gaps };
    let sbom = of_target(&target, 1000, jiff::Timestamp::UNIX_EPOCH);
    require_inert(&sbom.text);
    let document: Value = serde_json::from_str(&sbom.text).expect("it is JSON");
    let components = document["components"].as_array().expect("a list");
    let references: BTreeSet<&str> = components.iter().filter_map(|c| c["bom-ref"].as_str()).collect();
    assert_eq!(references.len(), components.len());
    assert!(components.len() <= count && (count == 0 || !components.is_empty()));
    let root = document["metadata"]["component"]["bom-ref"].as_str().expect("a root");
    let is_there = |reference: &Value| reference.as_str().is_some_and(|r| r == root || references.contains(r));
    for edge in document["dependencies"].as_array().expect("a list") {
        let mut ends = edge["dependsOn"].as_array().into_iter().flatten().chain([&edge["ref"]]);
        assert!(ends.all(is_there), "{edge}");
    }
}

/// A file with these bytes, of this process.
fn file(name: &str, bytes: &[u8]) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = std::env::temp_dir().join(format!("dayfly-fuzz-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        folder
    });
    let path = folder.join(name);
    std::fs::write(&path, bytes).expect("a file");
    path
}
