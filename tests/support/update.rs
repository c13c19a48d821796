//! Updates of a running environment, for the stories of both engines: what stays, what is lost, and what is said of it.

use super::{Ended, Running, User};

const SERVER: &str = "image: localhost/dayfly/python:1\n    command: [python3, -m, http.server, '8080', --directory, /tmp]\n    port: 8080\n";

/// A database with rows, `web`, which needs it, and `more` services and lines.
struct Description {
    roles: &'static str,
    greeting: &'static str,
    more: &'static str,
}

/// A service with a writable folder.
const BESIDE: &str = "  beside:\n    image: localhost/dayfly/python:1\n    command: [python3, -m, http.server, '8080', --directory, /tmp]\n    port: 8080\n    writable: [/data]\n";
/// Another caller of the database.
const EXTRA: &str = "  extra:\n    image: localhost/dayfly/python:1\n    command: [python3, -m, http.server, '8080', --directory, /tmp]\n    port: 8080\n    needs: [pg]\n";

impl Description {
    fn write(&self, user: &User, name: &str) -> String {
        std::fs::write(
            user.folder.path().join("notes.sql"),
            "CREATE TABLE notes (text text NOT NULL); GRANT SELECT, INSERT ON notes TO app;",
        )
        .unwrap();
        let Self { roles, greeting, more } = self;
        let suite = |suite: &str, query: &str, rows: &str| {
            format!(
                "  {suite}:\n    kind: acceptance\n    needs: [pg]\n    cases:\n      - {{ id: A1, name: {suite}, steps: [ sql: {{ database: pg, role: app, query: \"{query}\", rows: {rows} }} ] }}\n"
            )
        };
        let insert = suite("insert", "INSERT INTO notes VALUES ('kept') RETURNING text", "[[\"kept\"]]");
        let count = suite("count", "SELECT count(*) FROM notes", "[[\"1\"]]");
        // A secret in a variable is a mistake, and still no reason to show it.
        user.describes(
            name,
            &format!(
                "databases:\n  pg:\n    image: localhost/dayfly/postgres:1\n    database: app\n    roles: [{roles}]\n    sql: [notes.sql]\nservices:\n  web:\n    {SERVER}    env: {{ GREETING: {greeting} }}\n    needs: [pg]\n{more}suites:\n{insert}{count}"
            ),
        )
    }
}

/// An update keeps what does not differ, with its rows, and says what is lost before it is. `id` names the present container
/// of a unit; empty if there is none.
pub fn changes_only_what_differs(user: &User, name: &str, id: impl Fn(&str) -> String) {
    let environment = format!("{name}-pr-1");
    let environment = environment.as_str();
    user.owns(environment);
    let up = |description: Description| -> Ended { user.dayfly(&["up", &description.write(user, name), "--pr", "1"]) };
    let diff =
        |description: Description| -> Ended { user.dayfly(&["diff", &description.write(user, name), environment]) };
    let ids = |units: &[&str]| units.iter().map(|unit| id(unit)).collect::<Vec<_>>();
    let first = || Description { roles: "app", greeting: "hello", more: BESIDE };
    user.dayfly(&["diff", &first().write(user, name), environment]).code(2).says("there is no environment");
    up(first()).code(0);
    user.dayfly(&["test", environment, "--suite", "insert"]).code(0);

    let all = ["pg", "web", "beside"];
    let before = ids(&all);
    assert!(before.iter().all(|id| !id.is_empty()), "{before:?}");
    diff(first()).code(0).says("`up` would change nothing");
    up(first()).code(0).says("nothing differs: every service stays as it is");
    assert_eq!(ids(&all), before);

    let second = || Description { roles: "app", greeting: "hunter2", more: EXTRA };
    let differs = diff(second()).code(11);
    let json = user.dayfly(&["diff", &second().write(user, name), environment, "--output", "json"]).code(11).json();
    for ended in [differs, up(second()).code(0)] {
        let ended = ended.says("env.GREETING").says("pg: callers +extra").says("extra");
        let ended = ended.says("beside: it is no longer described; the content of /data is lost");
        assert!(!ended.out.contains("hunter2") && !ended.err.contains("hunter2"), "{ended:?}");
        assert!(!ended.out.contains("rows") && !ended.err.contains("rows"), "{ended:?}");
    }
    let action =
        |unit: &str| json["units"].as_array().unwrap().iter().find(|u| u["unit"] == unit).unwrap()["action"].clone();
    assert_eq!(["pg", "web", "extra", "beside"].map(action), ["adjust", "replace", "add", "remove"]);
    assert_eq!(id("pg"), before[0], "the database stays");
    assert_ne!(id("web"), before[1], "web differs");
    assert_eq!(id("beside"), "");
    user.dayfly(&["test", environment, "--suite", "count"]).code(0);
    user.dayfly(&["logs", environment, "pg"]).code(0);
    user.dayfly(&["status", environment]).code(0).says("extra");

    is_interrupted(user, name, environment);
    assert_eq!(id("pg"), before[0], "the database has outlived the interruptions");
    user.dayfly(&["test", environment, "--suite", "count"]).code(0);

    let third = || Description { roles: "app, audit", greeting: "last", more: EXTRA };
    let lost = "pg: roles +audit";
    diff(third()).code(11).says("replace  pg").says(lost).says("its rows are lost");
    up(third()).code(0).says(lost).says("its rows are lost");
    assert_ne!(id("pg"), before[0]);
    user.dayfly(&["test", environment, "--suite", "count"]).code(5);
    user.dayfly(&["down", environment]).code(0);
    user.finds_nothing_of(environment);
}

/// An update that is killed, or interrupted, leaves an environment that the next `up` completes.
fn is_interrupted(user: &User, name: &str, environment: &str) {
    for (signal, moment) in [("KILL", " update "), ("KILL", " claim "), ("KILL", " start "), ("INT", " start ")] {
        let greeting = if moment == " claim " { "good-day" } else { "good-night" };
        let file = Description { roles: "app", greeting, more: EXTRA }.write(user, name);
        let mut updating = Running::start(user.command(&["up", &file, "--pr", "1"]));
        updating.until(moment);
        updating.signal(signal);
        let ended = updating.ends();
        assert!(!ended.err.contains("rows"), "{ended:?}");
        if signal == "INT" {
            ended.code(130).says("leaving").says("is kept for inspection");
        }
        // Each update changes web, so that there is something to interrupt.
        let file = Description { roles: "app", greeting: signal, more: EXTRA }.write(user, name);
        let again = user.dayfly(&["up", &file, "--pr", "1"]).code(0);
        assert!(!again.err.contains("rows"), "{again:?}");
    }
    user.dayfly(&["status", environment]).code(0).says("running");
}
