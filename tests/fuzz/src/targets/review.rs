//! What a review of dependencies reads: manifests, registers and waivers.

use std::path::Path;

use dayfly::advisories::scan::waivers::{self, WaiverError};
use dayfly::advisories::scan::{Finding, WaiverState};
use dayfly::dependencies::other_changes;
use dayfly::dependencies::register::{self, Explicit, Register, RegisterRules, declared};
use dayfly::model::Verdict;
use dayfly::packages::{Ecosystem, Place};
use dayfly::policy::DependencyLimits;
use jiff::Timestamp;
use jiff::civil::date;
use serde_json::json;

use super::require_inert;

/// Manifests of every kind: a manifest never differs from itself, and one that cannot be read differs from every other.
pub fn manifest(bytes: &[u8]) {
    for name in ["pyproject.toml", "Pipfile", "Cargo.toml", "package.json"] {
        match declared(name, bytes) {
            Some(Ok((ecosystem, names))) => {
                assert!(other_changes(name, Some(bytes), Some(bytes)).is_empty(), "{name} differs from itself");
                assert!(names.iter().all(|n| *n == ecosystem.normalise(n)), "{names:?}");
            }
            Some(Err(why)) => {
                require_inert(&why);
                assert!(
                    !other_changes(name, Some(bytes), Some(b"")).is_empty(),
                    "{name} was not read, and differs from nothing"
                );
            }
            None => panic!("{name} is a manifest"),
        }
    }
}

/// A register: what it says is one line in each view, and without anything that is asked for, every entry is orphaned.
pub fn register(bytes: &[u8]) {
    let file = Path::new("dependencies.yaml");
    let register = match Register::parse(file, bytes) {
        Ok(register) => register,
        Err(diagnostics) => return require_inert(&diagnostics.render(false)),
    };
    let rules = RegisterRules { reassess_ms: None, reviews: true, today: date(2026, 12, 1) };
    let report = register::examine(&register, &Explicit::default(), &rules);
    let entries = register.document.dependencies.len();
    assert_eq!(report.dependencies.len(), entries);
    assert!(entries == 0 || report.verdict == Verdict::Failed, "an orphan passed");
    for view in [register::csv(&report), register::problems(&report), register::table(&report)] {
        require_inert(&view);
    }
    let lines = register::csv(&report).lines().count();
    assert_eq!(lines, entries + 1, "each entry is a line");
    serde_json::to_vec(&report).expect("reports are JSON");
    require_inert(&register::draft(&report.dependencies, true));
}

/// Waivers of every format: a finding passes only by one that has a reason and holds, and each is told with its state.
pub fn waivers(bytes: &[u8]) {
    let now: Timestamp = "2026-12-01T00:00:00Z".parse().expect("the time is valid");
    for name in ["waivers.yaml", "vex.json", "osv-scanner.toml"] {
        let waivers = match waivers::read(Path::new(name), bytes) {
            Ok(waivers) => waivers,
            Err(WaiverError::Diagnostics(diagnostics)) => {
                require_inert(&diagnostics.render(false));
                continue;
            }
            Err(WaiverError::Other(why)) => {
                require_inert(&why);
                continue;
            }
        };
        let mut findings = [finding("CVE-2026-1", "demo-web"), finding("MAL-2026-1", "demo-evil")];
        let uses = waivers::apply(&mut findings, &waivers, &DependencyLimits::default(), now);
        assert_eq!(uses.len(), waivers.len());
        uses.iter().filter_map(|of| of.notice()).for_each(|text| require_inert(&text));
        for finding in findings {
            let holds =
                uses.iter().any(|of| of.used && matches!(of.state, WaiverState::Active | WaiverState::Expiring));
            assert!(finding.fails || holds, "{name}: a finding passes without a waiver that holds");
            assert!(finding.waiver.iter().all(|w| !w.reason.trim().is_empty()), "{name}: a waiver without a reason");
        }
    }
}

fn finding(id: &str, package: &str) -> Finding {
    let ecosystem = Ecosystem::pypi();
    let place = Place { file: "requirements.txt".into(), line: Some(1) };
    serde_json::from_value(json!({
        "id": id, "aliases": ["GHSA-aaaa-bbbb-cccc"], "severity": "critical", "summary": "x", "ecosystem": ecosystem,
        "package": package, "version": "2.1", "purl": format!("pkg:pypi/{package}@2.1"), "places": [place],
        "broughtBy": [], "fixedIn": ["2.4"], "fails": true
    }))
    .expect("it is a finding")
}
