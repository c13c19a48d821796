//! Keys of descriptions in a cluster: the same stories as on a container engine, and what only a cluster shows.

use crate::in_cluster;
use crate::support::{backing, jobs, ports, processes, ready, secrets};
use crate::world::kubectl;

#[test]
fn secrets_reach_programs_in_variables_and_files() {
    let user = in_cluster!();
    let values = secrets::reach_programs(&user, "kc-secrets");
    let shown = ["pods", "configmaps", "services", "jobs", "events"]
        .map(|kind| kubectl(&["-n", "kc-secrets-pr-1", "get", kind, "-o", "json"]))
        .concat();
    assert!(shown.contains("env.api") && shown.contains("files.api"), "{shown}");
    secrets::hold_no_secret(&shown, &values);
    secrets::hold_no_secret(&kubectl(&["get", "namespace", "kc-secrets-pr-1", "-o", "json"]), &values);
}

#[test]
fn processes_begin_and_end_as_described() {
    let user = in_cluster!();
    processes::begin_and_end_as_described(&user, "kc-process");
    // The feature gate is off in most clusters; one that has it obeys.
    let file = user.describes("kc-signal", &processes::with_signal("SIGUSR1"));
    let ended = user.runs(&file, "1", &[]);
    let gate = kubectl(&["get", "--raw", "/metrics"]).lines().any(|line| {
        line.starts_with("kubernetes_feature_enabled{name=\"ContainerStopSignals\"") && line.ends_with(" 1")
    });
    if gate {
        ended.code(0).says("PASSED");
    } else {
        ended.code(4).says("web: this cluster does not support `stopSignal`").says("set STOPSIGNAL in the image");
        user.finds_nothing_of("kc-signal-pr-1");
    }
    // Beside the pods of an environment that is updated, its quota has no room for another one.
    user.owns("kc-full-pr-1");
    let full = |more: &str| {
        format!(
            "services:\n  web:\n    image: localhost/dayfly/python:1\n    command: [python3, -m, http.server, '8080']\n    port: 8080\n    resources: {{ memory: 1Gi }}\n{more}"
        )
    };
    user.dayfly(&["up", &user.describes("kc-full", &full("")), "--pr", "1"]).code(0);
    let updated = user.dayfly(&["up", &user.describes("kc-full", &full("    stopSignal: SIGUSR1\n")), "--pr", "1"]);
    if gate {
        updated.code(0)
    } else {
        updated.code(4).says("this cluster does not support `stopSignal`")
    };
    assert_eq!(kubectl(&["get", "jobs", "--namespace", "kc-full-pr-1", "--output", "name"]).trim(), "");
    user.dayfly(&["down", "kc-full-pr-1"]).code(0);
}

#[test]
fn jobs_end_before_what_needs_them_starts() {
    let user = in_cluster!();
    jobs::end_before_what_needs_them_starts(&user, "kc-jobs");
    jobs::fail_the_run(&user, "kc-broken");
    jobs::have_a_time_limit(&user, "kc-slowjob");
}

#[test]
fn a_redis_is_used_by_services_and_suites() {
    let user = in_cluster!();
    backing::redis(&user, "kc-redis");
    backing::wrong_image(&user, "kc-noredis");
}

#[test]
fn a_service_is_ready_when_its_command_passes() {
    ready::by_command(&in_cluster!(), "kc-ready");
}

#[test]
fn a_database_and_a_broker_get_configuration_variables_and_files() {
    backing::stores(&in_cluster!(), "kc-stores");
}

#[test]
fn an_s3_server_is_used_by_services_and_suites() {
    let user = in_cluster!();
    backing::s3(&user, "kc-s3");
}

#[test]
fn callers_reach_the_ports_that_they_name() {
    ports::are_named(&in_cluster!(), "kc-ports", true);
}
