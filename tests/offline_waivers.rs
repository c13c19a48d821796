//! Waivers through the command: what they accept, how they end, and who may not write them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "dependencies/repository.rs"]
mod repository;
mod support;

use std::fs;

use repository::{Repository, policy};
use serde_json::{Value, json};
use support::scans::database;
use support::{Ended, ended};

fn day(ahead: i64) -> String {
    (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * ahead)).strftime("%Y-%m-%d").to_string()
}

/// A file of waivers: id, package, more fields.
fn waivers<S: AsRef<str>>(entries: &[(&str, &str, S)]) -> String {
    let entry = |(id, package, more): &(&str, &str, S)| {
        let more = more.as_ref();
        format!("  - {{ id: {id}, package: {package}, reason: not reachable, approver: K, {more} }}\n")
    };
    let entries: String = entries.iter().map(entry).collect();
    format!("apiVersion: dayfly.dev/v1alpha1\nkind: DependencyWaivers\nwaivers:\n{entries}")
}

/// A project outside of a repository, with `demo-web` 2.5, which has one vulnerability.
fn project() -> Repository {
    let r = Repository::bare();
    r.writes("requirements.txt", "demo-web==2.5\n");
    r
}

fn scans(r: &Repository, more: &[&str]) -> Ended {
    r.dayfly(&[&["scan", "requirements.txt", "--advisories", "b"], more].concat())
}

/// Scans with these waivers.
fn with<S: AsRef<str>>(r: &Repository, entries: &[(&str, &str, S)]) -> Ended {
    r.writes("w.yaml", &waivers(entries));
    scans(r, &["--waivers", "w.yaml"])
}

#[test]
fn a_waiver_accepts_warns_and_ends() {
    let r = project();
    let until = |n: i64| format!("expires: {}", day(n));
    scans(&r, &[]).code(6);
    with(&r, &[("GHSA-dddd-eeee-ffff", "Demo_Web", &until(90))]).code(0).says("waived until").says(": not reachable");
    with(&r, &[("GHSA-dddd-eeee-ffff", "demo-web", &until(3))]).code(0).says("ends on");
    with(&r, &[("GHSA-dddd-eeee-ffff", "demo-web", &format!("{}, effectiveOn: {}", until(9), day(2)))])
        .code(6)
        .says("begins on");
    with(&r, &[("GHSA-dddd-eeee-ffff", "demo-web", &format!("{}, versions: ['2.4']", until(90)))])
        .code(6)
        .says("is for nothing that was found");
    for (id, package, more) in [
        ("GHSA-dddd-eeee-fff", "demo-web", ""),
        ("GHSA-dddd-eeee-ffff", "demo", ""),
        ("GHSA-dddd-eeee-ffff", "demo-web", ", ecosystem: npm"),
    ] {
        with(&r, &[(id, package, &format!("{}{more}", until(90)))]).code(6).says("is for nothing that was found");
    }
    // An ended one fails, also what the policy would accept.
    fs::write(r.at("../lenient.yaml"), policy("failOn: critical")).unwrap();
    let past = until(-2);
    let over = ("GHSA-dddd-eeee-ffff", "demo-web", past.as_str());
    with(&r, &[over]).code(6).says("w.yaml:4: the waiver of GHSA-dddd-eeee-ffff for demo-web ended on");
    scans(&r, &["--policy", "../lenient.yaml"]).code(0);
    scans(&r, &["--policy", "../lenient.yaml", "--waivers", "w.yaml"]).code(6);
    // Of several, the best counts. An alias does, and so does a malicious package, since some records are mistaken.
    r.writes("requirements.txt", "demo-web==2.1\ndemo-evil==1.0.1\n");
    let long = until(90);
    let many = [
        ("CVE-2026-1", "demo-web", long.as_str()),
        over,
        ("GHSA-dddd-eeee-ffff", "demo-web", long.as_str()),
        ("MAL-2026-1", "demo-evil", long.as_str()),
    ];
    with(&r, &many).code(0);
    let json =
        scans(&r, &["--waivers", "w.yaml", "--output", "json", "--sarif", "s.sarif", "--csv", "c.csv"]).code(0).json();
    assert_eq!(json["findings"][0]["waiver"]["approver"], "K");
    assert_eq!(json["waivers"][1]["state"], "expired");
    let sarif: Value = serde_json::from_slice(&fs::read(r.at("s.sarif")).unwrap()).unwrap();
    assert_eq!(sarif["runs"][0]["results"][0]["suppressions"][0]["justification"], "K: not reachable");
    with(&r, &many[..3]).code(6).says("1 of a malicious package");
    // What cannot be read is an error with its place.
    with(&r, &[("X", "a", "expires: soon")]).code(2).says("w.yaml:4").says("`soon` is not a day");
    with(&r, &[("X", "a", "approve: x")]).code(2).says("w.yaml:4");
    with(&r, &[("X", "a", &format!("expires: {}, effectiveOn: {}", day(1), day(2)))])
        .code(2)
        .says("ends before it begins");
    scans(&r, &["--waivers", "none.yaml"]).code(2).says("failed to read none.yaml");
    r.dayfly(&["schema", "--kind", "waivers"]).code(0).says("DependencyWaivers");
}

