//! TestEnvironments through kubectl.

use serde_json::json;

use crate::team::{condition, described};
use crate::world::{
    LONG, REACHES_WEB, WEB, apply, kubectl, namespace_is_there, object, try_kubectl, until, with_cases,
};
use crate::{installed, team};

#[test]
fn kubectl_shows_progress_conditions_and_events() {
    let team = team!("story");
    team.asks("shop", 7, &described("ct-story", &with_cases(REACHES_WEB)), json!({}));
    kubectl(&["-n", &team.namespace, "wait", "--for=condition=Finished", "tenv/shop", "--timeout=300s"]);
    kubectl(&["-n", &team.namespace, "wait", "--for=condition=Removed", "tenv/shop", "--timeout=300s"]);
    let table = kubectl(&["-n", &team.namespace, "get", "tenv"]);
    for word in ["PHASE", "OUTCOME", "ENVIRONMENT", "Done", "PASSED", "1/1", "ct-story-pr-7"] {
        assert!(table.contains(word), "{word} is not in\n{table}");
    }
    let status = team.status("shop");
    for (kind, said) in [
        ("Validated", "True Valid"),
        ("Provisioned", "True Up"),
        ("Ready", "False Over"),
        ("Tested", "True Passed"),
        ("Sealed", "True Signed"),
        ("Finished", "True Passed"),
        ("Removed", "True Removed"),
    ] {
        assert_eq!(condition(&status, kind), said, "{status:#}");
    }
    assert_eq!((&status["observedGeneration"], &status["observedCommit"]), (&json!(1), &json!("4d1f0c2b6a5e")));
    assert_eq!(status["run"]["suites"][0]["passed"], 1);
    team.until_told("shop", &["Provisioned", "Ready", "Removed", "Sealed", "Started", "TestsPassed", "Validated"]);
    let described = kubectl(&["-n", &team.namespace, "describe", "tenv", "shop"]);
    assert!(described.contains("1/1 services are ready"), "{described}");
    assert!(!namespace_is_there("ct-story-pr-7"));
}

#[test]
fn the_api_server_refuses_invalid_specs() {
    let team = team!("refused");
    let refused = |wanted: serde_json::Value, why: &str| {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), wanted.to_string()).unwrap();
        let ended = try_kubectl(&["apply", "--dry-run=server", "-f", file.path().to_str().unwrap()]);
        assert!(ended.code != 0 && ended.err.contains(why), "{why:?} is not in {}", ended.err);
    };
    let wanted = |more| team.wanted("a", 1, "x", more);
    refused(wanted(json!({"description": {}})), "exactly one of inline and configMap");
    refused(wanted(json!({"description": {"inline": "x", "configMap": {"name": "y"}}})), "exactly one of inline");
    refused(wanted(json!({"description": {"configMap": {"name": "y"}, "files": {"a": "b"}}})), "files requires inline");
    refused(wanted(json!({"commit": "HEAD"})), "spec.commit");
    refused(wanted(json!({"pullRequest": 0})), "spec.pullRequest");
    refused(wanted(json!({"keep": "Sometimes"})), "spec.keep");
    for name in ["kube-root-ca.crt?x=1", "../other/configmaps/x"] {
        refused(wanted(json!({"description": {"configMap": {"name": name}}})), "spec.description.configMap.name");
    }
    refused(wanted(json!({"repository": "x".repeat(3000)})), "spec.repository");
    refused(wanted(json!({"suites": vec!["s"; 101]})), "spec.suites");
    refused(wanted(json!({"identityToken": "x".repeat(20_000)})), "spec.identityToken");
    let valid = wanted(json!({"description": {"inline": "no description"}}));
    team.applies(&valid);
    let mut changed = valid.clone();
    changed["spec"]["pullRequest"] = json!(2);
    refused(changed, "pullRequest cannot change");
    let spec = object(&team.namespace, "testenvironment", "a")["spec"].clone();
    assert_eq!((&spec["keep"], &spec["attempt"]), (&json!("Never"), &json!(1)));
    assert_eq!(spec["description"]["path"], "environment.yaml");
}

