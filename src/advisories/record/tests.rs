#![allow(clippy::unwrap_used)]
use serde_json::{Value, json};

use super::*;
use crate::findings::Rating;

/// The advisory of a record that names one package several times.
fn advisory_of(affected: &[Value]) -> Advisory {
    let package = json!({"ecosystem": "crates.io", "name": "demo"});
    let affected: Vec<Value> = affected
        .iter()
        .cloned()
        .map(|mut part| {
            part["package"] = package.clone();
            part
        })
        .collect();
    let record = json!({"id": "TEST-1", "modified": "2024-01-01T00:00:00Z", "affected": affected});
    let parts = Record::parse(record.to_string().as_bytes()).unwrap().parts().unwrap();
    parts.advisories.into_iter().next().unwrap().2
}

#[test]
fn a_notice_beside_a_vulnerability_is_that_vulnerability() {
    let notice = |word: &str| json!({"database_specific": {"informational": word}, "versions": ["1.0.0"]});
    let plain = || json!({"versions": ["2.0.0"]});
    assert_eq!(advisory_of(&[notice("unsound"), notice("other")]).notice.as_deref(), Some("unsound"));
    for parts in [[plain(), notice("unsound")], [notice("unsound"), plain()]] {
        let found = advisory_of(&parts);
        assert_eq!((found.notice, found.versions.len()), (None, 2));
    }
}

#[test]
fn the_highest_severity_of_a_package_counts_and_unknown_is_above_none() {
    let rated = |vector: &str| json!({"severity": [{"type": "CVSS_V3", "score": vector}], "versions": ["1.0.0"]});
    let none = || rated("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N");
    let high = || rated("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H");
    let unknown = || json!({"versions": ["2.0.0"]});
    let rating = |parts: &[Value]| advisory_of(parts).rating;
    assert_eq!(rating(&[none()]), Rating::None);
    assert_eq!(rating(&[none(), unknown()]), Rating::Unknown);
    assert_eq!(rating(&[unknown(), none()]), Rating::Unknown);
    assert_eq!(rating(&[high(), none()]), Rating::High);
    assert_eq!(rating(&[unknown(), high()]), Rating::High);
}
