//! The operator's policy of an installation. These tests run alone, because the policy holds for everybody.

use serde_json::{Value, json};

use crate::installed;
use crate::support::COMMIT;
use crate::support::identity::{Forge, POLICY};
use crate::team;
use crate::team::{condition, described};
use crate::world::{REACHES_WEB, apply, kubectl, with_cases};

/// The policy of the installation, until it is dropped.
struct Installed;

impl Installed {
    fn new(text: &str, keys: &str) -> Self {
        let map = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "dayfly-policy", "namespace": "dayfly-system"},
            "data": {"policy.yaml": text, "jwks.json": keys},
        });
        apply(&map.to_string());
        Self
    }
}

impl Drop for Installed {
    fn drop(&mut self) {
        kubectl(&["-n", "dayfly-system", "delete", "configmap", "dayfly-policy", "--ignore-not-found"]);
    }
}

#[test]
fn a_repository_is_proven_by_the_policy_or_by_a_token_for_the_namespace() {
    let team = team!("proven");
    let forge = Forge::new(team.user.folder.path());
    let _policy = Installed::new(POLICY, &forge.jwks());
    let file = team.user.describes("ct-proven", &with_cases(REACHES_WEB));
    let submit = |audience: &str| {
        std::fs::write(team.user.folder.path().join("token"), forge.token(audience, json!({}))).unwrap();
        let fixed = ["submit", &file, "--pr", "7", "--commit", COMMIT, "--wait", "--evidence", "evidence"];
        let more = ["--repository", "https://git.test/team/shop", "--identity-token", "token"];
        team.user.dayfly(&[&fixed[..], &more].concat())
    };
    // A token that another namespace's object holds.
    submit("dayfly/other").code(2).says("its audience is not exactly dayfly/dt-proven");
    assert_eq!(condition(&team.status("ct-proven-pr-7"), "Validated"), "False Invalid");
    submit("dayfly/dt-proven").code(0).says("by an identity token of https://git.test/oidc");
    let verified = |folder: &std::path::Path| -> Value {
        let key = installed::controller();
        let verify = ["verify", folder.to_str().unwrap(), "--key", &key, "--require-proven", "--output", "json"];
        team.user.dayfly(&verify).code(0).json()["run"].clone()
    };
    let run = verified(&team.user.evidence("ct-proven-pr-7"));
    assert_eq!(run["declared"], json!(["commit"]), "{run:#}");

    // Without a token, by the policy's map of namespaces.
    let map = "namespaces:\n  dt-proven: { repositories: ['https://git.test/team/*'] }\n";
    let _policy = Installed::new(&format!("{POLICY}{map}"), &forge.jwks());
    std::fs::remove_dir_all(team.user.folder.path().join("evidence")).unwrap();
    let fixed = ["submit", &file, "--pr", "7", "--commit", COMMIT, "--wait", "--evidence", "evidence", "--repository"];
    let told = team.user.dayfly(&[&fixed[..], &["https://git.test/team/shop"]].concat()).code(0);
    told.says("which lets namespace dt-proven speak for it");
    let run = verified(&team.user.evidence("ct-proven-pr-7"));
    assert_eq!(run["declared"], json!(["pull request", "commit"]), "{run:#}");
    std::fs::remove_dir_all(team.user.folder.path().join("evidence")).unwrap();
    team.user.dayfly(&[&fixed[..], &["https://git.test/other/shop"]].concat()).code(0);
    let folder = team.user.evidence("ct-proven-pr-7");
    let verify = ["verify", folder.to_str().unwrap(), "--key", &installed::controller(), "--require-proven"];
    team.user.dayfly(&verify).code(10).says("the repository is only declared");
}

#[test]
fn a_namespace_has_no_more_environments_than_the_policy_allows() {
    let (full, other) = (team!("full"), team!("roomy"));
    let _policy = Installed::new("apiVersion: dayfly.dev/v1alpha1\nkind: Policy\ndefault: { environments: 1 }\n", "{}");
    let described = described("ct-full", &with_cases(REACHES_WEB));
    full.asks("kept", 1, &described, json!({"keep": "Always"}));
    full.until_phase("kept", "Kept");
    full.asks("next", 2, &described, json!({}));
    full.until_phase("next", "Queued");
    full.until("next", "says why", |s| s.to_string().contains("or kept environments be removed"));
    other.asks("one", 3, &described, json!({}));
    other.until("one", "passed", |s| s["run"]["outcome"] == "PASSED");
    assert_eq!(full.status("next")["phase"], "Queued");
    kubectl(&["-n", &full.namespace, "delete", "tenv", "kept", "--timeout=300s"]);
    full.until("next", "passed", |s| s["run"]["outcome"] == "PASSED");
}

/// Credentials of the installation for a registry, until they are dropped.
struct PullSecret;

impl PullSecret {
    fn new(server: &str) -> Self {
        let server = format!("--docker-server={server}");
        let secret = ["-n", "dayfly-system", "create", "secret", "docker-registry", "shared"];
        kubectl(&[&secret[..], &[&server, "--docker-username=u", "--docker-password=p"]].concat());
        configure(json!("shared"));
        Self
    }
}

impl Drop for PullSecret {
    fn drop(&mut self) {
        configure(Value::Null);
        kubectl(&["-n", "dayfly-system", "delete", "secret", "shared"]);
    }
}

fn configure(pull_secret: Value) {
    let patch = json!({"data": {"DAYFLY_REGISTRY_SECRET": pull_secret}}).to_string();
    kubectl(&["-n", "dayfly-system", "patch", "configmap", "dayfly", "--type=merge", "--patch", &patch]);
    let controller = "deployment/dayfly-controller";
    kubectl(&["-n", "dayfly-system", "rollout", "restart", controller]);
    kubectl(&["-n", "dayfly-system", "rollout", "status", controller, "--timeout=300s"]);
}

#[test]
fn an_image_that_the_installation_has_credentials_for_must_be_listed() {
    let team = team!("private");
    let _secret = PullSecret::new("registry.test");
    let steals = with_cases(REACHES_WEB).replace("localhost/dayfly/python:1", "registry.test/others/private:1");
    team.asks("shop", 7, &described("ct-private", &steals), json!({}));
    team.until_phase("shop", "Done");
    let run = team.status("shop")["run"].clone();
    assert_eq!((&run["outcome"], &run["exitCode"]), (&json!("ERROR"), &json!(2)));
    let cause = run["causes"][0].as_str().unwrap();
    assert!(cause.contains("its registry is read with the installation's credentials"), "{cause}");
    // What needs no credentials runs.
    team.asks("other", 8, &described("ct-private", &with_cases(REACHES_WEB)), json!({}));
    team.until("other", "passed", |s| s["run"]["outcome"] == "PASSED");
}
