//! Attacks by who may create TestEnvironments, on environments and names of others.

use std::process::Command;

use serde_json::json;

use crate::support::{COMMIT, Ended, ended};
use crate::team::{Team, condition, described};
use crate::world::{REACHES_WEB, apply, kubectl, namespace_is_there, object, try_kubectl, until, user, with_cases};
use crate::{installed, team};

#[test]
fn an_environment_of_another_owner_is_not_taken_over() {
    let evil = team!("evil");
    let (owner, environment) = (user().unwrap(), "ct-trust-pr-7");
    let file = owner.describes("ct-trust", &with_cases(REACHES_WEB));
    owner.owns(environment);
    owner.dayfly(&["up", &file, "--pr", "7", "--repository", "https://git.test/team/shop"]).code(0);
    owner.dayfly(&["keep", environment, "--reason", "being debugged"]).code(0);
    let state = || {
        let seen = owner.dayfly(&["status", environment, "--output", "json"]).code(0).json();
        ["run", "created", "kept", "owner", "units"].map(|field| seen[field].clone())
    };
    let before = state();
    assert_eq!((&before[2], &before[3]["repository"]), (&json!("being debugged"), &json!("git.test/team/shop")));

    owner.dayfly(&["up", &file, "--pr", "7", "--repository", "other/team"]).code(1).says("belongs to");

    // A TestEnvironment gets an environment of its own, also if it claims the owner's repository.
    let file = evil.user.describes("ct-trust", &with_cases(REACHES_WEB));
    let fixed = ["submit", &file, "--pr", "7", "--commit", COMMIT, "--wait", "--evidence", "evidence"];
    evil.user.dayfly(&[&fixed[..], &["--repository", "https://git.test/team/shop"]].concat()).code(0).says("PASSED");
    let claimed = evil.environment(environment);
    std::fs::remove_dir_all(evil.user.folder.path().join("evidence")).unwrap();
    evil.user.dayfly(&[&fixed[..], &["--repository", "other/team"]].concat()).code(0).says("PASSED");
    let other = evil.environment(environment);
    assert!(claimed != environment && other != environment && claimed != other, "{claimed} {other}");
    kubectl(&["-n", &evil.namespace, "delete", "tenv", environment, "--timeout=300s"]);
    assert_eq!(state(), before);

    // The evidence says who requested the run, and that nobody checked their repository.
    let (ci, folder) = (ci(&evil), evil.user.evidence(environment));
    let requester = format!("{}/{ci}", evil.namespace);
    let verify = ["verify", folder.to_str().unwrap(), "--key", &installed::controller(), "--output", "json"];
    let verified = evil.user.dayfly(&[&verify[..], &["--requester", &requester]].concat()).code(0).json();
    let run = &verified["run"];
    assert_eq!(
        (&run["requester"]["namespace"], &run["requester"]["user"], &run["requester"]["name"]),
        (&json!(evil.namespace), &json!(ci), &json!(environment))
    );
    assert!(run["requester"]["uid"].is_string() && run["requester"]["proven"].is_null(), "{run:#}");
    assert!(run["declared"].as_array().unwrap().contains(&json!("repository")), "{run:#}");
    for other in [format!("{}/somebody", evil.namespace), format!("dt-team/{ci}")] {
        evil.user.dayfly(&[&verify[..], &["--requester", &other]].concat()).code(10);
    }
}

#[test]
fn requesters_have_environments_of_the_same_description_and_number_side_by_side() {
    let first = team!("over");
    let second = team!("after");
    let description = described("ct-over", &with_cases(REACHES_WEB));
    first.asks("shop", 7, &description, json!({"keep": "Always"}));
    first.until_phase("shop", "Kept");
    let run = first.status("shop")["run"].clone();
    second.asks("shop", 7, &description, json!({}));
    second.until("shop", "passed", |s| s["run"]["outcome"] == "PASSED");
    second.until_phase("shop", "Done");
    assert_ne!(second.environment("shop"), first.environment("shop"));
    assert_eq!(first.status("shop")["run"], run);
    assert!(namespace_is_there(&first.environment("shop")));
}

