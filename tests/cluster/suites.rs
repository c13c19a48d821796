//! Container suites: Jobs whose results are fetched however they end.

use crate::in_cluster;
use crate::support::Running;
use crate::world::{WEB, kubectl, until};

const JUNIT: &str =
    "echo '<testsuite name=\"s\" tests=\"1\"><testcase classname=\"c\" name=\"t\"/></testsuite>' > /results/junit.xml";

/// A container suite whose shell does this.
fn suite(script: &str, more: &str) -> String {
    format!(
        "{WEB}suites:\n  box:\n    kind: acceptance\n    needs: [web]\n    image: localhost/dayfly/python:1\n    command: [sh, -c, {script:?}]\n{more}"
    )
}

#[test]
fn a_container_suite_reaches_its_callee_and_is_judged_by_its_junit_results() {
    let user = in_cluster!();
    let script =
        format!("python3 -c 'import urllib.request as r; print(r.urlopen(\"http://web:8080/\").status)' && {JUNIT}");
    let file = user.describes("kc-box", &suite(&script, ""));
    user.runs(&file, "1", &[]).code(0).says("PASSED").says("box | 200");
    let raw: Vec<_> = user.report("kc-box-pr-1")["suites"][0]["raw"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["name"].as_str().unwrap().to_owned())
        .collect();
    assert!(raw.contains(&"junit.xml".to_owned()) && raw.contains(&"log.txt".to_owned()), "{raw:?}");
    user.finds_nothing_of("kc-box-pr-1");
}

#[test]
fn a_container_suite_without_results_is_inconclusive_even_with_exit_code_0() {
    let user = in_cluster!();
    let file = user.describes("kc-empty", &suite("exit 0", ""));
    user.runs(&file, "1", &[]).code(7).says("no test");
}

#[test]
fn retries_a_failing_container_suite_as_often_as_described() {
    let user = in_cluster!();
    let file = user.describes("kc-exit", &suite("echo it broke; exit 1", "    verdict: exit-code\n    retries: 1\n"));
    let told = user.runs(&file, "1", &[]).code(5).says("it broke");
    assert_eq!(told.err.matches("box | it broke").count(), 2, "{}", told.err);
}

#[test]
fn keeps_the_log_and_results_of_a_suite_that_times_out() {
    let user = in_cluster!();
    let script = "trap 'echo asked to end; echo late > /results/late.txt; exit 1' TERM; echo half > /results/half.txt; sleep 600 & wait";
    let file = user.describes("kc-slow", &suite(script, "    timeout: 3s\n"));
    user.runs(&file, "1", &[]).code(5).says("time limit").says("asked to end");
    let report = user.report("kc-slow-pr-1");
    let raw = report["suites"][0]["raw"].as_array().unwrap();
    for name in ["half.txt", "late.txt"] {
        assert!(raw.iter().any(|r| r["name"] == name), "{report:#}");
    }
}

#[test]
fn keeps_the_log_and_results_of_an_oom_killed_suite() {
    let user = in_cluster!();
    let script = "echo half > /results/half.txt; python3 -c 'x = bytearray(400_000_000)'; echo $?; kill -9 $$";
    let more = "    resources: { memory: 64Mi }\n    verdict: exit-code\n";
    let file = user.describes("kc-fat", &suite(script, more));
    user.runs(&file, "1", &[]).code(5).says("box | 137");
    let report = user.report("kc-fat-pr-1");
    assert!(report["suites"][0]["raw"].as_array().unwrap().iter().any(|r| r["name"] == "half.txt"), "{report:#}");
}

#[test]
fn a_suite_with_an_unavailable_image_is_inconclusive_with_the_reason() {
    let user = in_cluster!();
    let more = "    security: { user: '1000' }\n";
    let broken = suite("exit 0", more)
        .replace("needs: [web]\n    image: localhost/dayfly/python:1", "needs: [web]\n    image: localhost/no/such:1");
    let file = user.describes("kc-nosuite", &broken);
    user.runs(&file, "1", &[]).code(7).says("localhost/no/such:1");
}

#[test]
fn a_suite_whose_pod_is_deleted_is_inconclusive_and_keeps_its_log() {
    let user = in_cluster!();
    let file = user.describes("kc-gone", &suite("echo it had begun; sleep 600", "    verdict: exit-code\n"));
    let mut run = Running::start(user.run_command(&file, "1", &[]));
    run.until("box | it had begun");
    kubectl(&["-n", "kc-gone-pr-1", "delete", "pods", "-l", "dayfly.dev/role=suite", "--grace-period=0", "--force"]);
    let ended = run.ends();
    assert!(ended.code == 7 || ended.code == 5, "{ended:#?}");
    ended.says("its pod was lost");
    let report = user.report("kc-gone-pr-1");
    assert!(report["suites"][0]["raw"].as_array().unwrap().iter().any(|r| r["name"] == "log.txt"), "{report:#}");
}

#[test]
fn a_restarted_service_keeps_its_files_and_its_address() {
    let user = in_cluster!();
    let script = "test -e /data/count || { echo one > /data/count; }; cp /data/count /tmp/count; exec python3 -m http.server 8080 --directory /data";
    let file = user.describes(
        "kc-again",
        &format!("services:\n  web:\n    image: localhost/dayfly/python:1\n    command: [sh, -c, '{script}']\n    port: 8080\n    writable: [/data]\nsuites:\n  suite:\n    kind: acceptance\n    needs: [web]\n    cases:\n      - id: A1\n        name: it is away and comes back\n        steps:\n          - {{ name: it is there, http: {{ url: 'http://web:8080/count', expect: {{ body: \"one\\n\" }} }} }}\n          - stop: {{ service: web }}\n          - {{ control: it is there, tcp: {{ to: 'web:8080', refused: true }} }}\n          - start: {{ service: web }}\n          - http: {{ url: 'http://web:8080/count', expect: {{ body: \"one\\n\" }} }}\n"),
    );
    user.runs(&file, "1", &[]).code(0).says("PASSED");
    until("it is gone", || !crate::world::namespace_is_there("kc-again-pr-1"));
}
