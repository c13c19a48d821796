//! The command line itself: every `--help`, usage errors, completions, manual pages.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use assert_cmd::Command;
use clap::CommandFactory;
use dayfly::cli::Cli;
use predicates::prelude::PredicateBooleanExt;

fn dayfly(arguments: &[&str]) -> assert_cmd::assert::Assert {
    Command::cargo_bin("dayfly").unwrap().args(arguments).assert()
}

/// `--help` of the command and of everything below it, in one text.
fn helps(command: &mut clap::Command, path: &str, into: &mut String) {
    let name = format!("{path} {}", command.get_name()).trim().to_owned();
    into.push_str(&format!("======== {name}\n{}\n", command.clone().term_width(100).render_long_help()));
    for below in command.get_subcommands_mut().filter(|c| c.get_name() != "help" && !c.is_hide_set()) {
        helps(below, &name, into);
    }
}

#[test]
fn every_help_is_as_it_was() {
    let mut command = Cli::command();
    command.build();
    let mut text = String::new();
    helps(&mut command, "", &mut text);
    insta::assert_snapshot!(text);
}

#[test]
fn no_verb_is_a_usage_error() {
    dayfly(&[]).code(2);
    dayfly(&["frobnicate"]).code(2).stderr(predicates::str::contains("unrecognized subcommand"));
}

#[test]
fn a_run_outside_of_a_pipeline_must_be_told_pull_request_and_commit() {
    let run = ["run", "environments/hello", "--key", "nope", "--evidence", "nope"];
    dayfly(&run).code(2).stderr(predicates::str::contains("--pr NUMBER"));
    dayfly(&[&run[..], &["--pr", "1"]].concat()).code(2).stderr(predicates::str::contains("--commit SHA"));
}

#[test]
fn a_missing_key_is_told_before_anything_is_made() {
    dayfly(&[
        "run",
        "environments/hello",
        "--pr",
        "1",
        "--commit",
        "a",
        "--key",
        "no-such-key.pem",
        "--evidence",
        "nope",
    ])
    .code(2)
    .stderr(predicates::str::contains("no-such-key.pem").and(predicates::str::contains("dayfly key generate")));
}

#[test]
fn completions_and_manual_pages_know_every_verb() {
    for shell in ["bash", "zsh", "fish"] {
        dayfly(&["completions", shell]).code(0).stdout(predicates::str::contains("forward"));
    }
    let folder = tempfile::tempdir().unwrap();
    dayfly(&["man", folder.path().to_str().unwrap()]).code(0);
    for page in ["dayfly.1", "dayfly-run.1", "dayfly-key-generate.1"] {
        assert!(folder.path().join(page).exists(), "{page}");
    }
}
