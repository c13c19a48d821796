//! What `dayfly run` shows on a real terminal, on a real container engine.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use support::terminal::{self, Terminal};
use support::{User, repository};

fn count(text: &str, part: &str) -> usize {
    text.matches(part).count()
}

#[test]
fn a_run_shows_each_service_suite_and_case_once_while_the_terminal_changes_its_size() {
    needs_engine!();
    if !terminal::is_there() {
        return;
    }
    let user = User::new();
    user.owns("hello-pr-301");
    let hello = repository().join("environments/hello");
    let terminal = Terminal::start(&user.run_command(hello.to_str().unwrap(), "301", &[]), 80, 24);
    terminal.until("✓ ready     greeter");
    terminal.resize(120, 40);
    terminal.until("✓ ready     web");
    terminal.resize(60, 20);
    terminal.until("exit code 0");
    terminal.resize(120, 60);
    let all = terminal.history();
    for once in [
        "✓ ready     greeter after",
        "✓ ready     web after",
        "✓ up ",
        "✓ pass      greetings A1 a visitor is greeted by name",
        "✓ pass      refusals S3 nothing gets out",
        "✓ suite     greetings passed: 1 of 1 passed, in",
        "✓ suite     refusals passed: 3 of 3 passed, in",
        "removed   everything after",
        "PASSED  hello-pr-301",
        "in all: 4 of 4 passed",
    ] {
        assert_eq!(count(&all, once), 1, "{once}:\n{all}");
    }
    for of_tree in ["waits for", "starting", "services ready", "cases ended"] {
        assert_eq!(count(&all, of_tree), 0, "{of_tree} is left:\n{all}");
    }
}

#[test]
fn an_interrupted_run_says_that_it_removes_and_leaves_nothing_behind() {
    needs_engine!();
    if !terminal::is_there() {
        return;
    }
    let user = User::new();
    let file = user.describes(
        "deaf",
        "services:\n  web:\n    image: localhost/dayfly/python:1\n    command: [python3, -c, 'import time; time.sleep(3600)']\n    port: 8080\n",
    );
    user.owns("deaf-pr-1");
    let terminal = Terminal::start(&user.run_command(&file, "1", &[]), 80, 24);
    let screen = terminal.until("refused");
    assert!(screen.contains("starting: "), "{screen}");
    terminal.press("C-c");
    terminal.until("stopping: removing deaf-pr-1; press Ctrl-C again to leave it behind");
    terminal.until("exit code 130");
    let all = terminal.history();
    assert_eq!((count(&all, "ABORTED  deaf-pr-1"), count(&all, "stopped by a signal")), (1, 1), "{all}");
    user.finds_nothing_of("deaf-pr-1");
}
