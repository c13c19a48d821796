//! The life cycle of services in a cluster: the same stories as on a container engine, and what only a cluster does.

use crate::in_cluster;
use crate::support::Running;
use crate::support::life::{self, get, mortal};
use crate::support::steps;
use crate::support::{inside, update, watch};
use crate::world::kubectl;

#[test]
fn a_service_that_exits_during_a_suite_is_not_passed() {
    let user = in_cluster!();
    life::ends_by_itself(&user, "kc-three", "exit/3", "its process exited with code 3");
    life::ends_by_itself(&user, "kc-zero", "exit/0", "its process exited with code 0");
}

#[test]
fn a_service_that_runs_out_of_memory_is_not_passed() {
    let user = in_cluster!();
    life::ends_by_itself(&user, "kc-hungry", "eat", "its process was OOM-killed");
}

#[test]
fn may_end_allows_a_restart_and_shows_it() {
    let user = in_cluster!();
    life::is_allowed_to_end(&user, "kc-may");
    life::restarts_are_not_passed(&user, "kc-back");
}

#[test]
fn ends_that_steps_ask_for_are_expected() {
    life::steps_stop_and_start(&in_cluster!(), "kc-steps");
}

#[test]
fn commands_run_inside_units() {
    steps::commands(&in_cluster!(), "kc-exec");
}

#[test]
fn tokens_of_generated_keys_are_accepted_and_faulty_ones_refused() {
    steps::tokens(&in_cluster!(), "kc-jwt");
}

#[test]
fn databases_have_extensions_and_suites_conditions() {
    steps::extensions_and_conditions(&in_cluster!(), "kc-pg");
}

#[test]
fn a_service_without_port_must_stay_up() {
    life::without_port(&in_cluster!(), "kc-worker");
}

#[test]
fn a_pod_that_is_deleted_or_evicted_during_a_suite_makes_the_run_inconclusive() {
    let user = in_cluster!();
    for (name, evict) in [("kc-deleted", false), ("kc-evicted", true)] {
        let steps = get("") + "          - wait: { for: 6s }\n";
        let file = user.describes(name, &mortal("", "", &steps));
        let environment = format!("{name}-pr-1");
        user.owns(&environment);
        let mut running = Running::start(user.run_command(&file, "1", &[]));
        running.until("life began");
        if evict {
            let eviction = format!(
                r#"{{"apiVersion":"policy/v1","kind":"Eviction","metadata":{{"name":"web","namespace":"{environment}"}}}}"#
            );
            let body = user.folder.path().join("eviction.json");
            std::fs::write(&body, eviction).unwrap();
            let path = format!("/api/v1/namespaces/{environment}/pods/web/eviction");
            kubectl(&["create", "--raw", &path, "-f", body.to_str().unwrap()]);
        } else {
            kubectl(&["-n", &environment, "delete", "pod", "web", "--wait=false"]);
        }
        running.ends().code(7).says("web: ").says("and no step asked for it");
    }
}

#[test]
fn commands_run_and_files_are_copied_inside_a_service() {
    inside::exec_and_cp(&in_cluster!(), "kc-inside");
}

#[test]
fn an_update_changes_only_what_differs() {
    let user = in_cluster!();
    let id = |unit: &str| {
        let labels = format!("dayfly.dev/unit={unit}");
        kubectl(&["-n", "kc-change-pr-1", "get", "pods", "-l", &labels, "-o", "jsonpath={.items[*].metadata.uid}"])
    };
    update::changes_only_what_differs(&user, "kc-change", id);
}

#[test]
fn tests_of_an_environment_with_an_ended_service_do_not_pass() {
    let user = in_cluster!();
    let file = user.describes("kc-ended", &mortal("", "", &get("exit/3")));
    user.owns("kc-ended-pr-1");
    user.dayfly(&["up", &file, "--pr", "1"]).code(0);
    user.dayfly(&["test", "kc-ended-pr-1"]).code(4);
    // It has not come back: nothing restarts by itself.
    user.dayfly(&["test", "kc-ended-pr-1"]).says("web: its process exited with code 3");
}

#[test]
fn watches_files_and_runs_the_suites_concerned() {
    watch::runs_the_suites_concerned(&in_cluster!(), "kc-watch");
}
