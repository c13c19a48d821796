#![allow(clippy::unwrap_used)]
use super::*;
use crate::advisories::advisory::Advisory;
use crate::packages::{Gap, Package, Place};

fn now() -> Timestamp {
    "2026-11-30T12:00:00Z".parse().unwrap()
}

fn place() -> Place {
    Place { file: "requirements.txt".into(), line: Some(1) }
}

fn subject() -> Subject {
    let package = Package::new(Ecosystem::pypi(), "demo", "1.0", place()).unwrap();
    Subject { sources: vec!["requirements.txt".into()], packages: vec![package], gaps: vec![] }
}

fn facts(snapshot: &str) -> BTreeMap<Ecosystem, EcosystemFacts> {
    let facts = EcosystemFacts { records: 10, packages: 5, snapshot: snapshot.parse().unwrap(), newest: None };
    BTreeMap::from([(Ecosystem::pypi(), facts)])
}

fn database() -> Database {
    Database { digest: "sha256:00".into(), sequence: 1, snapshot: now(), verified_by: None }
}

fn rules() -> ScanRules {
    ScanRules { limits: DependencyLimits::default(), now: now() }
}

fn looked_up() -> Matches {
    Matches { counts: BTreeMap::from([(Ecosystem::pypi(), 1)]), ..Matches::default() }
}

fn with_finding(advisory: &Advisory) -> Matches {
    let finding = serde_json::json!({
        "id": advisory.id, "aliases": [], "severity": advisory.rating, "malicious": advisory.is_malicious(),
        "notice": advisory.notice, "summary": "", "ecosystem": "PyPI", "package": "demo", "version": "1.0",
        "places": [], "broughtBy": [], "fixedIn": [], "fails": false,
    });
    Matches { findings: vec![serde_json::from_value(finding).unwrap()], ..looked_up() }
}

/// The verdict with these advisories, and the reasons.
fn judged(matches: Matches, snapshot: &str, rules: &ScanRules) -> (Verdict, String) {
    let facts = facts(snapshot);
    let result = judge(subject(), matches, Some((database(), &facts)), None, rules);
    (result.verdict, result.reasons.join("; "))
}

#[test]
fn passes_with_fresh_advisories_of_every_ecosystem() {
    assert_eq!(judged(looked_up(), "2026-11-29T12:00:00Z", &rules()), (Verdict::Passed, String::new()));
}

#[test]
fn never_passes_without_knowledge() {
    let facts = facts("2026-11-29T12:00:00Z");
    let without = judge(subject(), Matches::default(), None, None, &rules());
    assert_eq!(without.verdict, Verdict::Inconclusive);
    assert_eq!(without.coverage[0].packages, 1, "also what was not looked up is counted");
    let unusable = judge(subject(), Matches::default(), None, Some("damaged".into()), &rules());
    assert_eq!((unusable.verdict, unusable.reasons), (Verdict::Inconclusive, vec!["damaged".to_owned()]));
    let nothing = judge(Subject::default(), Matches::default(), Some((database(), &facts)), None, &rules());
    assert_eq!((nothing.verdict, nothing.reasons), (Verdict::Inconclusive, vec!["no package was found".to_owned()]));
    let gaps = vec![Gap { place: place(), reason: "not pinned".into() }];
    let gap = judge(Subject { gaps, ..subject() }, looked_up(), Some((database(), &facts)), None, &rules());
    assert_eq!(gap.reasons, ["requirements.txt:1: not pinned"]);
    assert_eq!(gap.verdict, Verdict::Inconclusive);
    let undecided = vec![crate::findings::Undecided { id: "X".into(), package: "demo 1.0".into(), reason: "y".into() }];
    let (verdict, why) = judged(Matches { undecided, ..looked_up() }, "2026-11-29T12:00:00Z", &rules());
    assert_eq!((verdict, why.as_str()), (Verdict::Inconclusive, "X and demo 1.0: y"));
}

#[test]
fn old_future_and_missing_advisories_prove_nothing() {
    let of = |snapshot: &str| judged(looked_up(), snapshot, &rules());
    let old = of("2026-11-20T12:00:00Z");
    assert_eq!(old, (Verdict::Inconclusive, "the advisories of PyPI are 10 days old; the policy allows 7 days".into()));
    assert_eq!(of("2026-11-23T12:00:00Z").0, Verdict::Passed, "exactly as old as allowed");
    assert_eq!(of("2026-11-30T13:00:00Z").0, Verdict::Passed, "a clock may be an hour behind");
    assert!(of("2026-12-24T00:00:00Z").1.contains("in the future"));
    let none = judge(subject(), looked_up(), Some((database(), &BTreeMap::new())), None, &rules());
    assert_eq!(none.reasons, ["the advisories have none of PyPI, of which there are 1 package(s)"]);
    assert_eq!(none.verdict, Verdict::Inconclusive);
}

#[test]
fn the_policy_may_want_a_signature() {
    let signed = ScanRules { limits: DependencyLimits { signed: true, ..DependencyLimits::default() }, ..rules() };
    assert_eq!(judged(looked_up(), "2026-11-29T12:00:00Z", &signed).0, Verdict::Inconclusive);
}

#[test]
fn the_policy_decides_which_findings_fail() {
    let advisory = |id: &str, rating, notice: Option<&str>| Advisory {
        id: id.into(),
        rating,
        notice: notice.map(str::to_owned),
        ..Advisory::default()
    };
    let verdict = |advisory: Advisory, limits: DependencyLimits| {
        judged(with_finding(&advisory), "2026-11-29T12:00:00Z", &ScanRules { limits, ..rules() }).0
    };
    let built_in = DependencyLimits::default();
    let high = DependencyLimits { fail_on: Severity::High, ..built_in.clone() };
    for (rating, by_default, with_high) in [
        (Rating::None, Verdict::Passed, Verdict::Passed),
        (Rating::Low, Verdict::Failed, Verdict::Passed),
        (Rating::Medium, Verdict::Failed, Verdict::Passed),
        (Rating::High, Verdict::Failed, Verdict::Failed),
        (Rating::Critical, Verdict::Failed, Verdict::Failed),
        (Rating::Unknown, Verdict::Failed, Verdict::Failed),
    ] {
        assert_eq!(verdict(advisory("X", rating, None), built_in.clone()), by_default, "{rating}");
        assert_eq!(verdict(advisory("X", rating, None), high.clone()), with_high, "{rating}");
    }
    let lenient =
        DependencyLimits { unknown_severity: Reaction::Pass, fail_on: Severity::Critical, ..built_in.clone() };
    assert_eq!(verdict(advisory("X", Rating::Unknown, None), lenient.clone()), Verdict::Passed);
    assert_eq!(
        verdict(advisory("MAL-1", Rating::Unknown, None), lenient),
        Verdict::Failed,
        "malicious packages always fail"
    );
    let notice = || advisory("RUSTSEC-1", Rating::Unknown, Some("unmaintained"));
    assert_eq!(verdict(notice(), built_in.clone()), Verdict::Passed);
    assert_eq!(verdict(notice(), DependencyLimits { notices: Reaction::Fail, ..built_in }), Verdict::Failed);
}

#[test]
fn a_finding_fails_even_with_old_advisories_and_the_reasons_name_both() {
    let found = Advisory { id: "X".into(), rating: Rating::High, ..Advisory::default() };
    let (verdict, why) = judged(with_finding(&found), "2026-01-01T00:00:00Z", &rules());
    assert_eq!(verdict, Verdict::Failed);
    assert!(why.starts_with("1 finding(s)") && why.contains("333 days old"), "{why}");
}
