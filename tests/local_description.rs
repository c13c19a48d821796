//! Keys of descriptions on a container engine. The same stories run in a cluster.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod breakages;
mod support;

use breakages::EngineCommand;
use support::{User, backing, jobs, ports, processes, ready, scans, secrets, sources};

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
    // A server that does not read its configuration asks nobody for a password.
    let folder = tempfile::tempdir().unwrap();
    let open =
        "FROM localhost/dayfly/redis:1\nENTRYPOINT [\"sh\", \"-c\", \"exec redis-server --protected-mode no\"]\n";
    std::fs::write(folder.path().join("Dockerfile"), open).unwrap();
    let engine = EngineCommand::find();
    let words = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
    engine.run(&words(&["build", "-q", "-t", "localhost/dayfly-test/open-redis:1", folder.path().to_str().unwrap()]));
    let file =
        user.describes("de-open", "redis:\n  cache: { image: 'localhost/dayfly-test/open-redis:1', within: 5s }\n");
    user.runs(&file, "1", &[]).code(4).says("it replies without a password");
    engine.run(&words(&["rmi", "localhost/dayfly-test/open-redis:1"]));
}

#[test]
fn evidence_names_the_commits_of_several_repositories() {
    needs_engine!();
    let user = User::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Dockerfile");
    std::fs::write(&path, format!("FROM localhost/dayfly/python:1\n{}", sources::LABELS)).unwrap();
    let engine = EngineCommand::find();
    let words = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
    engine.run(&words(&["build", "-q", "-t", "localhost/dayfly-test/labelled:1", folder.path().to_str().unwrap()]));
    let service = "command: [python3, -m, http.server, '8080', --directory, /tmp]\n    port: 8080\n";
    let file = user.describes("de-sources", &format!("services:\n  web:\n    image: localhost/dayfly-test/labelled:1\n    {service}  other:\n    image: localhost/dayfly/python:1\n    {service}suites:\n  s: {{ kind: acceptance, needs: [web, other], cases: [ {{ id: A1, name: it answers, steps: [ http: {{ url: 'http://web:8080/' }} ] }} ] }}\n"));
    user.runs(&file, "1", &sources::FLAGS).code(0).says("said by the image");
    sources::are_named(&user, "de-sources-pr-1", "other");
    for (flags, why) in [
        (["--commit-of", "nope=team/web@4d1f0c2"], "no service or container suite nope; its units are: "),
        (["--commit-of", "web=team/web@main"], "is no commit"),
        (["--with", "team/web"], "expected REPOSITORY#NUMBER"),
    ] {
        user.runs(&file, "1", &flags).code(2).says(why);
    }
    engine.run(&words(&["rmi", "localhost/dayfly-test/labelled:1"]));
}

#[test]
fn a_service_is_ready_when_its_command_passes() {
    needs_engine!();
    ready::by_command(&User::new(), "de-ready");
}

#[test]
fn a_database_and_a_broker_get_configuration_variables_and_files() {
    needs_engine!();
    backing::stores(&User::new(), "de-stores");
}

#[test]
fn an_s3_server_is_used_by_services_and_suites() {
    needs_engine!();
    let user = User::new();
    backing::s3(&user, "de-s3");
}

#[test]
fn scans_of_dependencies_look_at_what_runs() {
    needs_engine!();
    let user = User::new();
    let engine = EngineCommand::find();
    let image = "localhost/dayfly-test/scanned:1";
    let build = |version: &str| {
        let folder = tempfile::tempdir().unwrap();
        scans::writes_image(folder.path(), "localhost/dayfly/python:1", version);
        engine.run(&["build", "-q", "-t", image, folder.path().to_str().unwrap()].map(str::to_owned));
    };
    build("2.1");
    scans::writes_bundles(&user);
    let file = scans::describes(&user, "de-scans", image, "localhost/dayfly/python:1");
    user.owns("de-scans-pr-1");
    scans::fails(&user, "de-scans", &file, &[]);
    // The name means another image by now, which does not run.
    build("9.0");
    let deps = user.dayfly(&[&["test", "de-scans-pr-1", "--suite", "deps"], &scans::ADVISORIES[..]].concat());
    deps.code(6).says("demo-web 2.1 (PyPI)");
    scans::images_never_pass_without_advisories(&user, "de-scans-pr-1");
    scans::lock_files_never_pass_without_advisories(&user, "de-scans-pr-1");
    user.dayfly(&["down", "de-scans-pr-1"]).code(0);
    engine.run(&["rmi", image].map(str::to_owned));
}

#[test]
fn callers_reach_the_ports_that_they_name() {
    needs_engine!();
    ports::are_named(&User::new(), "de-ports", false);
}
