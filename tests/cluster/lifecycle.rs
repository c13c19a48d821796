//! Up, run, look around, update, down; one pull request beside another, and one run after another.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use serde_json::Value;

use crate::in_cluster;
use crate::support::{COMMIT, Running, User, chosen_cases, repository};
use crate::world::{LONG, REACHES_WEB, WEB, kubectl, namespace_is_there, object, with_cases};

#[test]
fn hello_passes_signs_its_report_and_leaves_nothing() {
    let user = in_cluster!();
    let hello = repository().join("environments/hello");
    let log = user.has_a_log();
    user.runs(hello.to_str().unwrap(), "401", &["--log-key", "log-key.pem"]).code(0).says("PASSED");
    user.finds_nothing_of("hello-pr-401");
    assert!(!namespace_is_there("hello-pr-401"));
    let run = user.evidence("hello-pr-401");
    let run = run.to_str().unwrap();
    user.dayfly(&["verify", run, "--key", "key.pem.pub", "--commit", COMMIT, "--require-passed"]).code(0);
    user.finds_in_the_log(&log, run, &["opened", "suite", "suite", "run", "run"]);
    for format in ["text", "json", "junit", "markdown", "html"] {
        user.dayfly(&["report", run, "--format", format]).code(0).says("401");
    }
    let report = user.report("hello-pr-401");
    assert_eq!(report["engine"], "kubernetes");
    let digest = |u: &serde_json::Value| u["runningDigest"].as_str().unwrap().starts_with("sha256:");
    assert!(report["units"].as_array().unwrap().iter().all(digest), "{report:#}");
    let images = report["images"].as_object().unwrap().values();
    assert!(images.into_iter().all(|i| i["digest"].as_str().unwrap().starts_with("sha256:")), "{report:#}");
    let traces: Vec<&str> = report["traces"].as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap()).collect();
    assert_eq!(traces, ["greeter.log", "web.log", "events.json", "pods.json"]);
}

/// The kind and verdict of each suite and case.
fn verdicts(report: &Value) -> BTreeMap<String, (Value, Value)> {
    let suites = report["suites"].as_array().unwrap().iter();
    let with_cases = |suite: &Value| {
        let name = suite["name"].as_str().unwrap().to_owned();
        let cases = suite["cases"].as_array().unwrap().iter();
        let cases: Vec<_> = cases
            .map(|case| (format!("{name}/{}", case["id"]), (suite["kind"].clone(), case["verdict"].clone())))
            .collect();
        cases.into_iter().chain([(name, (suite["kind"].clone(), suite["verdict"].clone()))])
    };
    suites.flat_map(with_cases).collect()
}

#[test]
fn every_environment_passes_with_the_same_verdicts_on_both_engines() {
    let cluster = in_cluster!();
    let local = User::new();
    let folders = std::fs::read_dir(repository().join("environments")).unwrap().map(|entry| entry.unwrap());
    for folder in folders {
        let environment = format!("{}-pr-402", folder.file_name().to_str().unwrap());
        let [there, here] = [&cluster, &local].map(|user| {
            user.runs(folder.path().to_str().unwrap(), "402", &[]).code(0).says("PASSED");
            user.finds_nothing_of(&environment);
            verdicts(&user.report(&environment))
        });
        assert!(there.values().all(|(_, verdict)| verdict == "passed"), "{there:#?}");
        assert_eq!(there, here, "{environment}");
    }
}

