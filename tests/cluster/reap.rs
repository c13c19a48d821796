//! The reaper on a cluster.

use serde_json::Value;

use crate::in_cluster;
use crate::support::{Running, reaping};
use crate::world::{LONG, apply, kubectl, namespace_is_there, object, until, with_cases};

#[test]
fn each_reason_removes_its_environments_and_is_recorded() {
    let user = in_cluster!();
    reaping::removes_and_records_for_each_reason(&user, "reaper-kwhy");
    let records = user.records("reaper-kwhy-pr-1");
    user.verifies(&records[0]).code(0).says("account ");
}

#[test]
fn treats_nothing_as_closed_without_a_trusted_list() {
    reaping::closes_nothing_without_a_reliable_list(&in_cluster!(), "reaper-ksure");
}

#[test]
fn keeps_extended_and_held_environments() {
    reaping::keeps_extended_and_held_environments(&in_cluster!(), "reaper-kstay");
}

#[test]
fn orphans_are_namespaces_without_owner_or_incomplete() {
    let user = in_cluster!();
    user.has_up("reaper-korphan", &[("1", &[]), ("2", &[]), ("3", &[])]);
    let lease = |name: &str| -> Value {
        let namespace = object("", "namespace", name);
        serde_json::from_str(namespace["metadata"]["annotations"]["dayfly.dev/lease"].as_str().unwrap()).unwrap()
    };
    kubectl(&["annotate", "namespace", "reaper-korphan-pr-1", "dayfly.dev/lease-", "dayfly.dev/plan-"]);
    // The second was made long ago, and its service is not there.
    let mut old = lease("reaper-korphan-pr-2");
    old["created"] = "2024-01-01T00:00:00Z".into();
    kubectl(&["annotate", "--overwrite", "namespace", "reaper-korphan-pr-2", &format!("dayfly.dev/lease={old}")]);
    kubectl(&["annotate", "--overwrite", "namespace", "reaper-korphan-pr-3", "dayfly.dev/lease={\"version\": 9}"]);
    user.reaps("reaper-korphan", &["--orphans", "--dry-run"]).code(0).says("would remove reaper-korphan-pr-1");
    kubectl(&["-n", "reaper-korphan-pr-2", "delete", "pod", "web"]);
    let told = user.reaps("reaper-korphan", &["--orphans"]).code(0);
    told.says("removed reaper-korphan-pr-1: it has no owner")
        .says("removed reaper-korphan-pr-2: its start was interrupted: web")
        .says("stays reaper-korphan-pr-3: another version of dayfly");
    assert!(!namespace_is_there("reaper-korphan-pr-1") && !namespace_is_there("reaper-korphan-pr-2"));
    assert!(namespace_is_there("reaper-korphan-pr-3"));
    for name in ["reaper-korphan-pr-1", "reaper-korphan-pr-2"] {
        user.verifies(&user.records(name)[0]).code(0).says("REMOVED").says("orphan: ");
    }
}

#[test]
fn a_killed_run_is_an_orphan_once_it_gives_no_sign_any_more() {
    let user = in_cluster!();
    let file = user.describes("reaper-kkilled", &with_cases(LONG));
    let name = "reaper-kkilled-pr-1";
    user.owns(name);
    let run = Running::start(user.run_command(&file, "1", &[]));
    until("its environment is there", || namespace_is_there(name));
    run.signal("KILL");
    run.ends().code(-9);
    user.reaps("reaper-kkilled", &["--orphans"]).code(0).says("nothing is due");
    // Ten minutes later.
    let namespace = object("", "namespace", name);
    let lease = namespace["metadata"]["annotations"]["dayfly.dev/lease"].as_str().unwrap();
    let mut lease: Value = serde_json::from_str(lease).unwrap();
    lease["created"] = (jiff::Timestamp::now() - jiff::SignedDuration::from_mins(11)).to_string().into();
    kubectl(&["annotate", "--overwrite", "namespace", name, &format!("dayfly.dev/lease={lease}")]);
    let told = user.reaps("reaper-kkilled", &["--orphans"]).code(0);
    told.says(&format!("removed {name}: run ")).says("stopped without removing it");
    assert!(!namespace_is_there(name));
}

#[test]
fn a_killed_reaper_leaves_a_record_in_state_begun() {
    let user = in_cluster!();
    user.has_up("reaper-kdies", &[("1", &["--ttl", "1s"])]);
    let name = "reaper-kdies-pr-1";
    apply(&format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: held, namespace: {name}, finalizers: [example.com/held] }}\n"
    ));
    let flags = ["reap", "--expired", "--description", "reaper-kdies", "--key", "key.pem", "--evidence", "evidence"];
    let reaper = Running::start(user.command(&flags));
    let leaving = || object("", "namespace", name)["metadata"]["deletionTimestamp"].is_string();
    until("the namespace is being removed", leaving);
    reaper.signal("KILL");
    reaper.ends().code(-9);
    user.verifies(&user.records(name)[0]).code(0).says("BEGUN").says("never: ");
    for change in [&["extend", name, "1h"][..], &["keep", name, "--reason", "too late"]] {
        user.dayfly(change).code(2).says(&format!("{name} is already being removed"));
    }
    kubectl(&["-n", name, "patch", "configmap", "held", "--type=merge", "-p", "{\"metadata\":{\"finalizers\":null}}"]);
    until("the namespace is gone", || !namespace_is_there(name));
    user.reaps("reaper-kdies", &["--expired"]).code(0).says("nothing is due");
}

#[test]
fn names_and_records_objects_that_the_cluster_cannot_remove() {
    let user = in_cluster!();
    user.has_up("reaper-kheld", &[("1", &["--ttl", "1s"])]);
    let name = "reaper-kheld-pr-1";
    apply(&format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: held, namespace: {name}, finalizers: [example.com/held] }}\n"
    ));
    let told = user.reaps("reaper-kheld", &["--expired"]);
    kubectl(&["-n", name, "patch", "configmap", "held", "--type=merge", "-p", "{\"metadata\":{\"finalizers\":null}}"]);
    told.code(9).says("NOT removed reaper-kheld-pr-1").says("example.com/held");
    let record = &user.records(name)[0];
    user.verifies(record).code(0).says("INCOMPLETE").says("left behind").says("example.com/held");
}
