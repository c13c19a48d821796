//! The command line itself: every `--help`, usage errors, completions, manual pages.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod report_samples;

use std::fs::{self, File};
use std::process::{self, Output, Stdio};

use assert_cmd::Command;
use dayfly::cli::Cli;
use dayfly::report::json;
use predicates::prelude::PredicateBooleanExt;

fn dayfly(arguments: &[&str]) -> assert_cmd::assert::Assert {
    Command::cargo_bin("dayfly").unwrap().args(arguments).assert()
}

/// Help of a command and of every visible subcommand, by name.
fn helps(command: &mut clap::Command, path: &str, into: &mut Vec<(String, String)>) {
    let name = format!("{path} {}", command.get_name()).trim().to_owned();
    into.push((name.clone(), command.clone().term_width(100).render_long_help().to_string()));
    for below in command.get_subcommands_mut().filter(|c| c.get_name() != "help" && !c.is_hide_set()) {
        helps(below, &name, into);
    }
}

#[test]
fn every_help_text_matches_its_snapshot() {
    let mut command = Cli::explained();
    let mut all = vec![];
    helps(&mut command, "", &mut all);
    insta::assert_snapshot!("help__dayfly", all[0].1);
    for (name, help) in &all[1..] {
        // Own options first, and the global ones in a line of their own.
        assert!(!help.contains("--registry-mirror <"), "{name}: {help}");
        assert!(help.trim_end().ends_with("`dayfly --help` explains them"), "{name}: {help}");
        assert!(help.contains("Examples:\n") && help.contains("Exit codes: "), "{name}: {help}");
        insta::assert_snapshot!(format!("help__{}", name.replace(' ', "_")), help.trim_end());
    }
}

/// Examples are commands that parse; those in pipes and of other programs are left out.
#[test]
fn every_example_is_a_command_that_dayfly_accepts() {
    let mut command = Cli::explained();
    let mut all = vec![];
    helps(&mut command, "", &mut all);
    let mut tried = 0;
    for (name, help) in &all {
        let (_, examples) = help.split_once("Examples:\n").expect(name);
        let whole = examples.replace(" \\\n    ", " ");
        for line in whole.lines().take_while(|line| line.starts_with("  dayfly ")) {
            let line = line.trim().replace('"', "");
            let line =
                line.split("  ").next().unwrap().split(['|', '>', '&']).next().unwrap().replace("$SHA", "abcdef0");
            if line.ends_with(" --help") {
                continue;
            }
            let words: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
            let words = if line.contains("look at the queue") { &words[..5] } else { &words[..] };
            if let Err(e) = Cli::explained().try_get_matches_from(words) {
                panic!("{name}: {line}: {e}");
            }
            tried += 1;
        }
    }
    assert!(tried > 40, "{tried}");
}

#[test]
fn a_missing_or_unknown_subcommand_is_a_usage_error() {
    dayfly(&[]).code(2);
    dayfly(&["frobnicate"]).code(2).stderr(predicates::str::contains("unrecognized subcommand"));
}

#[test]
fn refuses_a_commit_that_is_none() {
    for commit in ["abc", "HEAD", "4d1f0c2g", &"a".repeat(65)] {
        dayfly(&["run", "environments/hello", "--key", "nope", "--pr", "1", "--commit", commit])
            .code(2)
            .stderr(predicates::str::contains("expected 7 to 64 hexadecimal digits"));
    }
}

#[test]
fn reports_a_missing_key_before_creating_anything() {
    dayfly(&[
        "run",
        "environments/hello",
        "--pr",
        "1",
        "--commit",
        "abcdef0",
        "--key",
        "no-such-key.pem",
        "--evidence",
        "nope",
    ])
    .code(2)
    .stderr(predicates::str::contains("no-such-key.pem").and(predicates::str::contains("dayfly key generate")));
}

#[test]
fn completions_and_manual_pages_cover_every_subcommand() {
    for shell in ["bash", "zsh", "fish"] {
        dayfly(&["completions", shell]).code(0).stdout(predicates::str::contains("forward"));
    }
    let folder = tempfile::tempdir().unwrap();
    dayfly(&["man", folder.path().to_str().unwrap()]).code(0);
    for page in ["dayfly.1", "dayfly-run.1", "dayfly-key-generate.1"] {
        let text = fs::read_to_string(folder.path().join(page)).unwrap();
        assert!(text.contains("Examples:") && text.contains("Exit codes:"), "{page}: {text}");
    }
}

