//! Tests of the command on a real container engine, with the images of `examples/`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use serde_json::json;
use std::io::{Read, Write};
use support::{COMMIT, Running, User, repository};

const WEB: &str = "services:\n  web:\n    image: localhost/dayfly/python:1\n    command: [python3, -u, -m, http.server, '8080', --directory, /tmp]\n    port: 8080\n";

/// A description with one web server and one acceptance suite of these cases.
fn with_cases(cases: &str) -> String {
    format!("{WEB}suites:\n  suite:\n    kind: acceptance\n    needs: [web]\n    cases:\n{cases}")
}

const REACHES_WEB: &str = "      - { id: A1, name: web answers, steps: [ http: { url: 'http://web:8080/' } ] }\n";
/// A case that is under way long enough for the story to do something meanwhile; no story waits for its end.
const LONG: &str = "      - { id: A1, name: it takes long, steps: [ wait: { for: 10m } ] }\n";

#[test]
fn a_run_signs_its_report_and_leaves_nothing_behind() {
    needs_engine!();
    let user = User::new();
    let hello = repository().join("environments/hello");
    let hello = hello.to_str().unwrap();
    let log = user.has_a_log();
    user.runs(hello, "101", &[]).code(2).says("give its key with --log-key");
    user.runs(hello, "101", &["--log-key", "log-key.pem"]).code(0).says("PASSED");
    user.finds_nothing_of("hello-pr-101");
    let run = user.evidence("hello-pr-101");
    let run = run.to_str().unwrap();
    user.dayfly(&["verify", run, "--key", "key.pem.pub", "--commit", COMMIT, "--require-passed"]).code(0);
    user.dayfly(&["verify", run, "--key", "key.pem.pub", "--commit", &COMMIT.replace('4', "5")]).code(10);
    user.finds_in_the_log(&log, run, &["opened", "suite", "suite", "run", "run"]);
    for format in ["text", "json", "junit", "markdown", "html"] {
        user.dayfly(&["report", run, "--format", format]).code(0).says("101");
    }
    let report = user.report("hello-pr-101");
    assert!(report["removed"].is_string() && report["residual"].as_array().unwrap().is_empty(), "{report:#}");
    assert!(
        report["units"].as_array().unwrap().iter().all(|u| u["runningDigest"].as_str().unwrap().starts_with("sha256:")),
        "{report:#}"
    );
}

#[test]
fn a_description_gets_root_from_a_policy_only() {
    needs_engine!();
    let user = User::new();
    let root = "port: 8080\n    security: { user: '0', root: true, reason: it says so itself }\n";
    let file = user.describes("rooted", &with_cases(REACHES_WEB).replacen("port: 8080\n", root, 1));
    user.owns("rooted-pr-1");
    user.runs(&file, "1", &[]).code(2).says("`services.web.security.root` is not allowed").says("--policy FILE");
    assert!(!user.folder.path().join("evidence").exists(), "nothing was signed");
    user.finds_nothing_of("rooted-pr-1");
    let policy = "apiVersion: dayfly.dev/v1alpha1\nkind: Policy\ndefault: { departures: [root] }\n";
    std::fs::write(user.folder.path().join("policy.yaml"), policy).unwrap();
    user.runs(&file, "1", &["--policy", "policy.yaml"]).code(0).says("PASSED").says("policy policy.yaml sha256:");
    let run = user.evidence("rooted-pr-1");
    let report = user.report("rooted-pr-1");
    let digest = format!("sha256:{}", report["policy"]["digest"].as_str().unwrap());
    let verify = ["verify", run.to_str().unwrap(), "--key", "key.pem.pub", "--require-passed", "--policy-digest"];
    user.dayfly(&[&verify[..], &[&digest]].concat()).code(0).says("may run as root");
    user.dayfly(&[&verify[..], &[&format!("sha256:{}", "0".repeat(64))]].concat()).code(10);
}

#[test]
fn a_run_completes_after_its_output_is_closed() {
    needs_engine!();
    let user = User::new();
    let file = user.describes("unread", &with_cases(REACHES_WEB));
    user.owns("unread-pr-1");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut run = user.run_command(&file, "1", &[]);
    let ended = run.stdout(writer.try_clone().unwrap()).stderr(writer).status().unwrap();
    assert_eq!(ended.code(), Some(0));
    user.finds_nothing_of("unread-pr-1");
    let run = user.evidence("unread-pr-1");
    user.dayfly(&["verify", run.to_str().unwrap(), "--key", "key.pem.pub", "--require-passed"]).code(0);
}

