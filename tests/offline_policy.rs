//! The operator's policy, through the command: what a description may not ask for, and whom to ask.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use tempfile::TempDir;

const HEADER: &str = "apiVersion: dayfly.dev/v1alpha1\nkind: Environment\nname: greedy\n";
const POLICY: &str = "apiVersion: dayfly.dev/v1alpha1\nkind: Policy\n";

/// Exit code and messages of a command in a folder with `environment.yaml` and `policy.yaml`.
fn run(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::cargo_bin("dayfly").unwrap();
    // The job of a CI system would name its repository.
    command.current_dir(folder).env_remove("GITHUB_ACTIONS").env_remove("GITLAB_CI").env_remove("DAYFLY_POLICY");
    let output = command.args(arguments).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), text)
}

fn folder(description: &str, policy: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("environment.yaml"), format!("{HEADER}{description}")).unwrap();
    fs::write(folder.path().join("policy.yaml"), format!("{POLICY}{policy}")).unwrap();
    folder
}

/// The messages of `validate`, without a policy and with one.
fn refusals(description: &str, policy: &str) -> [(i32, String); 2] {
    let folder = folder(description, policy);
    let file = ["validate", "environment.yaml"];
    [run(folder.path(), &file), run(folder.path(), &[&file[..], &["--policy", "policy.yaml"]].concat())]
}

const HOSTILE: &str = "\
services:
  host:
    image: localhost/host
    replicas: 9
    resources: { memory: 100Gi, cpu: '64' }
    security: { root: true, writableRoot: true, capabilities: [MKNOD, SETUID], reason: it needs to }
  probe:
    image: 10.0.0.1:5000/x
ttl: 300h
suites:
  s:
    kind: security
    image: kubernetes.default.svc/x
    security: { root: true, reason: it needs to }
";

#[test]
fn without_a_policy_containers_are_restricted_and_sizes_modest() {
    let [(code, text), _] = refusals(HOSTILE, "");
    assert_eq!(code, 2);
    insta::assert_snapshot!(text);
}

#[test]
fn a_refusal_names_the_line_of_the_policy_and_whom_to_ask() {
    let policy = "\
contact: platform-team@example.org
default:
  departures: [writableRoot]
  capabilities: [SETUID]
  registries: [localhost/*]
  memory: 512Gi
  replicas: 2
  ttl: 4h
";
    let [_, (code, text)] = refusals(HOSTILE, policy);
    assert_eq!(code, 2);
    insta::assert_snapshot!(text);
}

#[test]
fn what_the_policy_allows_is_allowed() {
    let policy = "\
default:
  departures: [root, writableRoot]
  capabilities: [MKNOD, SETUID]
  registries: [localhost/*, 10.0.0.1:5000/*, kubernetes.default.svc/*]
  memory: 1024Gi
  cpu: '600'
  replicas: 9
  ttl: 300h
";
    let [_, (code, text)] = refusals(HOSTILE, policy);
    assert_eq!((code, text.as_str()), (0, ""));
}

#[test]
fn no_command_and_no_flag_gets_around_the_policy() {
    let plain = "services: { a: { image: localhost/a } }\n";
    let root = "services: { a: { image: localhost/a, security: { root: true, reason: x } } }\n";
    let folder = folder(root, "");
    let at = folder.path();
    fs::write(at.join("key.pem"), "").unwrap();
    for command in [
        &["validate", "environment.yaml"][..],
        &["plan", "environment.yaml", "--pr", "1"],
        &["render", "environment.yaml", "--pr", "1"],
        &["up", "environment.yaml", "--pr", "1"],
        &["doctor", "environment.yaml"],
        &["run", "environment.yaml", "--pr", "1", "--commit", "abcdef0", "--key", "key.pem", "--evidence", "e"],
    ] {
        let (code, text) = run(at, command);
        assert_eq!(code, 2, "{command:?} {text}");
        assert!(text.contains("`services.a.security.root` is not allowed"), "{command:?} {text}");
    }
    fs::write(at.join("environment.yaml"), format!("{HEADER}{plain}")).unwrap();
    let image = run(at, &["plan", "environment.yaml", "--pr", "1", "--image", "a=registry.kube-system.svc/a"]);
    assert!(image.0 == 2 && image.1.contains("--image a"), "{image:?}");
    let ttl = run(at, &["up", "environment.yaml", "--pr", "1", "--ttl", "100h"]);
    assert!(ttl.0 == 2 && ttl.1.contains("--ttl"), "{ttl:?}");
    assert!(!at.join("e").exists(), "nothing was signed");
}

#[test]
fn limits_depend_on_the_repository() {
    let description = "services: { a: { image: localhost/a, security: { root: true, reason: x } } }\n";
    let policy = "rules: [{ repositories: ['https://git.test/org/*'], allow: { departures: [root] } }]\n";
    let folder = folder(description, policy);
    let with = |repository: &str| {
        run(folder.path(), &["validate", "environment.yaml", "--policy", "policy.yaml", "--repository", repository]).0
    };
    assert_eq!(with("https://git.test/org/legacy"), 0);
    for other in ["https://git.test/other/legacy", "https://evil.test/org/legacy", "org/legacy", "https://git.test/org"]
    {
        assert_eq!(with(other), 2, "{other}");
    }
}

#[test]
fn a_policy_is_checked_like_a_description() {
    let policy = "\
default:
  departures: [rot]
  capabilities: [SYS_ADMIN, CHOWM]
  memory: lots
  registries: ['*', registry.example/shop/*]
rules:
  - allow: { replicas: 3 }
  - repositories: [org/shop]
    allow: { ttl: 4 hours }
namespaces:
  Team_A: { repositories: [] }
";
    let folder = folder("", policy);
    let (code, text) = run(folder.path(), &["validate", "policy.yaml"]);
    assert_eq!(code, 2);
    insta::assert_snapshot!(text);
    let (code, text) = run(folder.path(), &["install", "--dry-run", "--policy", "policy.yaml"]);
    assert!(code == 2 && text.contains("policy.yaml"), "{code} {text}");
}

#[test]
fn a_policy_that_cannot_be_read_allows_nothing() {
    let folder = folder("services: { a: { image: localhost/a } }\n", "");
    std::os::unix::fs::symlink("policy.yaml", folder.path().join("link.yaml")).unwrap();
    for (file, why) in
        [("none.yaml", "no such file"), ("link.yaml", "it is a symbolic link"), ("environment.yaml", "kind: Policy")]
    {
        let (code, text) = run(folder.path(), &["validate", "environment.yaml", "--policy", file]);
        assert!(code == 2 && text.contains(why), "{file} {code} {text}");
    }
}

#[test]
fn install_writes_the_policy_and_the_levels_that_it_allows() {
    let folder = folder("", "default: { departures: [root] }\n");
    let output = Command::cargo_bin("dayfly")
        .unwrap()
        .current_dir(folder.path())
        .args(["install", "--dry-run", "--policy", "policy.yaml"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success() && text.contains("dayfly-policy") && text.contains("['restricted', 'baseline']"),
        "{text}"
    );
}

#[test]
fn the_repositorys_own_environments_need_no_policy() {
    for description in ["environments/hello", "environments/tsd"] {
        Command::cargo_bin("dayfly")
            .unwrap()
            .env_remove("DAYFLY_POLICY")
            .args(["validate", description])
            .assert()
            .code(0);
    }
}
