//! What `dayfly run` shows on a real terminal, on the fake engine, which waits for cues.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use support::User;
use support::terminal::{self, Terminal};

/// A user whose engine is the fake one, directed through a folder.
struct Stage {
    user: User,
    folder: PathBuf,
}

impl Stage {
    fn new() -> Self {
        let mut user = User::new();
        let folder = user.folder.path().join("stage");
        fs::create_dir(&folder).unwrap();
        user.variables.push(("DAYFLY_TEST_STAGE".into(), folder.to_str().unwrap().into()));
        Self { user, folder }
    }

    /// Makes an operation wait until `cue`.
    fn hold(&self, operation: &str) {
        let pipe = self.folder.join(operation);
        rustix::fs::mknodat(
            rustix::fs::CWD,
            pipe,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
            0,
        )
        .unwrap();
    }

    /// Lets an operation go on: with an exit code, or successfully.
    fn cue(&self, operation: &str, text: &str) {
        fs::write(self.folder.join(operation), text).unwrap();
    }

    fn log(&self, name: &str, text: &str) {
        fs::write(self.folder.join(format!("log {name}")), text).unwrap();
    }

    /// `dayfly run` of a description, in a terminal.
    fn runs(&self, rest: &str, width: usize, height: usize) -> Terminal {
        self.runs_with(rest, width, height, &[])
    }

    fn runs_with(&self, rest: &str, width: usize, height: usize, variables: &[(&str, &str)]) -> Terminal {
        let file = self.user.describes("shop", rest);
        let mut command: Command = self.user.run_command(&file, "7", &[]);
        command.envs(variables.iter().copied());
        Terminal::start(&command, width, height)
    }
}

macro_rules! needs_terminal {
    () => {
        if !terminal::is_there() {
            return;
        }
    };
}

const SERVICES: &str = "services:\n  db: { image: localhost/db:1 }\n  api: { image: localhost/api:1, needs: [db] }\n";
const SUITES: &str = "suites:\n  smoke:\n    kind: acceptance\n    needs: [api]\n    cases:\n      - { id: A1, name: nothing happens, steps: [ wait: { for: 10ms } ] }\n  tests:\n    kind: acceptance\n    needs: [api]\n    image: localhost/tests:1\n    command: [pytest]\n    verdict: exit-code\n";

fn count(text: &str, part: &str) -> usize {
    text.matches(part).count()
}

#[test]
fn the_tree_shows_what_runs_and_everything_that_ended_is_a_line_above_it() {
    needs_terminal!();
    let stage = Stage::new();
    stage.hold("start db");
    stage.hold("suite tests");
    stage.log("tests", "collecting\ntest_one PASSED\n");
    let terminal = stage.runs(&format!("{SERVICES}{SUITES}"), 80, 24);
    let screen = terminal.until("waits for db");
    assert!(screen.contains("0 of 2 services ready"), "{screen}");
    // The time goes on although nothing happens.
    let times = |screen: &str| screen.lines().find(|l| l.contains("starting")).map(str::to_owned);
    let first = times(&terminal.until("starting"));
    terminal.until_screen("another time", |screen| times(screen).is_some_and(|now| Some(now) != first));
    stage.cue("start db", "");
    let screen = terminal.until("| test_one PASSED");
    for ended in [
        "✓ ready     db after",
        "✓ ready     api after",
        "✓ up",
        "✓ pass      smoke A1 nothing happens",
        "✓ suite     smoke passed: 1 of 1 passed, in",
    ] {
        assert_eq!(count(&screen, ended), 1, "{ended}:\n{screen}");
    }
    assert!(screen.contains("suite tests") && screen.contains("1 passed"), "{screen}");
    stage.cue("suite tests", "0");
    terminal.until("exit code 0");
    let all = terminal.history();
    assert!(all.contains("PASSED  shop-pr-7") && all.contains("in all: 2 of 2 passed"), "{all}");
    for of_tree in ["waits for", "starting", "services ready", "cases ended"] {
        assert_eq!(count(&all, of_tree), 0, "{of_tree} is left:\n{all}");
    }
}