#[test]
fn runs_the_first_description_of_the_readme() {
    needs_engine!();
    let user = User::new();
    let readme = std::fs::read_to_string(repository().join("README.md")).unwrap();
    let description = readme.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    std::fs::write(user.folder.path().join("environment.yaml"), description).unwrap();
    user.runs("environment.yaml", "7", &[]).code(0).says("PASSED  tiny-pr-7");
}

#[test]
fn up_list_status_test_logs_and_down_work_together() {
    needs_engine!();
    let user = User::new();
    let file = user.describes("look", &with_cases(REACHES_WEB));
    user.owns("look-pr-1");
    user.dayfly(&["up", &file, "--pr", "1"]).code(0).says("look-pr-1 is up");
    user.dayfly(&["list"]).code(0).says("look-pr-1");
    user.dayfly(&["status", "look-pr-1"]).code(0).says("running");
    user.dayfly(&["status", &file, "--pr", "1", "--output", "json"]).code(0).says("\"running\"");
    user.dayfly(&["test", "look-pr-1"]).code(0).says("web answers");
    user.dayfly(&["test", "look-pr-1", "--suite", "nope"])
        .code(2)
        .says("the description has no suite nope; it has: suite");
    support::chosen_cases(&user, "look-pr-1");
    user.dayfly(&["logs", "look-pr-1", "web"]).code(0).says("GET / HTTP");
    user.dayfly(&["logs", "look-pr-1", "nope"]).code(2).says("it has: web");
    user.dayfly(&["down", "lok-pr-1"]).code(2).says("did you mean look-pr-1?").says("nothing was removed");
    user.dayfly(&["logs", "look-pr-11"]).code(2).says("did you mean look-pr-1?");
    user.dayfly(&["down", &file, "--pr", "1"]).code(0).says("removed look-pr-1");
    user.dayfly(&["down", "look-pr-1"]).code(2).says("on this machine (--engine kubernetes looks in the cluster)");
    user.dayfly(&["down", "look-pr-1", "--ignore-not-found"]).code(0).says("nothing to remove");
    user.dayfly(&["down", &file, "--pr", "1"]).code(0).says("nothing to remove");
    user.finds_nothing_of("look-pr-1");
}

#[test]
fn a_run_without_a_key_says_so_everywhere_and_is_refused() {
    needs_engine!();
    let user = User::new();
    let file = user.describes("bare", &with_cases(REACHES_WEB));
    user.owns("bare-pr-1");
    let run = ["run", &file, "--pr", "1", "--commit", COMMIT, "--evidence", "evidence"];
    user.dayfly(&run).code(2).says("--key");
    let job = ["--repository", "https://git.test/a/b", "--job-url", "https://git.test/a/b/-/jobs/9"];
    let ended = user.dayfly(&[&run[..], &["--unsigned"], &job].concat()).code(0).says("PASSED");
    assert!(ended.out.contains("UNSIGNED") && !ended.out.contains("signed    ") && ended.err.contains("UNSIGNED"));
    let folder = user.evidence("bare-pr-1");
    let folder = folder.to_str().unwrap();
    user.dayfly(&["verify", folder, "--key", "key.pem.pub"]).code(10).says("the evidence is UNSIGNED");
    for format in ["text", "junit", "markdown", "html"] {
        let report = user.dayfly(&["report", folder, "--format", format]).code(0);
        assert!(report.out.contains("UNSIGNED"), "{format}");
        for link in
            ["https://git.test/a/b/-/merge_requests/1", &format!("https://git.test/a/b/-/commit/{COMMIT}"), job[3]]
        {
            assert!(report.out.contains(link), "{format}: {link}");
        }
    }
    let report = user.report("bare-pr-1");
    assert_eq!(report["unsigned"], true);
    assert_eq!(report["links"]["pullRequest"], "https://git.test/a/b/-/merge_requests/1");
    let log = report["traces"].as_array().unwrap().iter().find(|t| t["unit"] == "web").unwrap();
    let stored = std::fs::read_to_string(user.evidence("bare-pr-1").join(log["path"].as_str().unwrap())).unwrap();
    assert!(log["name"] == "web.log" && stored.contains("GET / HTTP"), "{log}: {stored}");
    user.finds_nothing_of("bare-pr-1");
    user.dayfly(&["logs", "bare-pr-1", "web", "--evidence", "evidence"]).code(0).says("GET / HTTP");
    user.dayfly(&["logs", "web", "--evidence", folder]).code(0).says("GET / HTTP");
    user.dayfly(&["logs", "bare-pr-1", "nope", "--evidence", "evidence"]).code(2).says("known are: `web`");
    user.dayfly(&["logs", "bare-pr-1"]).code(2).says("--evidence FOLDER");
    let mut gone = user.command(&["logs", "bare-pr-1"]);
    gone.env("DAYFLY_EVIDENCE", "evidence");
    support::ended(gone).code(0).says("GET / HTTP").says("which is over");
}