#[test]
fn refuses_what_the_policy_allows_to_nobody() {
    let team = team!("greedy");
    let greedy = WEB.replace("port: 8080\n", "port: 8080\n    security: { root: true, reason: it says so itself }\n    replicas: 9\n    resources: { memory: 1024Gi }\n");
    assert_ne!(greedy, WEB);
    team.asks("greedy", 7, &described("ct-greedy", &greedy), json!({}));
    team.until_phase("greedy", "Invalid");
    let status = team.status("greedy");
    assert_eq!(condition(&status, "Validated"), "False NotAllowed", "{status:#}");
    let text = status.to_string();
    for said in ["security.root` is not allowed", "9216Gi", "9 copies", "dayfly install --policy FILE"] {
        assert!(text.contains(said), "{said} is not in {status:#}");
    }
    assert!(status["run"].is_null() && !namespace_is_there("ct-greedy-pr-7"), "{status:#}");
}

#[test]
fn reports_the_errors_of_an_invalid_description_and_waits_for_a_change() {
    let team = team!("invalid");
    team.asks("shop", 7, &described("ct-invalid", "servces: {}\n"), json!({}));
    kubectl(&["-n", &team.namespace, "wait", "--for=condition=Finished", "tenv/shop", "--timeout=60s"]);
    let status = team.status("shop");
    assert_eq!((&status["phase"], condition(&status, "Finished")), (&json!("Invalid"), "True Invalid".to_owned()));
    let said = status["conditions"][0]["message"].as_str().unwrap();
    assert!(said.contains("environment.yaml:4") && said.contains("services"), "{said}");
    assert!(status["run"].is_null() && status["environment"].is_null());
    team.until_told("shop", &["Invalid"]);
    // Without an environment the object is deleted at once.
    team.asks("shop", 7, &described("ct-invalid", &with_cases(REACHES_WEB)), json!({}));
    team.until("shop", "passed", |s| s["run"]["outcome"] == "PASSED");
    team.asks("other", 8, "rubbish", json!({}));
    team.until_phase("other", "Invalid");
    kubectl(&["-n", &team.namespace, "delete", "tenv", "other", "--timeout=20s"]);
}

#[test]
fn waits_for_a_description_and_its_files_in_a_configmap() {
    let team = team!("configmap");
    let from = json!({"description": {"configMap": {"name": "shop"}}});
    team.applies(&team.wanted("shop", 7, "", from));
    team.until("shop", "says what is missing", |s| condition(s, "Validated") == "False DescriptionMissing");
    let text = described("ct-map", &with_cases(REACHES_WEB)).replace(
        "    port: 8080\n",
        "    port: 8080\n    files: { /etc/dayfly/settings.json: { path: settings/web.json } }\n",
    );
    let map = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shop", "namespace": team.namespace},
        "data": {"environment.yaml": text, "settings__web.json": "{}"},
    });
    apply(&map.to_string());
    team.until("shop", "passed", |s| s["run"]["outcome"] == "PASSED");
}

#[test]
fn deletion_during_provisioning_leaves_nothing() {
    let team = team!("deleted");
    let never = described("ct-deleted", &format!("{WEB}    ready: {{ http: /nope, within: 10m }}\n"));
    team.asks("shop", 7, &never, json!({}));
    team.until("shop", "waits for its service", |s| s["run"]["waiting"].as_str().is_some_and(|w| w.contains("web")));
    assert!(namespace_is_there("ct-deleted-pr-7"));
    kubectl(&["-n", &team.namespace, "delete", "tenv", "shop", "--timeout=300s"]);
    assert!(!namespace_is_there("ct-deleted-pr-7"));
    until("its runner is gone", || {
        let annotations = "jsonpath={.items[*].metadata.annotations}";
        !kubectl(&["-n", "dayfly-system", "get", "pods", "-o", annotations]).contains(&team.namespace)
    });
}