#[test]
fn a_failure_is_told_once_with_the_end_of_its_log() {
    needs_terminal!();
    let stage = Stage::new();
    stage.hold("start api");
    let log: Vec<String> = (1..=60).map(|n| format!("traceback line {n}")).collect();
    stage.log("api", &log.join("\n"));
    let terminal = stage.runs(&format!("{SERVICES}{SUITES}"), 120, 40);
    terminal.until("api  0.");
    stage.cue("start api", "3");
    terminal.until("exit code 4");
    let all = terminal.history();
    for once in
        ["its process exited with code 3", "traceback line 60", "ERROR  shop-pr-7", "Did not become ready (see above)"]
    {
        assert_eq!(count(&all, once), 1, "{once}:\n{all}");
    }
    assert!(all.contains("✗ FAILED    api: its process"), "{all}");
}

#[test]
fn a_failed_suite_is_told_once_with_the_end_of_its_log() {
    needs_terminal!();
    let stage = Stage::new();
    stage.hold("suite tests");
    let log: Vec<String> = (1..=60).map(|n| format!("line {n} of the log")).collect();
    stage.log("tests", &log.join("\n"));
    let terminal = stage.runs(&format!("{SERVICES}{SUITES}"), 120, 40);
    terminal.until("| line 60 of the log");
    stage.cue("suite tests", "1");
    terminal.until("exit code 5");
    let all = terminal.history();
    for once in ["the suite exited with code 1", "line 60 of the log", "line 45 of the log", "Failed (see above)"] {
        assert_eq!(count(&all, once), 1, "{once}:\n{all}");
    }
    assert!(all.contains("in all: 1 of 2 passed, 1 failed"), "{all}");
}

#[test]
fn resizes_leave_no_debris_and_swallow_no_line() {
    needs_terminal!();
    let stage = Stage::new();
    let name = |n: usize| format!("service-with-a-rather-long-name-{n:02}");
    let services: String = (0..40)
        .map(|n| format!("  {}: {{ image: localhost/x:1, resources: {{ memory: 64Mi, cpu: 100m }} }}\n", name(n)))
        .collect();
    (0..39).for_each(|n| stage.hold(&format!("start {}", name(n))));
    let terminal = stage.runs(&format!("services:\n{services}"), 120, 40);
    // One service is ready; the others start. Nothing is shown twice, and what does not fit is counted.
    let is_clean = |view: &str, more: &str| {
        count(view, " of 40 services ready") == 1
            && count(view, more) == 1
            && count(view, "more") == 1
            && (0..40).all(|n| count(view, &format!("{}  ", name(n))) <= 1)
    };
    for (width, height, more) in [
        (120, 40, "… and 19 starting more"),
        (80, 24, "… and 27 starting more"),
        (60, 12, "… and 33 starting more"),
        (120, 40, "… and 19 starting more"),
    ] {
        terminal.resize(width, height);
        terminal.until_screen(more, |screen| is_clean(screen, more));
        let history = terminal.until_history(more, |history| is_clean(history, more));
        assert_eq!(count(&history, "✓ ready     service-with-a-rather-long-name-39"), 1, "{history}");
    }
    stage.cue(&format!("start {}", name(7)), "");
    terminal.until("✓ ready     service-with-a-rather-long-name-07");
    let history = terminal.history();
    for line in ["  engine ", "  claim ", "name-39 after", "name-07 after"] {
        assert_eq!(count(&history, line), 1, "{line}:\n{history}");
    }
}

#[test]
fn a_signal_is_answered_at_the_end_of_the_tree_at_once() {
    needs_terminal!();
    let stage = Stage::new();
    stage.hold("start db");
    stage.hold("remove");
    let terminal = stage.runs(SERVICES, 80, 24);
    terminal.until("waits for db");
    terminal.press("C-c");
    let answer = "stopping: removing shop-pr-7; press Ctrl-C again to leave it behind";
    let screen = terminal.until_screen(answer, |s| s.contains(answer) && s.contains("removing shop-pr-7  "));
    assert!(!screen.contains("starting") && !screen.contains("waits for"), "{screen}");
    assert_eq!(screen.trim_end().lines().last().unwrap().trim_end(), answer);
    stage.cue("remove", "");
    terminal.until("exit code 130");
    let all = terminal.history();
    assert_eq!((count(&all, "ABORTED"), count(&all, "stopped by a signal")), (1, 1), "{all}");
    assert!(!all.contains("limit(s)") && !all.contains("It does not run anything"), "{all}");
}

