//! The API server goes away in the middle of things, and comes back.

use dayfly::testing::{Requirement, skip};
use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::in_cluster;
use crate::support::{Ended, Running, User};
use crate::world::{REACHES_WEB, namespace_is_there, with_cases};

/// One outage at a time.
static OUTAGE: Mutex<()> = Mutex::new(());

/// The script that ends and starts the API server; none when this cluster is somebody else's.
fn setup(what: &str) -> bool {
    let Some(script) = std::env::var_os("DAYFLY_TEST_CLUSTER_SETUP") else {
        skip(Requirement::OwnCluster, "the API server cannot be restarted from here");
        return false;
    };
    let done = Command::new(script).arg(what).output().unwrap();
    assert!(done.status.success(), "{what}: {}", String::from_utf8_lossy(&done.stderr));
    true
}

/// Ends the API server, and starts it again.
fn outage() -> bool {
    setup("away") && setup("back")
}

#[test]
fn up_and_down_survive_a_restart_of_the_api_server() {
    let user = in_cluster!();
    let _one = OUTAGE.lock();
    // The cluster's own network plugin may take a minute until it watches policies again; pods are closed as long.
    let file = user.describes("kc-away", &with_cases(REACHES_WEB).replace("port: 8080\n", "port: 8080\n    ready: { tcp: 8080, within: 180s }\n    needs: [slow]\n").replace(
        "suites:\n",
        "  slow:\n    image: localhost/dayfly/python:1\n    command: [sh, -c, 'sleep 4; exec python3 -m http.server 8081 --directory /tmp']\n    port: 8081\n    ready: { tcp: 8081, within: 180s }\nsuites:\n",
    ));
    user.owns("kc-away-pr-1");
    let mut up = Running::start(user.command(&["up", &file, "--pr", "1"]));
    up.until("start     slow");
    if !outage() {
        return;
    }
    up.ends().code(0).says("every service is ready");
    user.dayfly(&["test", "kc-away-pr-1"]).code(0);
    let down = Running::start(user.command(&["down", "kc-away-pr-1"]));
    crate::world::until("the removal has begun", || {
        crate::world::try_kubectl(&["get", "namespace", "kc-away-pr-1", "-o", "jsonpath={.status.phase}"]).out
            != "Active"
    });
    outage();
    down.ends().code(0);
    assert!(!namespace_is_there("kc-away-pr-1"));
}

/// Two services, of which the second waits for the first, a suite of each kind, and every kind of step that an outage can hit.
const STORY: &str = "\
services:
  slow:
    image: localhost/dayfly/python:1
    command: [sh, -c, 'sleep 2; exec python3 -u -m http.server 8081 --directory /tmp']
    port: 8081
    ready: { tcp: 8081, within: 180s }
  web:
    image: localhost/dayfly/python:1
    command: [sh, -c, 'sleep 2; exec python3 -u -m http.server 8080 --directory /tmp']
    port: 8080
    ready: { http: /, within: 180s }
    needs: [slow]
suites:
  answers:
    kind: acceptance
    needs: [web]
    timeout: 300s
    cases:
      - { id: A1, name: web answers, steps: [ http: { url: 'http://web:8080/' } ] }
      - { id: A2, name: time passes and web answers, steps: [ wait: { for: 3s }, http: { url: 'http://web:8080/' } ] }
      - { id: A3, name: slow comes back, steps: [ restart: { service: slow } ] }
  walls:
    kind: security
    needs: [web]
    timeout: 300s
    cases:
      - id: S1
        name: only web reaches slow
        steps:
          - { name: web can, from: web, tcp: { to: 'slow:8081' } }
          - { control: web can, tcp: { to: 'slow:8081', refused: true } }
      - { id: S2, name: services are confined, steps: [ confined: {} ] }
      - { id: S3, name: nothing gets out, steps: [ noWayOut: {} ] }
      - { id: S4, name: no secret leaks, steps: [ noSecretsLeaked: {} ] }
";

/// Longest time of a run with one outage; it stays far below this.
const LONGEST_RUN: Duration = Duration::from_secs(900);

/// A run that prints its events as lines of JSON.
fn begin(user: &User, name: &str, pr: usize) -> Running {
    let file = user.describes(name, STORY);
    user.owns(&format!("{name}-pr-{pr}"));
    Running::start(user.run_command(&file, &pr.to_string(), &["--output", "json"]))
}

/// The kind of the event on a line, if it is one.
fn kind(line: &str) -> Option<String> {
    let event: serde_json::Value = serde_json::from_str(line).ok()?;
    Some(event["event"].as_str()?.to_owned())
}

/// Waits for the end of a run, which must not hang.
fn end(mut run: Running, what: &str) -> Ended {
    let limit = Instant::now() + LONGEST_RUN;
    while run.child.try_wait().unwrap().is_none() {
        if Instant::now() > limit {
            run.child.kill().unwrap();
            panic!("{what}: the run hangs:\n{}", run.ends().err);
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    run.ends()
}

/// The lines of a run, with which each outage begins: the first line of each kind of event, without progress.
fn kinds_of(ended: &Ended) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let kinds = ended.err.lines().filter_map(kind).filter(|kind| kind != "ended" && kind != "suite-line");
    kinds.filter(|kind| seen.insert(kind.clone())).collect()
}

/// Takes the API server away once in a run for each of these kinds of event; for every kind of a run if none is given.
fn outage_at_each(name: &str, chosen: &[&str]) {
    let user = in_cluster!();
    let _one = OUTAGE.lock();
    let mut kinds: Vec<String> = chosen.iter().map(|kind| (*kind).to_owned()).collect();
    if kinds.is_empty() {
        kinds = kinds_of(&end(begin(&user, name, 1), "without an outage").code(0));
        for needed in ["claimed", "prepared", "unit-starting", "unit-ready", "suite-started", "case-done", "removing"] {
            assert!(kinds.iter().any(|kind| kind == needed), "no {needed} among {kinds:?}");
        }
    }
    for (pr, kind) in (2..).zip(&kinds) {
        let mut run = begin(&user, name, pr);
        run.until(&format!("\"event\":\"{kind}\""));
        if !outage() {
            return;
        }
        let ended = end(run, kind);
        println!("an outage at {kind}: exit code {}", ended.code);
        // It passed, or was not judged, or a service was not ready in time: but nothing failed.
        assert!([0, 4, 7].contains(&ended.code), "an outage at {kind}: exit code {}\n{}", ended.code, ended.err);
        if ended.code != 0 {
            assert!(ended.err.contains("API server"), "an outage at {kind} is not named:\n{}", ended.err);
        }
        user.reaps(name, &["--idle", "1ms"]).code(0);
        assert!(!namespace_is_there(&format!("{name}-pr-{pr}")), "an outage at {kind}");
    }
}

#[test]
fn an_outage_never_makes_a_wrong_verdict_or_a_hang() {
    outage_at_each("kc-some", &["unit-starting", "suite-started"]);
}

#[test]
#[ignore = "takes about half an hour"]
fn an_outage_at_each_event_of_a_run_never_makes_a_wrong_verdict_or_a_hang() {
    outage_at_each("kc-each", &[]);
}
