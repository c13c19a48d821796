//! The life cycle of services on a container engine: what ends unasked, and what restarts. The same stories run in a cluster.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod breakages;
mod support;

use breakages::EngineCommand;
use support::life::{self, get, mortal};
use support::steps;
use support::{Running, User, repository};
use support::{inside, update, watch};

#[test]
fn a_service_that_exits_during_a_suite_is_not_passed() {
    needs_engine!();
    let user = User::new();
    life::ends_by_itself(&user, "life-three", "exit/3", "its process exited with code 3");
    life::ends_by_itself(&user, "life-zero", "exit/0", "its process exited with code 0");
}

#[test]
fn a_service_that_runs_out_of_memory_is_not_passed() {
    needs_engine!();
    let user = User::new();
    // Some engines do not report OOM kills.
    let steps = get("eat") + "          - wait: { for: 2s }\n";
    let file = user.describes("life-fat", &mortal("", "", &steps));
    let ended = user.runs(&file, "1", &[]).code(4);
    assert!(ended.err.contains("OOM-killed") || ended.err.contains("exited with code 137"), "{ended:?}");
}

#[test]
fn may_end_allows_a_restart_and_shows_it() {
    needs_engine!();
    let user = User::new();
    life::is_allowed_to_end(&user, "life-may");
    life::restarts_are_not_passed(&user, "life-back");
}

#[test]
fn ends_that_steps_ask_for_are_expected() {
    needs_engine!();
    life::steps_stop_and_start(&User::new(), "life-steps");
}

#[test]
fn commands_run_inside_units() {
    needs_engine!();
    steps::commands(&User::new(), "life-exec");
}

#[test]
fn tokens_of_generated_keys_are_accepted_and_faulty_ones_refused() {
    needs_engine!();
    steps::tokens(&User::new(), "life-jwt");
}

#[test]
fn databases_have_extensions_and_suites_conditions() {
    needs_engine!();
    steps::extensions_and_conditions(&User::new(), "life-pg");
}

#[test]
fn a_service_without_port_must_stay_up() {
    needs_engine!();
    life::without_port(&User::new(), "life-worker");
}

#[test]
fn a_service_that_is_restarted_or_removed_from_outside_is_not_passed() {
    needs_engine!();
    let user = User::new();
    let engine = EngineCommand::find();
    // Of a restart, some engines tell the exit, others only the new start.
    for (name, is_removed, codes) in [("life-again", false, [4, 7]), ("life-gone", true, [7, 7])] {
        let file = user.describes(name, &mortal("", "", "          - wait: { for: 4s }\n"));
        let environment = format!("{name}-pr-1");
        user.owns(&environment);
        let mut running = Running::start(user.run_command(&file, "1", &[]));
        running.until("life began");
        let container = engine.beginning_of(&environment) + "web";
        match is_removed {
            true => engine.remove_at_once(&container),
            false => drop(engine.run(&["restart", "-t", "0", &container].map(str::to_owned))),
        }
        let ended = running.ends().says("web: it");
        assert!(codes.contains(&ended.code), "{ended:?}");
    }
}

#[test]
fn commands_run_and_files_are_copied_inside_a_service() {
    needs_engine!();
    inside::exec_and_cp(&User::new(), "life-inside");
}

#[test]
fn an_update_changes_only_what_differs() {
    needs_engine!();
    let engine = EngineCommand::find();
    let id = |unit: &str| {
        let label = |key: &str, value: &str| ["--filter".to_owned(), format!("label=dayfly.dev/{key}={value}")];
        let all = ["ps", "--no-trunc", "--format", "{{.ID}}"].map(str::to_owned).into_iter();
        let filters = [label("environment", "life-update-pr-1"), label("unit", unit)].concat();
        engine.run(&all.chain(filters).collect::<Vec<_>>()).trim().to_owned()
    };
    update::changes_only_what_differs(&User::new(), "life-update", id);
}

#[test]
fn tests_of_an_environment_with_an_ended_service_do_not_pass() {
    needs_engine!();
    let user = User::new();
    let file = user.describes("life-test", &mortal("", "", "          - wait: { for: 10ms }\n"));
    user.owns("life-test-pr-1");
    user.dayfly(&["up", &file, "--pr", "1"]).code(0);
    user.dayfly(&["test", "life-test-pr-1"]).code(0);
    let engine = EngineCommand::find();
    engine.run(&["kill".to_owned(), engine.beginning_of("life-test-pr-1") + "web"]);
    user.dayfly(&["test", "life-test-pr-1"]).code(4).says("web: its process exited with code 137");

    user.dayfly(&["up", &file, "--pr", "1"]).code(0).says("its process has ended");
    user.dayfly(&["test", "life-test-pr-1"]).code(0);
    if engine.kill_unseen(&(engine.beginning_of("life-test-pr-1") + "web")) {
        user.dayfly(&["status", "life-test-pr-1"]).code(0).says("ended");
        user.dayfly(&["test", "life-test-pr-1"])
            .code(4)
            .says("web: its process has ended, and the engine did not see how");
        user.dayfly(&["diff", &file, "life-test-pr-1"]).code(11).says("its process has ended");
        user.dayfly(&["up", &file, "--pr", "1"]).code(0).says("its process has ended");
        user.dayfly(&["test", "life-test-pr-1"]).code(0);
    }
}

#[test]
fn no_suite_passes_while_a_unit_of_the_flagship_is_killed() {
    needs_engine!();
    let _seat = breakages::seat();
    let user = User::new();
    let mut copy = breakages::Copy::of_the_flagship(user.folder.path(), "killed");
    // Long enough to be killed meanwhile, and sure to pass by itself.
    let steps = serde_json::json!([{ "id": "A1", "name": "time passes", "steps": [{ "wait": { "for": "3s" } }] }]);
    copy.set(&[("/suites/patience".to_owned(), serde_json::json!({ "kind": "acceptance", "cases": steps }))].into());
    let file = copy.write();
    user.owns("killed-pr-1");
    let policy = repository().join("tests/fixtures/policy.yaml");
    user.dayfly(&["up", &file, "--pr", "1", "--policy", policy.to_str().unwrap()]).code(0);
    user.dayfly(&["test", "killed-pr-1", "--suite", "patience"]).code(0);
    let engine = EngineCommand::find();
    let beginning = engine.beginning_of("killed-pr-1");
    let description = breakages::flagship();
    let units =
        description["services"].as_object().unwrap().iter().chain(description["databases"].as_object().unwrap());
    let broker = description["broker"]["name"].as_str().unwrap().to_owned();
    let late = |unit: &serde_json::Value| unit["startLate"] == true;
    let names: Vec<String> =
        units.filter(|(_, unit)| !late(unit)).map(|(name, _)| name.clone()).chain([broker]).collect();
    assert!(names.len() > 4, "{names:?}");
    for unit in names {
        let mut running = Running::start(user.command(&["test", "killed-pr-1", "--suite", "patience"]));
        running.until("patience began");
        engine.run(&["kill".to_owned(), format!("{beginning}{unit}")]);
        running.ends().code(4).says(&format!("{unit}: its process exited with code 137 during suite patience"));
        engine.run(&["start".to_owned(), format!("{beginning}{unit}")]);
    }
}

#[test]
fn watches_files_and_runs_the_suites_concerned() {
    needs_engine!();
    watch::runs_the_suites_concerned(&User::new(), "life-watch");
}
