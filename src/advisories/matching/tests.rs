//! One test for each rule of the specification.
#![allow(clippy::unwrap_used)]
use serde_json::{Value, json};

use super::super::record::Record;
use super::*;

/// The advisory of a record about `demo` whose `affected` has these fields.
fn advisory_of(ecosystem: &str, affected: &Value) -> Advisory {
    let mut affected = affected.clone();
    affected["package"] = json!({"ecosystem": ecosystem, "name": "demo"});
    let record = json!({"id": "TEST-1", "modified": "2024-01-01T00:00:00Z", "affected": [affected]});
    let parts = Record::parse(record.to_string().as_bytes()).unwrap().parts().unwrap();
    parts.advisories.into_iter().next().unwrap().2
}

fn affects(ecosystem: &str, affected: &Value, version: &str) -> Result<bool, String> {
    let advisory = advisory_of(ecosystem, affected);
    Candidate::new(&ecosystem.parse().unwrap(), version).is_affected_by(&advisory)
}

fn require(ecosystem: &str, affected: &Value, hit: &[&str], missed: &[&str]) {
    for (versions, is_hit) in [(hit, true), (missed, false)] {
        for version in versions {
            assert_eq!(affects(ecosystem, affected, version), Ok(is_hit), "{version} of {affected}");
        }
    }
}

fn range(events: Value) -> Value {
    json!({"ranges": [{"type": "ECOSYSTEM", "events": events}]})
}