#[test]
fn the_policy_gives_time_from_the_publication() {
    let r = project();
    let with = |rules: &str| {
        fs::write(r.at("../operator.yaml"), policy(rules)).unwrap();
        scans(&r, &["--policy", "../operator.yaml"])
    };
    // It was published ten days ago, and is of high severity.
    r.writes("requirements.txt", "demo-young==1\n");
    with("leeway: { high: 11d }").code(0).says("fails from 20");
    with("leeway: { high: 9d, medium: 90d, low: 90d, critical: 90d }").code(6);
    with("leeway: { medium: soon }").code(2).says("`soon` is not a valid duration");
    r.writes("requirements.txt", "demo-evil==1.0.1\ndemo-db==1.2\n");
    let all = "leeway: { low: 8784h, medium: 8784h, high: 8784h, critical: 8784h }";
    assert_eq!(
        with(all).code(6).out.matches("fails from").count(),
        0,
        "neither malicious ones nor those of unknown severity"
    );
}

#[test]
fn waivers_of_other_tools_are_read_and_written() {
    let r = project();
    let osv = |more: &str| {
        r.writes("osv-scanner.toml", &format!("[[IgnoredVulns]]\nid = \"GHSA-dddd-eeee-ffff\"\n{more}"));
        scans(&r, &["--waivers", "osv-scanner.toml"])
    };
    osv(&format!("ignoreUntil = {}\nreason = \"x\"\n", day(30))).code(0);
    osv(&format!("ignoreUntil = {}\nreason = \"x\"\n", day(-2))).code(6).says("ended on");
    osv("reason = \"x\"\n").code(6).says("osv-scanner.toml:2) cannot be used: it has no end");
    osv("reason = \n").code(2).says("failed to read osv-scanner.toml:3");
    let vex = |status: Value| {
        let mut statement =
            json!({"vulnerability": {"name": "GHSA-dddd-eeee-ffff"}, "products": [{"@id": "pkg:pypi/demo-web@2.5"}]});
        status.as_object().unwrap().iter().for_each(|(k, v)| statement[k] = v.clone());
        let document = json!({"@context": "https://openvex.dev/ns/v0.2.0", "@id": "x", "author": "K", "timestamp": "2026-01-01T00:00:00Z", "version": 1, "statements": [statement]});
        r.writes("vex.json", &document.to_string());
        scans(&r, &["--waivers", "vex.json"])
    };
    vex(json!({"status": "not_affected", "justification": "vulnerable_code_not_present"}))
        .code(0)
        .says("waived: vulnerable_code_not_present");
    vex(json!({"status": "not_affected"})).code(6).says("needs a justification");
    vex(json!({"status": "affected", "action_statement": "x"})).code(6);
    r.writes("bad.json", "{}");
    scans(&r, &["--waivers", "bad.json"]).code(2).says("this is not a document of OpenVEX");
    // What a scan writes is read again.
    r.writes("requirements.txt", "demo-web==2.1\ndemo-evil==1.0.1\n");
    let justified = format!("expires: {}, justification: component_not_present", day(90));
    r.writes(
        "w.yaml",
        &waivers(&[
            ("GHSA-dddd-eeee-ffff", "demo-web", &justified),
            ("MAL-2026-1", "demo-evil", &format!("expires: {}", day(90))),
        ]),
    );
    scans(&r, &["--waivers", "w.yaml", "--openvex", "out.json"]).code(6);
    let out: Value = serde_json::from_slice(&fs::read(r.at("out.json")).unwrap()).unwrap();
    let shown: Vec<Value> = out["statements"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| json!([s["vulnerability"]["name"], s["products"][0]["@id"], s["status"]]))
        .collect();
    let expected = [
        json!(["PYSEC-2026-1", "pkg:pypi/demo-web@2.1", "affected"]),
        json!(["MAL-2026-1", "pkg:pypi/demo-evil@1.0.1", "affected"]),
        json!(["GHSA-dddd-eeee-ffff", "pkg:pypi/demo-web@2.1", "not_affected"]),
    ];
    assert_eq!(shown.iter().filter(|s| expected.contains(s)).count(), 3, "{shown:?}");
    let again = scans(&r, &["--waivers", "out.json", "--output", "json"]).code(6).json();
    let waived: Vec<_> =
        again["findings"].as_array().unwrap().iter().filter(|f| f["waiver"].is_object()).map(|f| &f["id"]).collect();
    assert_eq!(waived, ["GHSA-dddd-eeee-ffff"]);
}

