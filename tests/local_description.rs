//! Keys of descriptions on a container engine. The same stories run in a cluster.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod breakages;
mod support;

use breakages::EngineCommand;
use support::{User, backing, jobs, processes, secrets};

#[test]
fn secrets_reach_programs_in_variables_and_files() {
    needs_engine!();
    let user = User::new();
    let values = secrets::reach_programs(&user, "de-secrets");
    // The engine shows the variables that the description declares, as the report says, and nothing else.
    let engine = EngineCommand::find();
    let beginning = engine.beginning_of("de-secrets-pr-1");
    for unit in ["api", "pg"] {
        let shown = engine.run(&["inspect".to_owned(), format!("{beginning}{unit}")]);
        let declared = format!("DATABASE_URL=postgres://app:{}@pg/app", values["pg.app"]);
        assert_eq!(shown.contains(&declared), unit == "api", "{shown}");
        secrets::hold_no_secret(&shown.replace(&declared, ""), &values);
    }
}

#[test]
fn processes_begin_and_end_as_described() {
    needs_engine!();
    let user = User::new();
    processes::begin_and_end_as_described(&user, "de-process");
    let file = user.describes("de-signal", &processes::with_signal("SIGUSR1"));
    user.runs(&file, "1", &[]).code(0).says("PASSED");
}

#[test]
fn jobs_end_before_what_needs_them_starts() {
    needs_engine!();
    let user = User::new();
    jobs::end_before_what_needs_them_starts(&user, "de-jobs");
    jobs::fail_the_run(&user, "de-broken");
    jobs::have_a_time_limit(&user, "de-slow");
}

#[test]
fn a_redis_is_used_by_services_and_suites() {
    needs_engine!();
    let user = User::new();
    backing::redis(&user, "de-redis");
    backing::wrong_image(&user, "de-noredis");
}