#[test]
fn deleting_a_namespace_is_never_blocked() {
    let team = team!("whole");
    team.asks("shop", 7, &described("ct-whole", &with_cases(LONG)), json!({}));
    team.asks("wrong", 8, "rubbish", json!({}));
    team.until_phase("shop", "Testing");
    kubectl(&["delete", "namespace", &team.namespace, "--timeout=300s"]);
    assert!(!namespace_is_there("ct-whole-pr-7"));
}

#[test]
fn a_new_commit_preempts_the_run_of_the_one_before() {
    let team = team!("commit");
    team.asks("shop", 7, &described("ct-commit", &with_cases(LONG)), json!({"commit": "aaaaaaaaaaaa"}));
    team.until_phase("shop", "Testing");
    let first = team.status("shop")["run"]["id"].as_str().unwrap().to_owned();
    team.asks("shop", 7, &described("ct-commit", &with_cases(REACHES_WEB)), json!({"commit": "bbbbbbbbbbbb"}));
    team.until("shop", "passed", |s| s["run"]["outcome"] == "PASSED");
    let status = team.status("shop");
    assert_eq!((&status["observedCommit"], &status["run"]["commit"]), (&json!("bbbbbbbbbbbb"), &json!("bbbbbbbbbbbb")));
    assert_ne!(status["run"]["id"], first);
    // The older run stored its evidence, too.
    let of = format!("dayfly.dev/evidence-of={first}");
    until("the older run stored its evidence", || {
        kubectl(&["-n", &team.namespace, "get", "configmaps", "-l", &of, "-o", "name"])
            .contains(&format!("evidence-{first}-0"))
    });
    assert!(!namespace_is_there("ct-commit-pr-7"));
}

#[test]
fn keeps_an_environment_until_keep_is_never() {
    let team = team!("kept");
    let description = described("ct-kept", &with_cases(REACHES_WEB));
    team.asks("shop", 7, &description, json!({"keep": "Always"}));
    team.until_phase("shop", "Kept");
    let status = team.status("shop");
    assert_eq!((condition(&status, "Ready"), condition(&status, "Removed")), ("True Kept".into(), "False Kept".into()));
    assert_eq!(status["run"]["endpoints"][0]["address"], format!("web.{}.svc:8080", team.environment("shop")));
    assert!(namespace_is_there("ct-kept-pr-7"));
    let run = status["run"]["id"].clone();
    team.asks("shop", 7, &description, json!({"keep": "Never"}));
    team.until_phase("shop", "Done");
    assert_eq!(team.status("shop")["run"]["id"], run, "it was not run once more");
    assert!(!namespace_is_there("ct-kept-pr-7"));
    let record = team.removal("shop");
    assert_eq!((&record["state"], &record["reason"]["kind"]), (&json!("REMOVED"), &json!("unwanted")));
    assert_eq!(record["environment"]["runId"], run);
    assert_eq!(record["remover"]["account"], "system:serviceaccount:dayfly-system:dayfly-controller");
}

#[test]
fn notices_a_kept_environment_that_somebody_deleted() {
    let team = team!("gone");
    team.asks("shop", 7, &described("ct-gone", &with_cases(REACHES_WEB)), json!({"keep": "Always"}));
    team.until_phase("shop", "Kept");
    kubectl(&["delete", "namespace", &team.environment("shop"), "--timeout=120s"]);
    team.until_phase("shop", "Done");
    let status = team.status("shop");
    assert_eq!((condition(&status, "Removed"), condition(&status, "Ready")), ("True Gone".into(), "False Over".into()));
    assert_eq!(condition(&status, "Finished"), "True Passed", "{status:#}");
}