/// Runs a command with the given standard output and standard error.
fn with_streams(arguments: &[&str], out: impl Into<Stdio>, err: impl Into<Stdio>) -> Output {
    let command = &mut process::Command::new(env!("CARGO_BIN_EXE_dayfly"));
    command.args(arguments).stdout(out).stderr(err).output().unwrap()
}

/// The write end of a pipe without a reader.
fn unread() -> std::io::PipeWriter {
    std::io::pipe().unwrap().1
}

#[test]
fn a_closed_output_stream_changes_neither_exit_code_nor_the_other_stream() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (report, key) = (path("report.json"), path("key.pem"));
    fs::write(&report, json::write(&report_samples::passed()).unwrap()).unwrap();
    dayfly(&["key", "generate", &key]).code(0);
    let public = format!("{key}.pub");
    let hello = "environments/hello";
    for (code, arguments) in [
        (0, vec!["--help"]),
        (0, vec!["schema"]),
        (0, vec!["completions", "bash"]),
        (0, vec!["validate", hello]),
        (2, vec!["validate", "no-such-file", "--output", "json"]),
        (0, vec!["plan", hello]),
        (0, vec!["render", hello, "--pr", "1"]),
        (0, vec!["install", "--dry-run"]),
        (0, vec!["report", &report]),
        (0, vec!["report", &report, "--format", "html"]),
        (0, vec!["key", "show", &key]),
        (10, vec!["verify", &report, "--key", &public, "--output", "json"]),
        (10, vec!["verify", &report, "--key", &public]),
        (2, vec!["validate", "no-such-file"]),
        (2, vec!["plan", hello, "--set", "no-such-value=1"]),
        (2, vec!["down", hello]),
        (2, vec!["frobnicate"]),
    ] {
        let read = with_streams(&arguments, Stdio::piped(), Stdio::piped());
        assert_eq!(read.status.code(), Some(code), "{arguments:?}: {read:?}");
        let said = |done: &Output| String::from_utf8_lossy(&done.stderr).into_owned();
        let data_unread = with_streams(&arguments, unread(), Stdio::piped());
        assert_eq!((data_unread.status.code(), said(&data_unread)), (Some(code), said(&read)), "{arguments:?}");
        // The data differs: secrets and run ids are generated anew.
        let words_unread = with_streams(&arguments, Stdio::piped(), unread());
        let gave = |done: &Output| !done.stdout.is_empty();
        assert_eq!((words_unread.status.code(), gave(&words_unread)), (Some(code), gave(&read)), "{arguments:?}");
    }
}

#[test]
fn fails_when_standard_output_cannot_be_written() {
    let full = || File::options().write(true).open("/dev/full").unwrap();
    for (code, arguments) in [
        (1, vec!["schema"]),
        (1, vec!["completions", "bash"]),
        (1, vec!["plan", "environments/hello"]),
        (2, vec!["validate", "no-such-file", "--output", "json"]),
    ] {
        let done = with_streams(&arguments, full(), Stdio::piped());
        assert_eq!(done.status.code(), Some(code), "{done:?}");
        assert!(String::from_utf8_lossy(&done.stderr).contains("failed to write to standard output"), "{done:?}");
    }
}

/// The author of a pull request decides where links in the checkout lead.
#[test]
fn refuses_a_description_that_is_a_link_or_lies_behind_one() {
    let (outside, checkout) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for name in ["credentials", "environment.yaml"] {
        fs::write(outside.path().join(name), "[default]\naws_secret_access_key: hunter2\n").unwrap();
    }
    let at = |name: &str| checkout.path().join(name);
    fs::create_dir(at("link")).unwrap();
    std::os::unix::fs::symlink(outside.path().join("credentials"), at("link/environment.yaml")).unwrap();
    std::os::unix::fs::symlink(outside.path(), at("folder")).unwrap();
    for (path, why) in [
        ("link", "it is a symbolic link"),
        ("link/environment.yaml", "it is a symbolic link"),
        ("folder", "a link leads out of the current folder"),
        ("./folder/credentials", "a link leads out of the current folder"),
    ] {
        for verb in ["validate", "plan"] {
            let done = Command::cargo_bin("dayfly").unwrap().args([verb, path]).current_dir(&checkout).assert().code(2);
            let said = String::from_utf8_lossy(&done.get_output().stderr).into_owned();
            assert!(said.contains(why) && !said.contains("hunter2"), "{verb} {path}: {said}");
        }
    }
}