#[test]
fn the_author_of_a_change_cannot_waive() {
    let r = Repository::new();
    r.writes("requirements.txt", "demo-web==2.6\n");
    r.writes("w.yaml", &waivers(&[("MAL-2026-1", "demo-evil", &format!("expires: {}", day(90)))]));
    r.commits();
    r.branch("change");
    r.writes("requirements.txt", "demo-web==2.5\n");
    r.writes("w.yaml", &waivers(&[("GHSA-dddd-eeee-ffff", "demo-web", &format!("expires: {}", day(90)))]));
    std::os::unix::fs::symlink("w.yaml", r.at("linked.yaml")).unwrap();
    r.commits();
    r.diffs(&["main"], &["--waivers", "w.yaml"]).code(6);
    r.diffs(&["main"], &["--waivers", "linked.yaml"]).code(6);
    fs::copy(r.at("w.yaml"), r.at("../operator.yaml")).unwrap();
    let accepted = r.diffs(&["main"], &["--waivers", "../operator.yaml"]).code(0).json();
    assert_eq!(accepted["broughtIn"][0]["waiver"]["reason"], "not reachable");
    assert_eq!(accepted["waivers"][0]["state"], "active");
    // A developer at a terminal may try; a CI job must name the base, or a file elsewhere.
    let job = |more: &[&str]| {
        let mut command = r.command(&[&["scan", "requirements.txt", "--advisories", "b"], more].concat());
        command.env("CI", "true");
        ended(command)
    };
    scans(&r, &["--waivers", "w.yaml"]).code(0);
    for file in ["w.yaml", "linked.yaml", "../repo/w.yaml"] {
        job(&["--waivers", file]).code(2).says("the author of the change could choose it");
        job(&["--waivers", file, "--waivers-from", "main"]).code(6).says("is for nothing that was found");
    }
    job(&["--waivers", "../operator.yaml"]).code(0);
    let suite = "suites: { deps: { kind: dependencies, scan: { images: [], lockfiles: [requirements.txt] } } }";
    let head =
        "apiVersion: dayfly.dev/v1alpha1\nkind: Environment\nname: waiving\nservices: { web: { image: 'a:1' } }\n";
    r.writes("dayfly.yaml", &format!("{head}{suite}\n"));
    let mut run =
        r.command(&["run", "dayfly.yaml", "--pr=1", "--commit=4d1f0c2b", "--unsigned", "--waivers", "w.yaml"]);
    run.env("CI", "true");
    ended(run).code(2).says("the author of the change could choose it; name the base with --suites-from");
    job(&["--waivers", "w.yaml", "--waivers-from", "gone"]).code(2).says("has no revision gone");
}