#[test]
fn up_status_logs_forward_and_down_work_together() {
    let user = in_cluster!();
    let file = user.describes("kc-look", &with_cases(REACHES_WEB));
    user.owns("kc-look-pr-1");
    user.dayfly(&["up", &file, "--pr", "1"]).code(0).says("kc-look-pr-1 is up");
    user.dayfly(&["status", "kc-look-pr-1"]).code(0).says("running").says("suite");
    user.dayfly(&["list"]).code(0).says("kc-look-pr-1");
    user.dayfly(&["test", "kc-look-pr-1"]).code(0).says("1 of 1 passed");
    chosen_cases(&user, "kc-look-pr-1");
    user.dayfly(&["logs", "kc-look-pr-1", "web"]).code(0).says("GET / HTTP");
    user.dayfly(&["logs", "kc-look-pr-1", "nope"]).code(2).says("it has: web");
    let mut forward = Running::start(user.command(&["forward", "kc-look-pr-1", "web"]));
    let address = forward.until("forwards to web:8080").split(' ').next().unwrap().to_owned();
    for _ in 0..2 {
        let mut stream = std::net::TcpStream::connect(&address).unwrap();
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains("200 OK"), "{answer}");
    }
    forward.signal("INT");
    forward.ends().code(0);
    let mut logs = Running::start(user.command(&["logs", "kc-look-pr-1", "-f"]));
    user.dayfly(&["test", "kc-look-pr-1"]).code(0);
    logs.until("GET / HTTP");
    logs.signal("INT");
    user.dayfly(&["down", &file, "--pr", "1"]).code(0).says("removed kc-look-pr-1");
    user.dayfly(&["down", "kc-look-pr-1"]).code(2).says("in the cluster");
    user.dayfly(&["down", "kc-look-pr-1", "--ignore-not-found"]).code(0).says("in the cluster; nothing to remove");
    user.finds_nothing_of("kc-look-pr-1");
}

#[test]
fn lists_environments_of_every_engine_together() {
    let user = in_cluster!();
    let file = user.describes("kc-both", WEB);
    user.owns("kc-both-pr-1");
    user.dayfly(&["up", &file, "--pr", "1"]).code(0);
    let listed = user.dayfly(&["list", "--engine", "local", "--engine", "kubernetes"]).code(0);
    listed.says("ENGINE").says("kc-both-pr-1");
    user.dayfly(&["status", "kc-both-pr-1", "--engine", "local", "--engine", "kubernetes"]).code(2).says("one engine");
}

#[test]
fn an_update_restarts_only_changed_units_and_their_dependents() {
    let user = in_cluster!();
    let describe = |greeting: &str| {
        user.describes(
            "kc-update",
            &format!("{WEB}    env: {{ GREETING: {greeting} }}\n  beside:\n    image: localhost/dayfly/python:1\n    command: [python3, -m, http.server, '8081', --directory, /tmp]\n    port: 8081\n  caller:\n    image: localhost/dayfly/python:1\n    command: [python3, -m, http.server, '8082', --directory, /tmp]\n    port: 8082\n    needs: [web]\nsecrets: {{ key: {{}} }}\n"),
        )
    };
    let uid = |unit: &str| object("kc-update-pr-1", "pod", unit)["metadata"]["uid"].clone();
    let all = || ["web", "beside", "caller"].map(uid);
    let kept = || object("kc-update-pr-1", "secret", "dayfly.keep")["data"].clone();
    user.owns("kc-update-pr-1");
    let file = describe("hello");
    user.dayfly(&["up", &file, "--pr", "1", "--commit", COMMIT]).code(0);
    let (first, secrets) = (all(), kept());
    user.dayfly(&["up", &file, "--pr", "1", "--commit", COMMIT]).code(0).says("replacing run");
    assert_eq!(all(), first, "nothing differs");
    describe("good day");
    user.dayfly(&["up", &file, "--pr", "1", "--commit", COMMIT]).code(0);
    let second = all();
    assert_ne!(second[0], first[0], "web differs");
    assert_eq!(second[1], first[1], "nothing of beside differs");
    assert_ne!(second[2], first[2], "caller needs web");
    assert_eq!(kept(), secrets, "secrets stay");
    user.describes("kc-update", WEB);
    user.dayfly(&["up", &file, "--pr", "1", "--commit", COMMIT]).code(0);
    let pods = kubectl(&["-n", "kc-update-pr-1", "get", "pods,services,secrets", "-o", "name"]);
    assert!(!pods.contains("beside") && !pods.contains("caller"), "{pods}");
}

#[test]
fn a_newer_run_takes_over_and_starts_afresh() {
    let user = in_cluster!();
    let older = user.describes("kc-over", &with_cases(LONG));
    let mut first = Running::start(user.run_command(&older, "1", &[]));
    first.until("suite began");
    let uid = object("kc-over-pr-1", "pod", "web")["metadata"]["uid"].clone();
    let newer = user.describes("kc-over", &with_cases(REACHES_WEB));
    user.owns("kc-over-pr-1");
    user.runs(&newer, "1", &["--keep", "always"]).code(0).says("replacing run");
    first.ends().code(1).says("newer run");
    assert_ne!(object("kc-over-pr-1", "pod", "web")["metadata"]["uid"], uid);
    user.dayfly(&["test", "kc-over-pr-1"]).code(0).says("web answers");
}