#[test]
fn extends_a_kept_environment_for_those_who_may_only_submit() {
    let team = team!("submitter");
    let asks = |more| team.asks("shop", 7, &described("ct-extended", &with_cases(REACHES_WEB)), more);
    asks(json!({"keep": "Always", "ttl": "1h"}));
    team.until_phase("shop", "Kept");
    let run = team.status("shop")["run"]["id"].clone();
    let until = (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(5)).round(jiff::Unit::Second).unwrap();
    asks(json!({"keep": "Always", "ttl": "1h", "extendUntil": until}));
    team.until("shop", "expires later", |s| s["run"]["expirationTime"] == until.to_string());
    let retention = object("", "namespace", &team.environment("shop"))["metadata"]["annotations"].clone();
    assert!(retention["dayfly.dev/retention"].as_str().unwrap().contains(&until.to_string()), "{retention}");
    // Without a policy, an environment lives for a day.
    asks(json!({"keep": "Always", "ttl": "1h", "extendUntil": "2999-01-01T00:00:00Z"}));
    team.until_event("shop", "allows no longer");
    asks(json!({"keep": "Never"}));
    team.until_phase("shop", "Done");
    assert_eq!(team.status("shop")["run"]["id"], run, "it was not run once more");
}

#[test]
fn a_run_whose_runner_was_deleted_by_force_ends_with_its_evidence() {
    let team = team!("forced");
    team.asks("shop", 7, &described("ct-forced", &with_cases(LONG)), json!({}));
    team.until_phase("shop", "Testing");
    let runner = format!("runner-{}", team.status("shop")["run"]["id"].as_str().unwrap());
    kubectl(&["-n", "dayfly-system", "delete", "pod", &runner, "--grace-period=0", "--force"]);
    team.until_phase("shop", "Done");
    let status = team.status("shop");
    assert_eq!(
        (condition(&status, "Finished"), condition(&status, "Sealed")),
        ("True Aborted".into(), "True Signed".into()),
        "{status:#}"
    );
    assert!(!namespace_is_there("ct-forced-pr-7"));
}

#[test]
fn removes_a_kept_environment_when_it_expires() {
    let team = team!("ttl");
    let more = json!({"keep": "Always", "ttl": "30s"});
    team.asks("shop", 7, &described("ct-ttl", &with_cases(REACHES_WEB)), more);
    team.until_phase("shop", "Done");
    assert!(team.status("shop")["run"]["keepReason"].is_string(), "it was kept before");
    assert!(!namespace_is_there("ct-ttl-pr-7"));
    let record = team.removal("shop");
    assert_eq!((&record["state"], &record["reason"]["kind"]), (&json!("REMOVED"), &json!("expired")));
}

#[test]
fn records_what_the_reaper_removes_and_updates_the_object() {
    let team = team!("reaped");
    let reaper = crate::world::user().unwrap();
    team.asks(
        "shop",
        7,
        &described("ct-reaped", &with_cases(REACHES_WEB)),
        json!({"keep": "Always", "repository": "https://git.test/o/n"}),
    );
    team.until_phase("shop", "Kept");
    std::fs::write(reaper.folder.path().join("open"), "8\n").unwrap();
    let reap = [
        "reap",
        "--open-prs",
        "open",
        "--repository",
        "https://git.test/o/n",
        "--description",
        "ct-reaped",
        "--key",
        "key.pem",
        "--evidence",
        "evidence",
    ];
    // As the administrator: the reaper writes into TestEnvironments.
    let admin = std::env::var("DAYFLY_TEST_ADMIN_KUBECONFIG").unwrap();
    let mut reaping = reaper.command(&[&reap[..], &["--records-in", &team.namespace]].concat());
    reaping.env("KUBECONFIG", admin);
    crate::support::ended(reaping).code(0).says(&team.environment("shop")).says("is not open");
    assert!(!namespace_is_there("ct-reaped-pr-7"));
    team.until_phase("shop", "Done");
    let records = kubectl(&[
        "-n",
        &team.namespace,
        "get",
        "configmaps",
        "-l",
        &format!("dayfly.dev/removal-of={}", team.environment("shop")),
        "-o",
        "json",
    ]);
    let records: serde_json::Value = serde_json::from_str(&records).unwrap();
    assert_eq!(records["items"].as_array().unwrap().len(), 1, "{records:#}");
    let data = &records["items"][0]["data"];
    assert!(data["begun.intoto.jsonl"].is_string() && data["ended.intoto.jsonl"].is_string(), "{data:#}");
}

