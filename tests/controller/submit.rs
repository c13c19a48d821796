//! `dayfly submit`, for CI that may create only TestEnvironments.

use serde_json::Value;

use crate::support::{COMMIT, Running, repository};
use crate::world::{LONG, REACHES_WEB, WEB, kubectl, namespace_is_there, user, with_cases};
use crate::{installed, team};

const FAILS: &str = "      - { id: A1, name: web has it, steps: [ http: { url: 'http://web:8080/nope' } ] }\n";

/// Cases that need the most rights.
const SECURITY: &str = "      - { id: S1, name: confined, steps: [ confined: {} ] }
      - { id: S2, name: no way out, steps: [ noWayOut: {} ] }
      - { id: S3, name: no neighbour, steps: [ noNeighbour: {} ] }
      - { id: S4, name: no secret, steps: [ noSecretsLeaked: {} ] }
";

fn submit<'a>(file: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["submit", file, "--pr", "7", "--commit", COMMIT, "--wait", "--evidence", "evidence"], more].concat()
}

/// The part of a report that does not depend on the time and the run.
fn essence(mut report: Value) -> Value {
    fn forget(value: &mut Value) {
        match value {
            Value::Object(map) => {
                for key in [
                    "started",
                    "finished",
                    "ready",
                    "tookMs",
                    "waitedMs",
                    "at",
                    "run",
                    "removed",
                    "sha256",
                    "size",
                    "saw",
                    "endpoint",
                    "createdOn",
                    "environment",
                ] {
                    map.remove(key);
                }
                // A raw file lies at its digest.
                if map.contains_key("mediaType") {
                    map.remove("path");
                }
                map.values_mut().for_each(forget);
            }
            Value::Array(all) => all.iter_mut().for_each(forget),
            _ => {}
        }
    }
    // Events hold times and run ids; the runner and the requester differ between the two commands.
    for key in ["events", "runner", "requester"] {
        report.as_object_mut().unwrap().remove(key);
    }
    forget(&mut report);
    report
}

#[test]
fn submit_and_run_give_the_same_report() {
    let team = team!("same");
    let cases = with_cases(&format!("{REACHES_WEB}{}{SECURITY}", FAILS.replace("A1", "A2")));
    let file = team.user.describes("ct-same", &cases);
    let ended =
        team.user.dayfly(&submit(&file, &[])).code(5).says("web has it").says("FAILED").says("is ready").says("signed");
    assert!(ended.err.contains("start"), "progress is shown: {}", ended.err);
    let submitted = team.user.report("ct-same-pr-7");
    let folder = team.user.evidence("ct-same-pr-7");
    let key = installed::controller();
    team.user.dayfly(&["verify", folder.to_str().unwrap(), "--key", &key, "--commit", COMMIT]).code(0);
    let here = user().unwrap();
    let file = here.describes("ct-same", &cases);
    here.runs(&file, "7", &[]).code(5);
    assert_eq!(essence(submitted), essence(here.report("ct-same-pr-7")));
}

#[test]
fn a_runner_passes_the_flagship_with_rights_only_in_its_environment() {
    let team = team!("flagship");
    let flagship = repository().join("environments/tsd");
    team.user.dayfly(&submit(flagship.to_str().unwrap(), &[])).code(0).says("PASSED");
    let report = team.user.report("tsd-pr-7");
    let cases = report["suites"].as_array().unwrap().iter().map(|s| s["cases"].as_array().unwrap().len());
    assert_eq!(cases.sum::<usize>(), 28, "{report:#}");
    assert!(!namespace_is_there("tsd-pr-7"));
}

#[test]
fn submitting_again_runs_again_and_both_leave_evidence() {
    let team = team!("again");
    let file = team.user.describes("ct-again", &with_cases(REACHES_WEB));
    team.user.dayfly(&submit(&file, &[])).code(0).says("PASSED");
    team.user.dayfly(&submit(&file, &[])).code(0).says("PASSED");
    let folder = team.user.folder.path().join("evidence").join(team.environment("ct-again-pr-7"));
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 2);
}

