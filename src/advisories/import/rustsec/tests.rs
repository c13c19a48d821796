#![allow(clippy::unwrap_used)]
use super::*;
use crate::advisories::matching::Candidate;
use crate::findings::Rating;
use crate::packages::Ecosystem;

fn text(versions: &str) -> String {
    format!(
        "```toml\n[advisory]\nid = \"RUSTSEC-2021-0001\"\npackage = \"demo\"\ndate = \"2021-01-04\"\naliases = [\"CVE-2021-1\"]\n\
         cvss = \"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H\"\n[versions]\n{versions}\n```\n\n# Reads what it must not\n\nText.\n"
    )
}

fn require(versions: &str, hit: &[&str], missed: &[&str]) {
    let parts = parse(&text(versions)).unwrap().parts().unwrap();
    let advisory = &parts.advisories[0].2;
    let crates = Ecosystem::crates_io();
    for (list, is_hit) in [(hit, true), (missed, false)] {
        for version in list {
            let affected = Candidate::new(&crates, version).is_affected_by(advisory);
            assert_eq!(affected, Ok(is_hit), "{version} with {versions}: {:?}", advisory.ranges);
        }
    }
}

#[test]
fn what_no_requirement_covers_is_affected() {
    require("patched = [\">= 1.2.3\"]", &["0.0.0-alpha", "1.2.2", "1.2.3-rc.1"], &["1.2.3", "2.0.0"]);
    require("patched = []", &["0.1.0", "99.0.0"], &[]);
    require("patched = [\">= 2.0.1\", \"^1.4.2\"]", &["1.4.1", "2.0.0", "2.0.0-rc.1"], &["1.4.2", "1.9.0", "2.0.1"]);
    require(
        "patched = [\"^0.3.5\", \">= 0.4.1\"]\nunaffected = [\"< 0.2.0\"]",
        &["0.2.0", "0.3.4", "0.4.0"],
        &["0.1.9", "0.3.9", "0.4.1"],
    );
    require(
        "patched = [\">= 1.0.1, < 2.0.0\"]\nunaffected = [\"> 3.0.0\"]",
        &["1.0.0", "2.0.0", "3.0.0"],
        &["1.5.0", "3.0.1"],
    );
    require(
        "patched = []\nunaffected = [\"<= 1.0.0\", \"=1.0.5\", \"~1.1\"]",
        &["1.0.1", "1.0.6", "1.2.0"],
        &["1.0.0", "1.0.5", "1.1.9"],
    );
    require("patched = [\">= 0\"]", &["0.0.0-alpha"], &["0.0.0", "0.0.1", "1.0.0"]);
    require("patched = [\"*\"]", &[], &["0.0.1", "1.0.0"]);
}

#[test]
fn reads_severity_title_and_time() {
    let parts = parse(&text("patched = [\">= 1\"]")).unwrap().parts().unwrap();
    assert_eq!(parts.summary.summary, "Reads what it must not");
    assert_eq!(parts.summary.aliases, ["CVE-2021-1"]);
    assert_eq!(parts.summary.rating, Rating::Critical);
    assert_eq!(parts.summary.published.unwrap().to_string(), "2021-01-04T00:00:00Z");
}

#[test]
fn a_notice_is_marked_and_a_withdrawn_one_matches_nothing() {
    let marked =
        |line: &str| parse(&text("").replace("[versions]", &format!("{line}\n[versions]"))).unwrap().parts().unwrap();
    assert_eq!(marked("informational = \"unmaintained\"").advisories[0].2.notice.as_deref(), Some("unmaintained"));
    assert!(marked("withdrawn = \"2022-01-01\"").advisories.is_empty());
    assert!(marked("collection = \"rust\"").advisories.is_empty());
}

#[test]
fn says_what_is_wrong() {
    let why = |text: &str| parse(text).unwrap_err();
    assert_eq!(why("# A guide"), "it does not begin with ```toml");
    assert!(why(&text("patched = [\"latest\"]")).contains("\"latest\" is not a requirement"));
    assert!(why(&text("").replace("2021-01-04", "soon")).contains("\"soon\" is not a date"));
}
