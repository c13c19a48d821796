//! Identity tokens through the command: what proves nothing is refused before anything is created.

mod support;

use serde_json::json;
use support::User;
use support::identity::{Forge, POLICY};

const DESCRIPTION: &str =
    "services:\n  web:\n    image: localhost/dayfly/python:1\n    command: [python3]\n    port: 8080\n";

#[test]
fn a_token_that_proves_nothing_is_refused_before_an_engine_is_asked() {
    let user = User::with(vec![("DOCKER_HOST".to_owned(), "unix:///nowhere".to_owned())]);
    let forge = Forge::new(user.folder.path());
    let file = user.describes("shop", DESCRIPTION);
    let run = |token: &str, more: &[&str]| {
        std::fs::write(user.folder.path().join("token"), token).unwrap();
        let fixed = ["--policy", "policy.yaml", "--identity-token", "token"];
        user.runs(&file, "7", &[&fixed[..], more].concat())
    };
    let ours = ["--repository", "https://git.test/team/shop"];
    let token = |changes| forge.token("dayfly", changes);
    run(&token(json!({})), &["--repository", "https://git.test/other/team"])
        .code(2)
        .says("it is for repository https://git.test/team/shop, and the request is for https://git.test/other/team");
    run(&token(json!({"ref": "refs/pull/8/merge"})), &ours).code(2).says("pull request 8, and the request is for 7");
    run(&forge.token("dayfly/shop", json!({})), &ours).code(2).says("its audience is not exactly dayfly");
    run(&token(json!({"exp": 1_700_000_000, "nbf": 1_600_000_000})), &ours).code(2).says("it is not valid now");
    run(&token(json!({"iss": "https://evil.test"})), &ours)
        .code(2)
        .says("its issuer https://evil.test is not among `issuers` of the policy; ask ops@example.org");
    let stranger = User::with(vec![]);
    run(&Forge::new(stranger.folder.path()).token("dayfly", json!({})), &ours).code(2).says("no key of");
    run("rubbish", &ours).code(2).says("failed to read the identity token");
    std::fs::remove_file(user.folder.path().join("jwks.json")).unwrap();
    run(&token(json!({})), &ours).code(2).says("jwks.json");
}

#[test]
fn a_policy_names_issuers_by_https_and_keys_by_plain_names() {
    let user = User::with(vec![]);
    let validate = |from: &str, to: &str| {
        assert!(POLICY.contains(from));
        std::fs::write(user.folder.path().join("policy.yaml"), POLICY.replace(from, to)).unwrap();
        user.dayfly(&["validate", "policy.yaml"])
    };
    validate("forge: github", "forge: github").code(0);
    validate("keys: jwks.json", "keys: https://git.test/jwks").code(0);
    validate("keys: jwks.json", "keys: ../jwks.json").code(2).says("neither an https URL nor the name of a file");
    validate("keys: jwks.json", "keys: http://git.test/jwks").code(2).says("neither an https URL");
    validate("server: https://git.test", "server: http://git.test").code(2).says("is not an https URL");
    validate("forge: github", "forge: gitea").code(2);
    validate("keys: jwks.json", "keys: jwks.json, audience: 'a b'").code(2).says("audience");
}

#[test]
fn the_change_does_not_choose_the_keys_beside_the_policy_of_the_base() {
    let user = User::with(vec![("DOCKER_HOST".to_owned(), "unix:///nowhere".to_owned())]);
    let folder = user.folder.path();
    let git = |arguments: &[&str]| {
        let mut git = std::process::Command::new("git");
        git.args(["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]);
        let done = git.args(arguments).current_dir(folder).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    let forge = Forge::new(folder);
    let suite =
        "suites:\n  easy:\n    kind: security\n    cases: [ { id: E1, name: easy, steps: [ wait: { for: 1ms } ] } ]\n";
    let file = user.describes("shop", &format!("{DESCRIPTION}{suite}"));
    git(&["init", "--quiet"]);
    git(&["add", &file, "policy.yaml", "jwks.json"]);
    git(&["commit", "--quiet", "--message", "base"]);
    let run = |token: &str| {
        std::fs::write(folder.join("token"), token).unwrap();
        let fixed = ["--suites-from", "HEAD", "--policy", "policy.yaml", "--identity-token", "token"];
        user.runs(&file, "7", &[&fixed[..], &["--repository", "https://git.test/team/shop"]].concat())
    };
    let honest = forge.token("dayfly", json!({}));
    // The change brings its own key, and signs with it.
    let forged = Forge::new(folder).token("dayfly", json!({}));
    run(&forged).code(2).says("no key of https://git.test/oidc signed it");
    // The token of the forge is accepted: only the engine is missing.
    run(&honest).code(4).says("failed to reach a container engine");
}