#[test]
fn the_exit_codes_are_those_of_run() {
    let team = team!("codes");
    let missing = team.user.describes(
        "ct-noimage",
        "services:\n  a: { image: localhost/no/such:1, port: 1, security: { user: '1000' } }\n",
    );
    team.user.dayfly(&submit(&missing, &[])).code(4).says("localhost/no/such:1");
    let invalid = team.user.describes("ct-wrong", "servces: {}\n");
    team.user.dayfly(&submit(&invalid, &[])).code(2).says("services");
    let nothing = team.user.describes("ct-nothing", WEB);
    team.user.dayfly(&submit(&nothing, &[])).code(7).says("no suite ran");
    let suite = team.user.describes("ct-suite", &with_cases(REACHES_WEB));
    team.user.dayfly(&submit(&suite, &["--suite", "nope"])).code(2).says("no suite nope");
    team.user
        .dayfly(&["submit", &suite, "--pr", "7", "--commit", COMMIT, "--wait"])
        .code(0)
        .says("evidence/ct-suite-pr-7");
}

#[test]
fn submits_the_files_of_the_description() {
    let team = team!("files");
    std::fs::create_dir(team.user.folder.path().join("settings")).unwrap();
    std::fs::write(team.user.folder.path().join("settings/a.bin"), [0, 159, 146, 150]).unwrap();
    std::fs::write(team.user.folder.path().join("settings/b.txt"), "words").unwrap();
    let files = "    files: { /etc/dayfly/a: { path: settings/a.bin }, /etc/dayfly/b: { path: settings/b.txt } }\n";
    let file = team.user.describes(
        "ct-files",
        &with_cases(REACHES_WEB).replace("    port: 8080\n", &format!("    port: 8080\n{files}")),
    );
    let commit = "1111111111111111111111111111111111111111";
    let from = format!("web=team/web@{commit}");
    team.user.dayfly(&submit(&file, &["--commit-of", &from, "--with", "team/third#12"])).code(0);
    let folder = team.user.evidence("ct-files-pr-7");
    let requirement = ["--require-commit-of", &from, "--output", "json"];
    let key = installed::controller();
    let verified = ["verify", folder.to_str().unwrap(), "--key", &key];
    let run = team.user.dayfly(&[&verified[..], &requirement].concat()).code(0).json()["run"].clone();
    assert_eq!(run["with"], serde_json::json!([{ "repository": "team/third", "pullRequest": 12 }]));
}