#[test]
fn a_second_signal_leaves_the_environment_behind_and_says_so() {
    needs_terminal!();
    let stage = Stage::new();
    stage.hold("start db");
    stage.hold("remove");
    let terminal = stage.runs(SERVICES, 80, 24);
    terminal.until("waits for db");
    terminal.press("C-c");
    terminal.until("removing shop-pr-7  ");
    terminal.press("C-c");
    let screen = terminal.until("exit code 130");
    assert!(screen.contains("left shop-pr-7 behind; remove it with: dayfly down shop-pr-7"), "{screen}");
    assert!(!screen.contains("removing shop-pr-7  "), "{screen}");
}

#[test]
fn the_variables_of_the_terminal_are_respected() {
    needs_terminal!();
    let run = |variables: &[(&str, &str)]| {
        let stage = Stage::new();
        stage.log("tests", "test_one PASSED\n");
        let terminal = stage.runs_with(&format!("{SERVICES}{SUITES}"), 80, 24, variables);
        terminal.until("exit code 0");
        (terminal.styled(), terminal.history())
    };
    let (styled, _) = run(&[]);
    assert!(styled.contains("\u{1b}[32m✓"), "{styled}");
    let (styled, _) = run(&[("NO_COLOR", "1")]);
    assert!(styled.contains("✓ pass") && !styled.contains('\u{1b}'), "{styled}");
    let (styled, plain) = run(&[("TERM", "dumb")]);
    assert!(plain.contains("s] pass      smoke A1 nothing happens") && !styled.contains('\u{1b}'), "{plain}");
    let (_, plain) = run(&[("LC_ALL", "C")]);
    assert!(plain.contains("+ pass") && plain.is_ascii(), "{plain}");
}

/// A user whose suite `tests` fails.
fn failing() -> (Stage, String) {
    let stage = Stage::new();
    stage.log("tests", "the last line\n");
    stage.cue("suite tests", "1");
    let file = stage.user.describes("shop", &format!("{SERVICES}{SUITES}"));
    (stage, file)
}

#[test]
fn the_report_repeats_a_failure_only_for_a_reader_who_has_not_seen_it() {
    let (mut stage, file) = failing();
    // Two pipes may have two readers.
    let apart = stage.user.runs(&file, "7", &[]).code(5);
    assert!(apart.out.contains("the last line") && !apart.out.contains("see above"), "{}", apart.out);
    stage.user.variables.push(("CI".into(), "true".into()));
    let together = stage.user.runs(&file, "7", &[]).code(5);
    assert!(together.out.contains("Failed (see above)") && !together.out.contains("the last line"), "{}", together.out);
    assert!(together.err.contains("got       the suite exited with code 1\n"), "{}", together.err);
    let path = stage.user.folder.path().join("report.txt");
    let mut run = stage.user.run_command(&file, "7", &[]);
    let ended = run.stdout(fs::File::create(&path).unwrap()).stderr(std::process::Stdio::piped()).output().unwrap();
    assert_eq!(ended.status.code(), Some(5));
    let report = fs::read_to_string(&path).unwrap();
    assert!(report.contains("the last line") && !report.contains("see above"), "{report}");
}

#[test]
fn json_lines_say_when_cases_and_steps_start_and_end_with_the_outcome() {
    let (stage, file) = failing();
    let told = stage.user.runs(&file, "7", &["--output", "json"]).code(5).out;
    let lines: Vec<serde_json::Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let at =
        |event: &str| lines.iter().position(|l| l["event"] == event).unwrap_or_else(|| panic!("no {event}: {told}"));
    let (case, step, done) = (at("case-started"), at("step-started"), at("case-done"));
    assert!(case < step && step < done, "{told}");
    assert_eq!((&lines[case]["id"], &lines[case]["attempt"]), (&"A1".into(), &1.into()));
    assert_eq!((&lines[step]["case"], &lines[step]["suite"]), (&"A1".into(), &"smoke".into()));
    let last = lines.last().unwrap();
    assert_eq!((&last["event"], &last["outcome"], &last["exitCode"]), (&"ended".into(), &"FAILED".into(), &5.into()));
}