#[test]
fn shows_secrets_to_the_owner_and_only_on_demand() {
    needs_engine!();
    let user = User::new();
    let secret = WEB.replacen("port: 8080\n", "port: 8080\n    secrets: [key]\n", 1);
    let file = user.describes("vault", &format!("secrets: {{ key: {{}}, other: {{}} }}\n{secret}"));
    user.owns("vault-pr-1");
    user.dayfly(&["up", &file, "--pr", "1"]).code(0);
    let refused = user.dayfly(&["secrets", "vault-pr-1", "key"]).code(2).says("not a terminal");
    assert!(refused.out.is_empty());
    let key = user.dayfly(&["secrets", "vault-pr-1", "key", "--reveal"]).code(0).out;
    assert!(key.trim().len() == 64 && key.trim().bytes().all(|b| b.is_ascii_hexdigit()), "{key}");
    let all = user.dayfly(&["secrets", "vault-pr-1", "--reveal", "--output", "json"]).code(0).json();
    assert_eq!((all["key"].as_str(), all["other"].as_str().map(str::len)), (Some(key.trim()), Some(64)));
    user.dayfly(&["secrets", "vault-pr-1", "keey", "--reveal"]).code(2).says("did you mean `key`?");
    user.dayfly(&["secrets", "vault-pr-2", "--reveal"]).code(2).says("did you mean vault-pr-1?");
    let verbose = user.dayfly(&["secrets", "vault-pr-1", "key", "--reveal", "-vv"]).code(0);
    assert!(!verbose.err.contains(key.trim()), "no log has the secret");
}

#[test]
fn forwards_a_port_to_the_service() {
    needs_engine!();
    let user = User::new();
    let file = user.describes("fwd", WEB);
    user.owns("fwd-pr-1");
    user.dayfly(&["up", &file, "--pr", "1"]).code(0);
    let mut forward = Running::start(user.command(&["forward", "fwd-pr-1", "web"]));
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
}

#[test]
fn follows_a_log_until_interrupted() {
    needs_engine!();
    let user = User::new();
    let file = user.describes("tail", &with_cases(REACHES_WEB));
    user.owns("tail-pr-1");
    user.dayfly(&["up", &file, "--pr", "1"]).code(0);
    let mut logs = Running::start(user.command(&["logs", "tail-pr-1", "web", "-f"]));
    user.dayfly(&["test", "tail-pr-1"]).code(0);
    logs.until("GET / HTTP");
    logs.signal("INT");
}

#[test]
fn an_environment_of_another_repository_is_taken_over_only_deliberately() {
    needs_engine!();
    let user = User::new();
    let file = user.describes("owned", &with_cases(REACHES_WEB));
    user.owns("owned-pr-1");
    let (ours, theirs) = (["--repository", "https://git.test/team/hello"], ["--repository", "other/team"]);
    user.dayfly(&[&["up", &file, "--pr", "1"][..], &ours].concat()).code(0);
    let run = || user.dayfly(&["status", "owned-pr-1", "--output", "json"]).code(0).json()["run"].clone();
    let first = run();
    let owner = "the command line, repository git.test/team/hello";
    user.dayfly(&["status", "owned-pr-1"]).code(0).says(&format!("owner: {owner}"));
    user.dayfly(&["list"]).code(0).says("OWNER").says(owner);
    for refused in [
        user.dayfly(&[&["up", &file, "--pr", "1"][..], &theirs].concat()),
        user.runs(&file, "1", &theirs),
        user.dayfly(&["up", &file, "--pr", "1"]),
    ] {
        refused.code(1).says("belongs to the command line, repository git.test/team/hello").says("--take-over");
    }
    assert_eq!(run(), first);
    // The owner may, under any name of the repository.
    user.dayfly(&["up", &file, "--pr", "1", "--repository", "git@git.test:team/hello.git"]).code(0);
    assert_ne!(run(), first);
    user.dayfly(&["keep", "owned-pr-1", "--reason", "being debugged"]).code(0).says(&format!("owner: {owner}"));
    let take_over = [&theirs[..], &["--take-over"]].concat();
    std::fs::remove_dir_all(user.folder.path().join("evidence")).unwrap();
    user.runs(&file, "1", &take_over).code(1).says("is kept (being debugged)").says("dayfly keep owned-pr-1 --release");
    user.dayfly(&["keep", "owned-pr-1", "--release"]).code(0);
    let second = run();
    std::fs::remove_dir_all(user.folder.path().join("evidence")).unwrap();
    user.runs(&file, "1", &take_over).code(0).says("taken over from the command line, repository git.test/team/hello");
    let taken = json!({"runId": second, "owner": {"repository": "git.test/team/hello"}});
    assert_eq!(user.report("owned-pr-1")["takenOver"], taken);
    let evidence = user.evidence("owned-pr-1");
    let verified = user.dayfly(&["verify", evidence.to_str().unwrap(), "--key", "key.pem.pub", "--output", "json"]);
    assert_eq!(verified.code(0).json()["run"]["takenOver"], taken);
    user.finds_nothing_of("owned-pr-1");
}

