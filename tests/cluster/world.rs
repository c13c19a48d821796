//! A user in front of a cluster, and its administrator where a story needs one.

use dayfly::testing::{Requirement, skip};
use std::process::Command;

use serde_json::Value;

use crate::support::{Ended, User, ended};

/// A web server without anything else.
pub const WEB: &str = "services:\n  web:\n    image: localhost/dayfly/python:1\n    command: [python3, -u, -m, http.server, '8080', --directory, /tmp]\n    port: 8080\n";

/// A suite with one case that passes.
pub const REACHES_WEB: &str = "      - { id: A1, name: web answers, steps: [ http: { url: 'http://web:8080/' } ] }\n";
/// A case that is under way long enough for the story to do something meanwhile; no story waits for its end.
pub const LONG: &str = "      - { id: A1, name: it takes long, steps: [ wait: { for: 10m } ] }\n";

/// One web server and one acceptance suite of these cases.
pub fn with_cases(cases: &str) -> String {
    format!("{WEB}suites:\n  suite:\n    kind: acceptance\n    needs: [web]\n    cases:\n{cases}")
}

/// The administrator's kubeconfig.
pub fn admin() -> String {
    std::env::var("DAYFLY_TEST_ADMIN_KUBECONFIG").expect("DAYFLY_TEST_ADMIN_KUBECONFIG is not set")
}

/// A user in front of the cluster; none when there is none.
pub fn user() -> Option<User> {
    let Ok(kubeconfig) = std::env::var("DAYFLY_TEST_KUBECONFIG") else {
        skip(Requirement::Cluster, "DAYFLY_TEST_KUBECONFIG is not set");
        return None;
    };
    let variables = [("DAYFLY_ENGINE", "kubernetes".to_owned()), ("KUBECONFIG", kubeconfig)];
    Some(User::with(variables.map(|(k, v)| (k.to_owned(), v)).to_vec()))
}

/// Leaves the story when there is no cluster.
#[macro_export]
macro_rules! in_cluster {
    () => {
        match $crate::world::user() {
            Some(user) => user,
            None => return,
        }
    };
}

/// `kubectl` as the administrator; what it prints.
#[track_caller]
pub fn kubectl(arguments: &[&str]) -> String {
    let ended = try_kubectl(arguments);
    assert_eq!(ended.code, 0, "kubectl {arguments:?}: {}", ended.err);
    ended.out
}

/// As `kubectl`, however it ends.
pub fn try_kubectl(arguments: &[&str]) -> Ended {
    let mut command = Command::new("kubectl");
    command.args(arguments).env("KUBECONFIG", admin());
    ended(command)
}

/// Gives the cluster a manifest.
#[track_caller]
pub fn apply(manifest: &str) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), manifest).unwrap();
    kubectl(&["apply", "-f", file.path().to_str().unwrap()]);
}

/// An object as JSON.
#[track_caller]
pub fn object(namespace: &str, kind: &str, name: &str) -> Value {
    serde_json::from_str(&kubectl(&["-n", namespace, "get", kind, name, "-o", "json"])).unwrap()
}

/// Returns true if a namespace of that name exists, also with the scope of a requester.
pub fn namespace_is_there(name: &str) -> bool {
    let all = kubectl(&["get", "namespaces", "-o", "jsonpath={.items[*].metadata.name}"]);
    all.split_whitespace().any(|found| found == name || found.starts_with(&format!("{name}-")))
}

/// Waits until the condition holds; for things that the cluster does by itself.
#[track_caller]
pub fn until(what: &str, holds: impl Fn() -> bool) {
    let limit = std::time::Instant::now() + std::time::Duration::from_secs(300);
    while !holds() {
        assert!(std::time::Instant::now() < limit, "it never came about that {what}");
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
}