#[test]
fn extending_changes_the_expiration_time() {
    let team = team!("extended");
    let more = json!({"keep": "Always", "ttl": "5m"});
    team.asks("shop", 7, &described("ct-extended", &with_cases(REACHES_WEB)), more);
    team.until_phase("shop", "Kept");
    let before = team.status("shop")["run"]["expirationTime"].as_str().unwrap().to_owned();
    crate::world::user().unwrap().dayfly(&["extend", &team.environment("shop"), "2h"]).code(0);
    team.until("shop", "has a later end", |s| s["run"]["expirationTime"].as_str() > Some(before.as_str()));
    assert!(namespace_is_there("ct-extended-pr-7"));
    assert_eq!(team.status("shop")["phase"], "Kept");
}

#[test]
fn two_objects_never_share_an_environment() {
    let team = team!("taken");
    let description = described("ct-taken", &with_cases(REACHES_WEB));
    team.asks("first", 7, &description, json!({"keep": "Always"}));
    team.until("first", "was checked", |s| condition(s, "Validated").starts_with("True"));
    team.asks("second", 7, &description, json!({}));
    team.until("second", "says who has it", |s| s["blocked"].as_str().is_some_and(|b| b.contains("dt-taken/first")));
    assert_eq!(condition(&team.status("second"), "Provisioned"), "Unknown NameTaken");
    kubectl(&["-n", &team.namespace, "delete", "tenv", "first", "--timeout=300s"]);
    team.until("second", "passed", |s| s["run"]["outcome"] == "PASSED");
}

#[test]
fn a_killed_runner_loses_the_run_and_leaves_nothing() {
    let team = team!("lost");
    team.asks("shop", 7, &described("ct-lost", &with_cases(LONG)), json!({}));
    team.until_phase("shop", "Testing");
    let run = team.status("shop")["run"]["id"].as_str().unwrap().to_owned();
    assert!(installed::kill(&format!("runner-{run}")) || !installed::node_is_here());
    team.until_phase("shop", "Done");
    let status = team.status("shop");
    assert_eq!((&status["run"]["outcome"], &status["run"]["exitCode"]), (&json!("ERROR"), &json!(1)));
    assert_eq!(condition(&status, "Tested"), "False Error");
    assert!(status["run"]["causes"][0].as_str().unwrap().contains("the run was lost"), "{status:#}");
    assert!(status["run"]["openingEntry"]["digest"].is_string() && status["run"]["evidence"].is_null(), "{status:#}");
    assert_eq!(status["run"]["id"], run, "it was not run once more");
    assert!(!namespace_is_there("ct-lost-pr-7"));
    let record = team.removal("shop");
    assert_eq!((&record["state"], &record["reason"]["kind"]), (&json!("REMOVED"), &json!("unfinished")));
}

#[test]
fn nobody_in_an_environment_can_read_the_signing_key() {
    let team = team!("secret");
    team.asks("shop", 7, &described("ct-secret", &with_cases(REACHES_WEB)), json!({"keep": "Always"}));
    team.until_phase("shop", "Kept");
    let environment = team.environment("shop");
    let accounts = kubectl(&["-n", &environment, "get", "serviceaccounts", "-o", "jsonpath={.items[*].metadata.name}"]);
    for account in accounts.split(' ') {
        let who = format!("--as=system:serviceaccount:{environment}:{account}");
        let may = try_kubectl(&["-n", "dayfly-system", "auth", "can-i", "get", "secret/dayfly-signing-key", &who]);
        assert_eq!(may.out.trim(), "no", "{account}");
    }
    let pods = kubectl(&["-n", &environment, "get", "pods", "-o", "json"]);
    let pods: serde_json::Value = serde_json::from_str(&pods).unwrap();
    for pod in pods["items"].as_array().unwrap() {
        assert_eq!(pod["spec"]["automountServiceAccountToken"], false, "{pod:#}");
        assert!(!pod.to_string().contains("dayfly-signing-key"));
    }
    let ci = try_kubectl(&[
        "auth",
        "can-i",
        "get",
        "secrets",
        "-n",
        "dayfly-system",
        &format!("--as=system:serviceaccount:{}:ci", team.namespace),
    ]);
    assert_eq!(ci.out.trim(), "no");
}