#[test]
fn a_change_that_deletes_its_suite_is_judged_by_that_of_the_base() {
    let team = team!("base");
    let git = |arguments: &[&str]| {
        let mut git = std::process::Command::new("git");
        git.args(["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]);
        let done = git.args(arguments).current_dir(team.user.folder.path()).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).trim().to_owned()
    };
    let probe = "      - { id: A2, name: web takes no files, steps: [ http: { method: POST, url: 'http://web:8080/', file: probe.bin, expect: { status: [501] } } ] }\n";
    std::fs::write(team.user.folder.path().join("probe.bin"), b"\xff of the base").unwrap();
    let file = team.user.describes("ct-base", &with_cases(&format!("{REACHES_WEB}{probe}")));
    git(&["init", "--quiet"]);
    git(&["add", &file, "probe.bin"]);
    git(&["commit", "--quiet", "--message", "base"]);
    let base = git(&["rev-parse", "HEAD"]);
    std::fs::remove_file(team.user.folder.path().join("probe.bin")).unwrap();
    let easy = "suites:\n  easy:\n    kind: acceptance\n    cases: [ { id: E1, name: easy, steps: [ wait: { for: 1ms } ] } ]\n";
    team.user.describes("ct-base", &format!("{WEB}{easy}"));
    team.user.dayfly(&submit(&file, &["--suites-from", &base])).code(0).says("lost cases against the base: A1, A2");
    let declared =
        kubectl(&["-n", &team.namespace, "get", "tenv", "ct-base-pr-7", "-o", "jsonpath={.spec.suitesFrom.revision}"]);
    assert_eq!(declared.trim(), base);
    let folder = team.user.evidence("ct-base-pr-7");
    let key = installed::controller();
    let gate = ["verify", folder.to_str().unwrap(), "--key", &key, "--require-passed", "--base-commit", &base];
    team.user.dayfly(&[&gate[..], &["--require-suite", "suite"]].concat()).code(0);
    team.user.dayfly(&[&gate[..], &["--require-suite", "easy"]].concat()).code(10).says("it comes from the change");
}

#[test]
fn gets_the_report_without_the_right_to_read_logs() {
    let team = team!("nologs");
    kubectl(&["-n", "dayfly-system", "delete", "rolebinding", &team.namespace]);
    let file = team.user.describes("ct-nologs", &with_cases(REACHES_WEB));
    team.user.dayfly(&submit(&file, &[])).code(0).says("dayfly-runner-logs").says("PASSED");
}

#[test]
fn an_interrupted_submit_leaves_the_run_and_says_how_to_stop_it() {
    let team = team!("leave");
    let file = team.user.describes("ct-leave", &with_cases(LONG));
    let mut submitting = Running::start(team.user.command(&submit(&file, &[])));
    submitting.until("suite began");
    submitting.signal("INT");
    let ended = submitting.ends().code(130);
    let way = ended.err.lines().find_map(|l| l.split_once("by: ")).map(|(_, way)| way.to_owned()).unwrap();
    assert!(namespace_is_there("ct-leave-pr-7"));
    kubectl(&way.split(' ').skip(1).collect::<Vec<_>>());
    assert!(!namespace_is_there("ct-leave-pr-7"));
}

#[test]
fn a_killed_runner_leaves_a_signed_opening_entry_of_an_unfinished_run() {
    let team = team!("opened");
    let file = team.user.describes("ct-opened", &with_cases(LONG));
    let mut submitting = Running::start(team.user.command(&submit(&file, &[])));
    submitting.until("suite began");
    let object = kubectl(&["-n", &team.namespace, "get", "tenv", "-o", "json"]);
    let object: Value = serde_json::from_str(&object).unwrap();
    let run = &object["items"][0]["status"]["run"];
    let id = run["id"].as_str().unwrap();
    assert!(run["openingEntry"]["digest"].is_string() && run["evidence"].is_null(), "{run:#}");
    let runner = format!("runner-{id}");
    let killed = installed::kill(&runner);
    let ended = submitting.ends();
    if !killed {
        // A runner on another machine is only asked to end, and does so in order.
        assert!(!installed::node_is_here());
        return;
    }
    let ended = ended.code(1).says("ended without evidence").says("unfinished run");
    assert!(ended.err.contains("the run was lost"), "{}", ended.err);
    let folder = team.user.evidence("ct-opened-pr-7");
    assert!(folder.ends_with(id), "{folder:?}");
    let key = installed::controller();
    let verify = ["verify", folder.to_str().unwrap(), "--key", &key];
    team.user.dayfly(&verify).code(10).says(&format!("run {id} was opened but never closed"));
}

#[test]
fn a_newer_submission_takes_over_and_the_older_one_fails() {
    let team = team!("newer");
    let file = team.user.describes("ct-newer", &with_cases(LONG));
    let mut older = Running::start(team.user.command(&submit(&file, &[])));
    older.until("suite began");
    let quick = team.user.describes("ct-newer", &with_cases(REACHES_WEB));
    let newer = ["submit", &quick, "--pr", "7", "--commit", "5555555555555555", "--wait", "--evidence", "newer"];
    team.user.dayfly(&newer).code(0).says("PASSED");
    older.ends().code(1).says("newer submission");
}

#[test]
fn names_the_role_that_submitting_requires() {
    let team = team!("rights");
    kubectl(&["-n", &team.namespace, "delete", "rolebinding", "ci"]);
    let file = team.user.describes("ct-rights", &with_cases(REACHES_WEB));
    team.user.dayfly(&submit(&file, &[])).code(1).says("dayfly-submit");
}