#[test]
fn a_hostile_service_cannot_answer_for_the_agent_inside_it() {
    needs_engine!();
    support::forger::cannot_pass_a_failing_case(&User::new(), "forger");
}

#[test]
fn names_missing_images_before_creating_anything() {
    needs_engine!();
    let user = User::new();
    let file = user
        .describes("noimage", "services:\n  a: { image: localhost/no/such:1 }\n  b: { image: localhost/nor/this:1 }\n");
    user.dayfly(&["up", &file, "--pr", "1"]).code(4).says("localhost/no/such:1").says("localhost/nor/this:1");
    user.finds_nothing_of("noimage-pr-1");
}

#[test]
fn reports_exit_code_and_log_of_a_crashed_process() {
    needs_engine!();
    let user = User::new();
    let file = user.describes("crash", "services:\n  a: { image: 'localhost/dayfly/python:1', command: [sh, -c, 'echo cannot read my settings; exit 3'], port: 8080 }\n");
    user.owns("crash-pr-1");
    user.dayfly(&["up", &file, "--pr", "1"])
        .code(4)
        .says("exited with code 3")
        .says("cannot read my settings")
        .says("dayfly down crash-pr-1");
}

#[test]
fn reports_a_command_that_the_image_lacks() {
    needs_engine!();
    let user = User::new();
    let file = user.describes(
        "nocommand",
        "services:\n  a: { image: 'localhost/dayfly/python:1', command: [no-such-program], port: 8080 }\n",
    );
    user.owns("nocommand-pr-1");
    user.dayfly(&["up", &file, "--pr", "1"]).code(4).says("no-such-program");
}

#[test]
fn reports_probe_and_last_answer_of_an_unready_service() {
    needs_engine!();
    let user = User::new();
    let file = user.describes("never", &format!("{WEB}    ready: {{ http: /nope, within: 2s }}\n"));
    user.owns("never-pr-1");
    user.dayfly(&["up", &file, "--pr", "1"]).code(4).says("/nope").says("404").says("within 2 s");
}

#[test]
fn refuses_an_image_that_runs_as_root_before_creating_anything() {
    needs_engine!();
    let user = User::new();
    let file =
        user.describes("rooty", "services:\n  a: { image: 'localhost/dayfly/base:1', command: [sleep, '60'] }\n");
    user.dayfly(&["up", &file, "--pr", "1"]).code(2).says("runs as root").says("security.root");
    user.finds_nothing_of("rooty-pr-1");
}

#[test]
fn names_an_unreachable_engine_with_advice() {
    let user = User::new();
    let file = user.describes("noengine", WEB);
    let mut command = user.command(&["up", &file, "--pr", "1"]);
    let ended = command.env("DOCKER_HOST", "unix:///nonexistent/docker.sock").output().unwrap();
    let told = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(4), "{told}");
    assert!(told.contains("/nonexistent/docker.sock"), "{told}");
}

#[test]
fn a_failed_case_shows_expected_actual_and_source() {
    needs_engine!();
    let user = User::new();
    let file = user.describes("fails", &with_cases("      - { id: A1, name: web sings, steps: [ http: { url: 'http://web:8080/', expect: { contains: la la la } } ] }\n"));
    user.runs(&file, "1", &[]).code(5).says("la la la").says("fails.yaml:14");
    user.finds_nothing_of("fails-pr-1");
    let run = user.evidence("fails-pr-1");
    user.dayfly(&["verify", run.to_str().unwrap(), "--key", "key.pem.pub"]).code(0).says("FAILED");
    user.dayfly(&["verify", run.to_str().unwrap(), "--key", "key.pem.pub", "--require-passed"]).code(10);
}

#[test]
fn a_signal_removes_everything_and_signs_the_aborted_run() {
    needs_engine!();
    let user = User::new();
    let file = user.describes("sig", &with_cases(LONG));
    let mut run = Running::start(user.run_command(&file, "1", &[]));
    run.until("suite began");
    run.signal("TERM");
    run.ends().code(130).says("ABORTED");
    user.finds_nothing_of("sig-pr-1");
    assert_eq!(user.report("sig-pr-1")["causes"][0]["kind"], "interrupted");
}

