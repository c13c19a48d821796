//! The API server goes away in the middle of things, and comes back.

use dayfly::testing::{Requirement, skip};
use std::process::Command;
use std::sync::Mutex;

use crate::in_cluster;
use crate::support::Running;
use crate::world::{REACHES_WEB, namespace_is_there, with_cases};

/// One outage at a time.
static OUTAGE: Mutex<()> = Mutex::new(());

/// The script that ends and starts the API server; none when this cluster is somebody else's.
fn setup(what: &str) -> bool {
    let Some(script) = std::env::var_os("DAYFLY_TEST_CLUSTER_SETUP") else {
        skip(Requirement::OwnCluster, "the API server cannot be restarted from here");
        return false;
    };
    let done = Command::new(script).arg(what).output().unwrap();
    assert!(done.status.success(), "{what}: {}", String::from_utf8_lossy(&done.stderr));
    true
}

/// Ends the API server, and starts it again.
fn outage() -> bool {
    setup("away") && setup("back")
}

#[test]
fn up_and_down_survive_a_restart_of_the_api_server() {
    let user = in_cluster!();
    let _one = OUTAGE.lock();
    // The cluster's own network plugin may take a minute until it watches policies again; pods are closed as long.
    let file = user.describes("kc-away", &with_cases(REACHES_WEB).replace("port: 8080\n", "port: 8080\n    ready: { tcp: 8080, within: 180s }\n    needs: [slow]\n").replace(
        "suites:\n",
        "  slow:\n    image: localhost/dayfly/python:1\n    command: [sh, -c, 'sleep 4; exec python3 -m http.server 8081 --directory /tmp']\n    port: 8081\n    ready: { tcp: 8081, within: 180s }\nsuites:\n",
    ));
    user.owns("kc-away-pr-1");
    let mut up = Running::start(user.command(&["up", &file, "--pr", "1"]));
    up.until("start     slow");
    if !outage() {
        return;
    }
    up.ends().code(0).says("every service is ready");
    user.dayfly(&["test", "kc-away-pr-1"]).code(0);
    let down = Running::start(user.command(&["down", "kc-away-pr-1"]));
    crate::world::until("the removal has begun", || {
        crate::world::try_kubectl(&["get", "namespace", "kc-away-pr-1", "-o", "jsonpath={.status.phase}"]).out
            != "Active"
    });
    outage();
    down.ends().code(0);
    assert!(!namespace_is_there("kc-away-pr-1"));
}
