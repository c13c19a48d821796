//! `dayfly watch`: an update and the suites concerned for each change, for the stories of both engines.

use super::{Running, User};

/// Two services, each with a suite; the first serves a file.
fn describe(user: &User, name: &str, second: &str) -> String {
    let service = "image: localhost/dayfly/python:1\n    command: [python3, -m, http.server, '8080', --directory, /tmp]\n    port: 8080\n";
    let suite = |service: &str| {
        format!(
            "  {service}-suite:\n    kind: acceptance\n    needs: [{service}]\n    cases:\n      - {{ id: A1, name: {service} answers, steps: [ http: {{ url: 'http://{service}:8080/' }} ] }}\n"
        )
    };
    user.describes(
        name,
        &format!(
            "services:\n  first:\n    {service}    files: {{ /etc/dayfly/greeting: {{ path: greeting.txt }} }}\n  second:\n    {service}    env: {{ WORD: {second} }}\nsuites:\n{}{}",
            suite("first"),
            suite("second")
        ),
    )
}

/// A changed file or description updates the environment, and only the suites that rest on the change run again.
pub fn runs_the_suites_concerned(user: &User, name: &str) {
    let environment = format!("{name}-pr-1");
    user.owns(&environment);
    let greeting = user.folder.path().join("greeting.txt");
    std::fs::write(&greeting, "hello").unwrap();
    let file = describe(user, name, "one");
    let mut watch = Running::start(user.command(&["watch", &file, "--pr", "1"]));
    for suite in ["first-suite", "second-suite"] {
        watch.until(&format!("{suite} passed"));
    }
    watch.until("watching 2 file(s)");
    std::fs::write(&greeting, "hello again").unwrap();
    watch.until("first-suite passed");
    watch.until("watching");
    describe(user, name, "two");
    watch.until("second-suite passed");
    watch.until("watching");
    std::fs::write(user.folder.path().join(&file), "services: [").unwrap();
    watch.until("error");
    watch.until("watching");
    describe(user, name, "three");
    watch.until("second-suite passed");
    watch.until("watching");
    watch.signal("INT");
    let ended = watch.ends().code(0).says("is still up");
    assert_eq!(ended.err.matches("first-suite passed").count(), 2, "{}", ended.err);
    user.dayfly(&["down", &environment]).code(0);
}