#[test]
fn after_a_kill_down_removes_everything() {
    needs_engine!();
    let user = User::new();
    let file = user.describes("kill", &with_cases(LONG));
    for said in ["claim", "start", "ready", "suite began"] {
        let mut run = Running::start(user.run_command(&file, "1", &[]));
        run.until(said);
        run.signal("KILL");
        run.ends().code(-9);
        user.dayfly(&["down", "kill-pr-1"]).code(0);
        user.finds_nothing_of("kill-pr-1");
    }
}

#[test]
fn a_newer_run_of_the_same_pull_request_takes_over() {
    needs_engine!();
    let user = User::new();
    let older = user.describes("over", &with_cases(LONG));
    let mut first = Running::start(user.run_command(&older, "1", &[]));
    first.until("suite began");
    let newer = user.describes("over", &with_cases(REACHES_WEB));
    user.runs(&newer, "1", &["--keep", "always"]).code(0).says("replacing run");
    user.owns("over-pr-1");
    first.ends().code(1).says("newer run");
    user.dayfly(&["test", "over-pr-1"]).code(0).says("web answers");
}

#[test]
fn isolates_two_pull_requests_from_each_other() {
    needs_engine!();
    let user = User::new();
    let file =
        user.describes("twin", &with_cases("      - { id: S1, name: no neighbour, steps: [ noNeighbour: {} ] }\n"));
    user.owns("twin-pr-1");
    user.owns("twin-pr-2");
    user.dayfly(&["up", &file, "--pr", "1"]).code(0);
    user.dayfly(&["up", &file, "--pr", "2"]).code(0);
    user.dayfly(&["test", "twin-pr-1"]).code(0);
    user.dayfly(&["test", "twin-pr-2"]).code(0);
    user.dayfly(&["down", "twin-pr-1"]).code(0);
    user.dayfly(&["test", "twin-pr-2"]).code(0);
}

#[test]
fn reaps_only_expired_environments() {
    needs_engine!();
    let user = User::new();
    let file = user.describes("ttl", WEB);
    user.owns("ttl-pr-1");
    user.owns("ttl-pr-2");
    user.dayfly(&["up", &file, "--pr", "1", "--ttl", "1s"]).code(0);
    user.dayfly(&["up", &file, "--pr", "2"]).code(0);
    user.reaps("ttl", &["--expired", "--dry-run"]).code(0).says("would remove ttl-pr-1");
    user.dayfly(&["status", "ttl-pr-1"]).code(0);
    let log = user.has_a_log();
    user.reaps("ttl", &["--expired"]).code(2).says("give its key with --log-key");
    user.reaps("ttl", &["--expired", "--log-key", "log-key.pem"]).code(0).says("removed ttl-pr-1");
    let records = user.folder.path().join("evidence/removals/ttl-pr-1");
    let record = std::fs::read_dir(records).unwrap().next().unwrap().unwrap().path();
    user.finds_in_the_log(&log, record.to_str().unwrap(), &["removal", "removal"]);
    user.finds_nothing_of("ttl-pr-1");
    user.dayfly(&["status", "ttl-pr-2"]).code(0);
}