#[test]
fn a_listed_version_is_affected_whatever_the_ranges_say() {
    let affected = json!({"versions": ["1.0"], "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "5"}]}]});
    require("PyPI", &affected, &["1.0", "1.0.0", "5", "7"], &["1.1", "4"]);
}

#[test]
fn a_list_without_ranges_is_complete() {
    require("PyPI", &json!({"versions": ["1.0", "2.0"]}), &["1.0", "2.0.0"], &["1.5", "3"]);
}

#[test]
fn zero_is_before_every_version() {
    let affected = range(json!([{"introduced": "0"}, {"fixed": "2.0"}]));
    require("PyPI", &affected, &["0.dev0", "0", "1.9", "2.0rc1"], &["2.0", "2.0.post1"]);
    require("Debian:12", &affected, &["0~~", "1.9-1"], &["2.0-1"]);
    require("npm", &affected, &["0.0.0-alpha", "1.9.9", "2.0.0-rc.1"], &["2.0.0"]);
}

#[test]
fn the_last_affected_version_is_affected() {
    let affected = range(json!([{"introduced": "1.0"}, {"last_affected": "1.4"}]));
    require("PyPI", &affected, &["1.0", "1.4"], &["0.9", "1.4.1", "2"]);
}

#[test]
fn a_local_version_is_a_build_of_its_version() {
    let last = range(json!([{"introduced": "0"}, {"last_affected": "2.7.1"}]));
    require("PyPI", &last, &["2.7.1", "2.7.1+cpu", "2.7.0+cpu"], &["2.7.1.post1", "2.7.2+cpu"]);
    require("PyPI", &json!({"versions": ["2.7.1"]}), &["2.7.1+cpu", "2.7.1.0+cu118"], &["2.7.2+cpu"]);
    // Another build of a version that is named with its build is another one.
    require("PyPI", &json!({"versions": ["2.7.1+cpu"]}), &["2.7.1+cpu"], &["2.7.1", "2.7.1+cu118"]);
    let fixed = range(json!([{"introduced": "0"}, {"fixed": "2.7.1"}]));
    require("PyPI", &fixed, &["2.7.0+cpu"], &["2.7.1+cpu"]);
}

#[test]
fn events_are_sorted_before_they_are_evaluated() {
    let affected = range(json!([{"fixed": "3.1"}, {"introduced": "3.0"}, {"fixed": "2.1"}, {"introduced": "2.0"}]));
    require("PyPI", &affected, &["2.0", "2.0.9", "3.0"], &["1.9", "2.1", "2.9", "3.1"]);
}

#[test]
fn what_begins_where_another_part_ends_is_affected() {
    let affected = range(json!([{"introduced": "1"}, {"fixed": "2"}, {"introduced": "2"}, {"fixed": "3"}]));
    require("PyPI", &affected, &["1", "2", "2.5"], &["3"]);
}

#[test]
fn a_part_that_ends_where_it_begins_is_empty() {
    let affected = range(json!([{"introduced": "1"}, {"fixed": "2"}, {"introduced": "3"}, {"fixed": "3"}]));
    require("PyPI", &affected, &["1"], &["2", "3", "4"]);
}

#[test]
fn a_limit_ends_every_part() {
    let affected = range(json!([{"introduced": "1"}, {"limit": "2"}]));
    require("PyPI", &affected, &["1", "1.9"], &["0.9", "2", "3"]);
    let several = range(json!([{"introduced": "1"}, {"limit": "2"}, {"limit": "4"}]));
    require("PyPI", &several, &["1", "3"], &["4"]);
    require("PyPI", &range(json!([{"introduced": "1"}, {"limit": "*"}])), &["1", "99"], &["0.9"]);
}

#[test]
fn a_range_of_commits_does_not_end_the_walk() {
    let affected = json!({"ranges": [
        {"type": "GIT", "repo": "https://git.test/demo", "events": [{"introduced": "0"}, {"fixed": "abcdef"}]},
        {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.2"}]},
        {"type": "SEMVER", "events": [{"introduced": "2.0.0"}, {"fixed": "2.1.0"}]},
    ]});
    require("PyPI", &affected, &["1.0", "2.0"], &["1.2", "2.1"]);
    let fixes = Candidate::new(&Ecosystem::pypi(), "1.0").fixes_of(&advisory_of("PyPI", &affected));
    assert_eq!(fixes, ["1.2", "2.1.0"], "of all ranges");
}

#[test]
fn commits_alone_cannot_be_decided() {
    let affected = json!({"ranges": [{"type": "GIT", "events": [{"introduced": "0"}]}]});
    assert!(affects("PyPI", &affected, "1.0").unwrap_err().contains("commits only"));
    let listed = json!({"versions": ["1.0"], "ranges": [{"type": "GIT", "events": [{"introduced": "0"}]}]});
    require("PyPI", &listed, &["1.0"], &["1.1"]);
}

#[test]
fn without_versions_and_ranges_every_version_is_affected() {
    require("PyPI", &json!({}), &["0", "1.0", "not-a-version"], &[]);
}

#[test]
fn what_cannot_be_compared_is_not_unaffected() {
    let affected = range(json!([{"introduced": "0"}, {"fixed": "2.0"}]));
    assert!(affects("PyPI", &affected, "2004d").unwrap_err().contains("PEP 440"));
    assert!(affects("Alpine:v3.20", &affected, "1.0-r0").unwrap_err().contains("cannot be compared"));
    assert!(affects("PyPI", &range(json!([{"introduced": "x y"}])), "1").unwrap_err().contains("its range"));
    // The list has the very text, and another range decides.
    require("PyPI", &json!({"versions": ["2004d"]}), &["2004d"], &[]);
    let two = json!({"ranges": [
        {"type": "ECOSYSTEM", "events": [{"introduced": "x y"}]},
        {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2"}]},
    ]});
    assert_eq!(affects("PyPI", &two, "1"), Ok(true));
    assert!(affects("PyPI", &two, "3").is_err());
}

#[test]
fn several_parts_about_one_package_count_together() {
    let record = json!({"id": "TEST-1", "affected": [
        {"package": {"ecosystem": "PyPI", "name": "Demo_x"}, "versions": ["1.0"]},
        {"package": {"ecosystem": "PyPI", "name": "demo.X"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "3"}]}]},
        {"package": {"ecosystem": "npm", "name": "demo-x"}, "versions": ["9.0.0"]},
    ]});
    let parts = Record::parse(record.to_string().as_bytes()).unwrap().parts().unwrap();
    let names: Vec<_> = parts.advisories.iter().map(|(e, n, _)| (e.as_str(), n.as_str())).collect();
    assert_eq!(names, [("PyPI", "demo-x"), ("npm", "demo-x")]);
    let pypi = Ecosystem::pypi();
    let hits = ["1.0", "2.0", "3.0"].map(|v| Candidate::new(&pypi, v).is_affected_by(&parts.advisories[0].2).unwrap());
    assert_eq!(hits, [true, false, true]);
}

#[test]
fn the_lowest_version_that_fixes_everything_is_affected_by_nothing() {
    let of = |events: Value| advisory_of("PyPI", &range(events));
    let all = [
        of(json!([{"introduced": "0"}, {"fixed": "1.5"}])),
        of(json!([{"introduced": "1.4"}, {"fixed": "2.0rc1"}])),
        of(json!([{"introduced": "1.9"}, {"fixed": "2.1"}])),
    ];
    let fixes = ["1.5", "2.0rc1", "2.1"].map(str::to_owned);
    assert_eq!(lowest_safe(&Ecosystem::pypi(), &fixes, &all).unwrap(), "2.1");
    assert_eq!(lowest_safe(&Ecosystem::pypi(), &fixes, &all[..2]).unwrap(), "2.1", "not the pre-release");
    assert_eq!(lowest_safe(&Ecosystem::pypi(), &fixes[..2], &all[..2]).unwrap(), "2.0rc1");
    assert_eq!(lowest_safe(&Ecosystem::pypi(), &fixes[..1], &all), None);
}