#[test]
fn a_description_that_changes_after_the_check_is_not_run() {
    let team = team!("swap");
    let holds = |text: &str| {
        let map = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shop", "namespace": team.namespace},
            "data": {"environment.yaml": text},
        });
        apply(&map.to_string());
    };
    let checked = described("ct-swap", &with_cases(REACHES_WEB));
    holds(&checked);
    // While the name is taken, the second one waits between its check and its run.
    team.asks("first", 7, &checked, json!({"keep": "Always"}));
    team.until_phase("first", "Kept");
    let asks = |attempt: u32| {
        let more = json!({"description": {"configMap": {"name": "shop"}}, "attempt": attempt});
        team.applies(&team.wanted("second", 7, "", more));
    };
    asks(1);
    team.until("second", "waits", |s| s["blocked"].as_str().is_some_and(|b| b.contains("dt-swap/first")));
    let digest = team.status("second")["descriptionDigest"].clone();
    assert!(digest.is_string());
    holds(&checked.replace("python3, -u,", "python3,"));
    kubectl(&["-n", &team.namespace, "delete", "tenv", "first", "--timeout=300s"]);
    team.until_phase("second", "Done");
    let status = team.status("second");
    let cause = status["run"]["causes"][0].as_str().unwrap();
    assert!(cause.contains("the description changed after the controller checked it"), "{cause}");
    assert_eq!((&status["run"]["outcome"], condition(&status, "Tested").as_str()), (&json!("ERROR"), "False Error"));
    assert_eq!((&status["run"]["descriptionDigest"], &status["run"]["readyTime"]), (&digest, &json!(null)));
    assert!(status["run"]["evidence"].is_null() && !namespace_is_there("ct-swap-pr-7"), "{status:#}");
    // As the message says.
    asks(2);
    team.until("second", "passed", |s| s["run"]["outcome"] == "PASSED");
    assert_ne!(team.status("second")["run"]["descriptionDigest"], digest);
}

#[test]
fn nobody_gives_another_users_name() {
    let team = team!("names");
    let ci = ci(&team);
    let wanted = |user: &str| {
        // An invalid description: it is never run.
        let mut wanted = team.wanted("shop", 7, "rubbish", json!({}));
        wanted["metadata"]["annotations"] = json!({"dayfly.dev/user": user});
        let file = team.user.folder.path().join("wanted.json");
        std::fs::write(&file, wanted.to_string()).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let named =
        || object(&team.namespace, "testenvironment", "shop")["metadata"]["annotations"]["dayfly.dev/user"].clone();
    let refused = |tried: Ended, why: &str| assert!(tried.code != 0 && tried.err.contains(why), "{why:?}: {tried:?}");
    refused(as_ci(&team, &["apply", "-f", &wanted("alice")]), "names alice");
    as_ci(&team, &["apply", "-f", &wanted(&ci)]).code(0);
    let alone = ["annotate", "--overwrite", "tenv", "shop", "dayfly.dev/user=alice"];
    refused(as_ci(&team, &alone), "only together with the spec");
    refused(as_ci(&team, &["annotate", "tenv", "shop", "dayfly.dev/user-"]), "only together with the spec");
    assert_eq!(named(), json!(ci));
    // Somebody else does not change the spec in their name.
    let patch = |patch: serde_json::Value| {
        try_kubectl(&["-n", &team.namespace, "patch", "tenv", "shop", "--type=merge", "-p", &patch.to_string()])
    };
    refused(patch(json!({"spec": {"commit": "bbbbbbbbbbbb"}})), &format!("names {ci}"));
    patch(json!({"metadata": {"labels": {"seen": "yes"}}})).code(0);
    // dayfly's own writes pass: the finalizer and the status.
    team.until_phase("shop", "Invalid");
    let without = json!({"metadata": {"annotations": {"dayfly.dev/user": null}}, "spec": {"commit": "bbbbbbbbbbbb"}});
    patch(without).code(0);
    assert_eq!(named(), json!(null));
    kubectl(&["-n", &team.namespace, "delete", "tenv", "shop", "--wait=false"]);
    until("the object is gone", || try_kubectl(&["-n", &team.namespace, "get", "tenv", "shop"]).code != 0);
}

/// The team's CI account, as the API server knows it.
fn ci(team: &Team) -> String {
    format!("system:serviceaccount:{}:ci", team.namespace)
}

/// `kubectl` with the rights of the team's CI account.
fn as_ci(team: &Team, arguments: &[&str]) -> Ended {
    let mut command = Command::new("kubectl");
    command.args(arguments).envs(team.user.variables.iter().map(|(name, value)| (name, value)));
    ended(command)
}