#[test]
fn writes_one_json_event_per_line() {
    needs_engine!();
    let user = User::new();
    let file = user.describes("events", WEB);
    user.owns("events-pr-1");
    let up = user.dayfly(&["up", &file, "--pr", "1", "--output", "json"]).code(0);
    let lines = |ended: &support::Ended| -> Vec<serde_json::Value> {
        ended.out.lines().map(|l| serde_json::from_str(l).unwrap()).collect()
    };
    let events = lines(&up);
    for line in &events {
        assert!(line["time"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{line}");
        assert_eq!(line["run"], events[0]["run"], "{line}");
    }
    let named = |name: &str| events.iter().any(|e| e["event"] == name);
    assert!(named("unit-ready") && named("up"), "{events:?}");
    assert_eq!((&events.last().unwrap()["event"], &events.last().unwrap()["exitCode"]), (&json!("ended"), &json!(0)));
    let test = lines(&user.dayfly(&["test", "events-pr-1", "--output", "json"]));
    let last = test.last().unwrap();
    assert!(last["event"] == "ended" && last["outcome"].is_string() && last["exitCode"].is_number(), "{last}");
}

/// A container suite whose shell does this.
fn container_suite(script: &str, more: &str) -> String {
    format!(
        "{WEB}suites:\n  box:\n    kind: acceptance\n    needs: [web]\n    image: localhost/dayfly/python:1\n    command: [sh, -c, {script:?}]\n{more}"
    )
}

const JUNIT: &str = "echo '<testsuite name=\\\"s\\\" tests=\\\"1\\\"><testcase classname=\\\"c\\\" name=\\\"t\\\"/></testsuite>' > /results/junit.xml";

#[test]
fn judges_a_container_suite_by_its_junit_results() {
    needs_engine!();
    let user = User::new();
    let file = user.describes("box", &container_suite(&JUNIT.replace("\\\"", "\""), ""));
    user.runs(&file, "1", &[]).code(0).says("PASSED");
    let raw: Vec<_> = user.report("box-pr-1")["suites"][0]["raw"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["name"].as_str().unwrap().to_owned())
        .collect();
    assert!(raw.contains(&"junit.xml".to_owned()) && raw.contains(&"log.txt".to_owned()), "{raw:?}");
}

#[test]
fn a_container_suite_without_results_is_inconclusive_even_with_exit_code_0() {
    needs_engine!();
    let user = User::new();
    let file = user.describes("empty", &container_suite("exit 0", ""));
    user.runs(&file, "1", &[]).code(7).says("no test");
}

#[test]
fn judges_a_container_suite_by_its_exit_code() {
    needs_engine!();
    let user = User::new();
    let file = user.describes("exit1", &container_suite("echo it broke; exit 1", "    verdict: exit-code\n"));
    user.runs(&file, "1", &[]).code(5).says("it broke");
}

#[test]
fn keeps_results_of_a_container_suite_that_times_out() {
    needs_engine!();
    let user = User::new();
    let file =
        user.describes("slow", &container_suite("echo half > /results/half.txt; sleep 600", "    timeout: 3s\n"));
    user.runs(&file, "1", &[]).code(5).says("time limit");
    let report = user.report("slow-pr-1");
    assert!(report["suites"][0]["raw"].as_array().unwrap().iter().any(|r| r["name"] == "half.txt"), "{report:#}");
}

#[test]
fn reports_a_process_that_exceeds_its_memory_limit() {
    needs_engine!();
    let user = User::new();
    let file = user.describes("oom", "services:\n  a:\n    image: localhost/dayfly/python:1\n    command: [python3, -c, 'x = bytearray(400_000_000)']\n    port: 8080\n    resources: { memory: 64Mi }\n");
    user.owns("oom-pr-1");
    user.dayfly(&["up", &file, "--pr", "1"]).code(4).says("memory");
}

#[test]
fn a_run_of_some_suites_verifies_and_is_not_the_whole_run() {
    needs_engine!();
    let user = User::new();
    let other = "  other:\n    kind: security\n    cases: [ { id: O1, name: other, steps: [ wait: { for: 1ms } ] } ]\n";
    let file = user.describes("some", &format!("{}{other}", with_cases(REACHES_WEB)));
    user.owns("some-pr-1");
    user.runs(&file, "1", &["--suite", "suite"])
        .code(0)
        .says("PASSED")
        .says("Suites that were not selected")
        .says("other");
    let folder = user.evidence("some-pr-1");
    let verify = ["verify", folder.to_str().unwrap(), "--key", "key.pem.pub"];
    user.dayfly(&verify).code(0).says("not selected");
    user.dayfly(&[&verify[..], &["--require-suite", "suite"]].concat()).code(0);
    user.dayfly(&[&verify[..], &["--require-passed"]].concat())
        .code(10)
        .says("suite other of the description was not selected");
}

#[test]
fn an_identity_token_proves_the_repository() {
    needs_engine!();
    let user = User::new();
    let forge = support::identity::Forge::new(user.folder.path());
    let file = user.describes("proven", &with_cases(REACHES_WEB));
    std::fs::write(user.folder.path().join("token"), forge.token("dayfly", json!({}))).unwrap();
    let repository = ["--repository", "https://git.test/team/shop"];
    user.owns("proven-pr-7");
    user.runs(&file, "7", &[&repository[..], &["--policy", "policy.yaml", "--identity-token", "token"]].concat())
        .code(0)
        .says("proven: repository, pull request, by an identity token of https://git.test/oidc");
    let folder = user.evidence("proven-pr-7");
    let verify = ["verify", folder.to_str().unwrap(), "--key", "key.pem.pub", "--require-passed", "--require-proven"];
    let context = user.dayfly(&[&verify[..], &["--output", "json"]].concat()).code(0).json()["run"].clone();
    assert_eq!(context["declared"], json!(["commit"]));
    assert_eq!(context["requester"]["proven"]["proves"], json!(["repository", "pull request"]));
    user.dayfly(&verify).code(0).says("by an identity token of https://git.test/oidc");

    std::fs::remove_dir_all(user.folder.path().join("evidence")).unwrap();
    user.runs(&file, "7", &[&repository[..], &["--policy", "policy.yaml"]].concat()).code(0);
    let folder = user.evidence("proven-pr-7");
    let verify = ["verify", folder.to_str().unwrap(), "--key", "key.pem.pub", "--require-proven"];
    user.dayfly(&verify).code(10).says("the repository is only declared");
}

#[test]
fn no_more_environments_than_the_policy_allows() {
    needs_engine!();
    let user = User::new();
    let file = user.describes("several", WEB);
    let policy = user.folder.path().join("policy.yaml");
    let text =
        "apiVersion: dayfly.dev/v1alpha1\nkind: Policy\ncontact: ops@example.org\ndefault: { environments: 1 }\n";
    std::fs::write(&policy, text).unwrap();
    user.owns("several-pr-1");
    user.owns("several-pr-2");
    let up = |pr: &str, repository: &str| {
        user.dayfly(&["up", &file, "--pr", pr, "--repository", repository, "--policy", "policy.yaml"])
    };
    up("1", "team/several").code(0);
    up("2", "team/several").code(2).says("several-pr-1; policy.yaml:4 allows 1; ask ops@example.org");
    user.finds_nothing_of("several-pr-2");
    // It takes no further place, and others have their own.
    up("1", "team/several").code(0);
    up("2", "other/several").code(0);
}

#[test]
fn a_change_that_deletes_its_security_suite_is_judged_by_that_of_the_base() {
    needs_engine!();
    let user = User::new();
    let git = |arguments: &[&str]| {
        let mut git = std::process::Command::new("git");
        git.args(["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]);
        let done = git.args(arguments).current_dir(user.folder.path()).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).trim().to_owned()
    };
    let probe = "      - { id: A2, name: web takes no files, steps: [ http: { method: POST, url: 'http://web:8080/', file: probe.bin, expect: { status: [501] } } ] }\n";
    std::fs::write(user.folder.path().join("probe.bin"), b"\xff of the base").unwrap();
    let file = user.describes(
        "judged",
        &with_cases(&format!("{REACHES_WEB}{probe}")).replace("kind: acceptance", "kind: security"),
    );
    git(&["init", "--quiet"]);
    git(&["add", &file, "probe.bin"]);
    git(&["commit", "--quiet", "--message", "base"]);
    let base = git(&["rev-parse", "HEAD"]);
    std::fs::remove_file(user.folder.path().join("probe.bin")).unwrap();
    let easy =
        "suites:\n  easy:\n    kind: security\n    cases: [ { id: E1, name: easy, steps: [ wait: { for: 1ms } ] } ]\n";
    user.describes("judged", &format!("{WEB}{easy}"));
    let gate = ["--require-passed", "--require-base-suites", "--require-kind", "security", "--base-commit", &base];
    let verifies = |folder: &str, more: &[&str]| {
        user.dayfly(&[&["verify", folder, "--key", "key.pem.pub"], &gate[..], more].concat())
    };

    user.runs(&file, "1", &["--suites-from", &base]).code(0).says("the change lost cases against the base: A1, A2");
    let report = user.report("judged-pr-1");
    let suites = report["suites"].as_array().unwrap();
    let about: Vec<_> = suites.iter().map(|s| (s["name"].as_str().unwrap(), &s["sourceRef"]["from"])).collect();
    assert_eq!(about, [("suite", &"base".into()), ("easy", &"change".into())]);
    assert_eq!(suites[0]["changedInPr"], true);
    let folder = user.evidence("judged-pr-1");
    verifies(folder.to_str().unwrap(), &["--require-suite", "suite"]).code(0).says("of the base");
    verifies(folder.to_str().unwrap(), &["--require-suite", "easy"]).code(10).says("it comes from the change");

    user.runs(&file, "2", &[]).code(0);
    let folder = user.evidence("judged-pr-2");
    verifies(folder.to_str().unwrap(), &[]).code(10).says("no suite of the run comes from the protected base");
}

/// Logs a password in base64 and in hexadecimal, and a line of its private key; then serves.
const LEAKS: &str = r#"import base64, http.server; \
token = open('/run/secrets/token', 'rb').read(); \
key = open('/run/secrets/tls.key').read().split('\n'); \
print('LEAK', base64.b64encode(b'user:' + token).decode(), flush=True); \
print('LEAK', token.hex(), flush=True); \
print('LEAK', key[1], flush=True); \
http.server.HTTPServer(('', 8080), http.server.SimpleHTTPRequestHandler).serve_forever()"#;

#[test]
fn finds_and_replaces_encoded_secrets_and_lines_of_private_keys() {
    needs_engine!();
    let user = User::new();
    let leaks = LEAKS.replace("\\\n", "");
    let file = user.describes(
        "leak",
        &format!(
            "secrets:\n  token: {{ bytes: 24 }}\nservices:\n  web:\n    image: localhost/dayfly/python:1\n    command: [python3, -c, {leaks:?}]\n    port: 8080\n    tls: true\n    ready: {{ tcp: 8080 }}\n    secrets: [token]\nsuites:\n  suite:\n    kind: security\n    needs: [web]\n    cases:\n      - {{ id: S1, name: no secret, steps: [ noSecretsLeaked: {{}} ] }}\n"
        ),
    );
    user.owns("leak-pr-1");
    let ended = user.runs(&file, "1", &["--keep", "always"]).code(6);
    // The environment is kept: its log still holds what no report may hold.
    let log = user.dayfly(&["logs", "leak-pr-1", "web"]).code(0).out;
    let leaked: Vec<&str> = log.lines().filter_map(|line| line.strip_prefix("LEAK ")).collect();
    assert_eq!(leaked.len(), 3, "{log}");
    let report = user.report("leak-pr-1").to_string();
    for name in ["token", "tls.key of web"] {
        assert!(report.contains(&format!("{name} stands in the log of web")), "{report}");
    }
    let files: Vec<_> = files_below(&user.evidence("leak-pr-1"));
    let texts: Vec<String> = files.iter().map(|f| String::from_utf8_lossy(&std::fs::read(f).unwrap()).into()).collect();
    for held in leaked.iter().map(|leak| leak.trim_start_matches("dXNlcj").trim_end_matches('=')) {
        assert!(texts.iter().all(|text| !text.contains(&held[4..held.len() - 4])), "{held} is in {files:?}");
        assert!(!ended.out.contains(held) && !ended.err.contains(held), "{ended:?}");
    }
    for mark in ["[secret token]", "[secret tls.key of web]"] {
        assert!(texts.iter().any(|text| text.contains(mark)), "{mark}");
    }
}

fn files_below(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

#[test]
fn a_suite_that_prints_endlessly_without_a_line_end_costs_little_memory() {
    needs_engine!();
    let user = User::new();
    let script = "head -c 600000000 /dev/zero | tr '\\\\0' x";
    let file = user.describes("flood", &container_suite(script, "    verdict: exit-code\n"));
    user.owns("flood-pr-1");
    let mut run = user.run_command(&file, "1", &[]);
    let mut run = run.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", run.id());
    let mut peak_kib = 0;
    let ended = loop {
        if let Some(ended) = run.try_wait().unwrap() {
            break ended;
        }
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let peak = text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        peak_kib = peak_kib.max(peak.unwrap_or(0_u64));
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    assert_eq!(ended.code(), Some(0));
    assert!(0 < peak_kib && peak_kib < 256 << 10, "{peak_kib} KiB");
    let evidence = user.evidence("flood-pr-1");
    user.dayfly(&["verify", evidence.to_str().unwrap(), "--key", "key.pem.pub", "--require-passed"]).code(0);
    let told = files_below(&evidence.join("raw")).iter().any(|file| {
        String::from_utf8_lossy(&std::fs::read(file).unwrap()).contains("the beginning of this log was dropped")
    });
    assert!(told);
}

/// A Compose file of this user becomes an environment: the draft is answered where it asks, and comes up.
#[test]
fn an_imported_description_comes_up_and_passes() {
    needs_engine!();
    let user = User::new();
    let compose = r#"
name: imported
services:
  front:
    image: localhost/dayfly/python:1
    entrypoint: [python3, -c]
    command: ["import http.server, os; assert os.environ['STOCK_URL'] == 'http://stock_api:8081/' or os.environ['STOCK_URL'] == 'http://stock-api:8081/'; http.server.test(http.server.SimpleHTTPRequestHandler, port=8080)"]
    working_dir: /tmp
    ports: ["80:8080"]
    environment: { STOCK_URL: "http://stock_api:8081/", DATABASE_URL: "postgres://shop:hunter2hunter2@db/shop" }
    depends_on: [stock_api]
    healthcheck: { test: ["CMD", "curl", "-f", "http://localhost:8080/"] }
  stock_api:
    image: localhost/dayfly/python:1
    entrypoint: [python3, -m, http.server, "8081", --directory, /tmp]
    expose: [8081]
  db:
    image: localhost/dayfly/postgres:1
    environment: { POSTGRES_USER: shop, POSTGRES_PASSWORD: hunter2hunter2 }
"#;
    std::fs::write(user.folder.path().join("compose.yaml"), compose).unwrap();
    user.dayfly(&["import", "compose", "compose.yaml", "--out", "environment.yaml"]).code(0);
    let draft = std::fs::read_to_string(user.folder.path().join("environment.yaml")).unwrap();
    assert!(draft.contains("http://stock-api:8081/") && !draft.contains("hunter2hunter2"), "{draft}");
    user.owns("imported-pr-0");
    user.dayfly(&["up"]).code(0).says("imported-pr-0 is up");
    user.dayfly(&["test", "imported-pr-0"]).code(0).says("front accepts connections");
    user.dayfly(&["down", "imported-pr-0"]).code(0);
    user.finds_nothing_of("imported-pr-0");
}
