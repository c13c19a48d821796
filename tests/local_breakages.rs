//! Breaks the flagship environment on purpose and sees its cases fail: a suite that cannot fail is worth nothing.
//!
//! The breakages and the cases that each must fail are in `fixtures/tsd-breakages.yaml`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod breakages;
mod support;

use std::collections::BTreeMap;

use breakages::{Breakage, Outside, Run, breakages};
use support::{Running, User, repository};

#[test]
fn every_flagship_case_has_a_breakage() {
    let all = breakages();
    let broken: Vec<String> = all.every().flat_map(|b| b.fails.keys().cloned()).collect();
    let flagship = breakages::flagship();
    let suites = flagship["suites"].as_object().unwrap().values();
    let cases: Vec<&str> =
        suites.flat_map(|s| s["cases"].as_array().unwrap()).map(|c| c["id"].as_str().unwrap()).collect();
    assert!(cases.len() > 20, "{cases:?}");
    let never: Vec<_> = cases.iter().filter(|c| !broken.iter().any(|b| b == *c)).collect();
    assert!(never.is_empty(), "no breakage fails {never:?}");
    let unknown: Vec<_> = broken.iter().filter(|b| !cases.contains(&b.as_str())).collect();
    assert!(unknown.is_empty(), "there are no cases {unknown:?}");
}

#[test]
fn breakages_of_the_first_run_fail_only_their_cases() {
    broken_run("first");
}

#[test]
fn breakages_of_the_second_run_fail_only_their_cases() {
    broken_run("second");
}

#[test]
fn breakages_of_the_third_run_fail_only_their_cases() {
    broken_run("third");
}

#[test]
fn events_lost_in_an_outage_fail_their_cases() {
    broken_run("outage");
}

#[test]
fn unpublished_events_fail_a_single_case() {
    broken_run("outage-again");
}

/// One `dayfly run` of a broken copy.
fn broken_run(name: &str) {
    needs_engine!();
    let _seat = breakages::seat();
    let user = User::new();
    let run: Run = breakages().runs.into_iter().find(|r| r.name == name).unwrap();
    let environment = format!("broken-{name}-pr-1");
    user.owns(&environment);
    let mut copy = breakages::Copy::of_the_flagship(user.folder.path(), &format!("broken-{name}"));
    run.breakages.iter().for_each(|b| copy.break_it(b));
    let file = copy.write();
    let mut more: Vec<&str> = run.suites.iter().flat_map(|s| ["--suite", s]).collect();
    // Some breakages depart from the secure defaults.
    let policy = repository().join("tests/fixtures/policy.yaml");
    more.extend(["--policy", policy.to_str().unwrap()]);
    let ended = user.runs(&file, "1", &more);
    assert!(matches!(ended.code, 5 | 6), "{ended:?}");
    let report = user.report(&environment);
    let cases: Vec<_> =
        report["suites"].as_array().unwrap().iter().flat_map(|s| s["cases"].as_array().unwrap().clone()).collect();
    let fails: Vec<&Breakage> = run.breakages.iter().collect();
    breakages::compare_clues(&cases, &fails);
    breakages::compare(cases, &fails);
}

#[test]
fn external_breakages_fail_only_their_cases() {
    needs_engine!();
    let _seat = breakages::seat();
    let user = User::new();
    let outside = breakages().outside;
    user.owns(OUTSIDE);
    let mut copy = breakages::Copy::of_the_flagship(user.folder.path(), "broken-outside");
    copy.set(&outside.set);
    let file = copy.write();
    user.dayfly(&["up", &file, "--pr", "1"]).code(0);
    let engine = breakages::EngineCommand::find();
    let mut names = BTreeMap::from([
        ("{}".to_owned(), engine.beginning_of(OUTSIDE)),
        ("{environment}".to_owned(), OUTSIDE.to_owned()),
    ]);
    for broken in &outside.breakages {
        eprintln!("breaking: {}", broken.breakage.what);
        if let Some(other) = &broken.beside {
            user.owns("hello-pr-7315");
            user.dayfly(&["up", repository().join(other).to_str().unwrap(), "--pr", "7315"]).code(0);
            names.insert("{beside}".into(), "hello-pr-7315".into());
        }
        let cases = judged_while_broken(&user, &engine, broken, &mut names);
        engine.perform(&broken.undo, &names);
        breakages::compare(cases, &[&broken.breakage]);
    }
}

/// The environment that is broken from outside.
const OUTSIDE: &str = "broken-outside-pr-1";

/// The cases of the suite as they came out while the breakage was there.
fn judged_while_broken(
    user: &User,
    engine: &breakages::EngineCommand,
    broken: &Outside,
    names: &mut BTreeMap<String, String>,
) -> Vec<serde_json::Value> {
    let test = || user.command(&["test", OUTSIDE, "--suite", &broken.suite, "--output", "json"]);
    let Some(once) = &broken.once else {
        engine.perform(&broken.act, names);
        let ended = Running::start(test()).ends();
        assert_eq!(ended.code, 6, "{ended:?}");
        return breakages::cases_of(&ended.err);
    };
    let before = engine.networks(once, names);
    let running = Running::start(test());
    let network = engine.appears(once, names, &before);
    names.insert("{once}".into(), network);
    engine.perform(&broken.act, names);
    breakages::cases_of(&running.ends().err)
}