#[test]
fn exactly_one_of_two_concurrent_runs_owns_the_environment() {
    let user = in_cluster!();
    let file = user.describes("kc-race", &with_cases(REACHES_WEB));
    user.owns("kc-race-pr-1");
    let both = [(); 2].map(|()| Running::start(user.run_command(&file, "1", &[])));
    let ended = both.map(Running::ends);
    let mut codes = ended.each_ref().map(|e| e.code);
    codes.sort_unstable();
    // One passes; the other says that a newer run has it. It may also be that the older was done before.
    let told = |e: &crate::support::Ended| e.code == 0 || e.err.contains("newer run");
    assert!(codes[0] == 0 && codes[1] <= 1 && ended.iter().all(told), "{ended:#?}");
    user.finds_nothing_of("kc-race-pr-1");
}

#[test]
fn environments_of_two_pull_requests_are_isolated() {
    let user = in_cluster!();
    let file =
        user.describes("kc-twin", &with_cases("      - { id: S1, name: no neighbour, steps: [ noNeighbour: {} ] }\n"));
    user.owns("kc-twin-pr-1");
    user.owns("kc-twin-pr-2");
    let ups = ["1", "2"].map(|pr| Running::start(user.command(&["up", &file, "--pr", pr])));
    ups.into_iter().for_each(|up| drop(up.ends().code(0)));
    user.dayfly(&["test", "kc-twin-pr-1"]).code(0);
    user.dayfly(&["down", "kc-twin-pr-1"]).code(0);
    user.dayfly(&["test", "kc-twin-pr-2"]).code(0);
}

#[test]
fn a_signal_removes_everything_and_signs_an_aborted_run() {
    let user = in_cluster!();
    let file = user.describes("kc-sig", &with_cases(LONG));
    for said in ["claim", "start", "suite began"] {
        let mut run = Running::start(user.run_command(&file, "1", &[]));
        run.until(said);
        run.signal("TERM");
        run.ends().code(130).says("ABORTED");
        assert!(!namespace_is_there("kc-sig-pr-1"), "after {said}");
    }
}

#[test]
fn reap_removes_everything_after_random_kills() {
    let user = in_cluster!();
    let file = user.describes("kc-kill", &with_cases(LONG));
    user.owns("kc-kill-pr-1");
    // Other moments at every call: nobody chose them.
    let mut moment = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().subsec_nanos() as u64;
    let mut moments = vec![];
    for _ in 0..10 {
        moment = moment.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let after = std::time::Duration::from_millis((moment >> 33) % 2500);
        moments.push(after);
        let mut run = user.run_command(&file, "1", &["--ttl", "1s"]).spawn().unwrap();
        std::thread::sleep(after);
        run.kill().unwrap();
        run.wait().unwrap();
    }
    // The environment lives for a second at most.
    std::thread::sleep(std::time::Duration::from_secs(1));
    user.reaps("kc-kill", &["--expired"]).code(0);
    user.finds_nothing_of("kc-kill-pr-1");
    assert!(!namespace_is_there("kc-kill-pr-1"), "killed after {moments:?}");
}

#[test]
fn reaps_expired_environments_only() {
    let user = in_cluster!();
    let file = user.describes("kc-ttl", WEB);
    user.owns("kc-ttl-pr-1");
    user.owns("kc-ttl-pr-2");
    user.dayfly(&["up", &file, "--pr", "1", "--ttl", "1s"]).code(0);
    user.dayfly(&["up", &file, "--pr", "2"]).code(0);
    user.reaps("kc-ttl", &["--expired", "--dry-run"]).code(0).says("would remove kc-ttl-pr-1");
    user.reaps("kc-ttl", &["--expired"]).code(0).says("removed kc-ttl-pr-1");
    user.finds_nothing_of("kc-ttl-pr-1");
    user.dayfly(&["status", "kc-ttl-pr-2"]).code(0);
}
