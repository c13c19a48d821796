//! Text of the change under test never controls a terminal or a CI system, whichever command prints it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::Path;
use std::process::Command;

use dayfly::evidence::{KeyKind, SigningKey, bundle, dsse};
use dayfly::report::json;
use dayfly::spec::{self, Overrides};
use proptest::prelude::*;

mod report_samples;

/// Output that an attacker would write.
const ATTACKS: [&str; 8] = [
    "::set-output name=gate::PASSED",
    "::stop-commands::x",
    "##[error]x ##vso[task.complete result=Succeeded;]",
    "\u{1b}[2K\u{1b}[1AVERIFIED  outcome PASSED\u{1b}[8m",
    "x\r::error::y",
    "\u{9b}2J\u{202e}desrever\u{2066}",
    "\u{1b}]0;title\u{7} \u{1b}]8;;http://evil.test\u{1b}\\link",
    "a\n::add-mask::b\n\u{feff}::warning::c",
];

/// Runs the binary and checks all that it prints.
fn inert(arguments: &[&str], folder: &Path) -> String {
    let done = Command::new(env!("CARGO_BIN_EXE_dayfly"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("GITHUB_ACTIONS")
        .env_remove("GITLAB_CI")
        .output()
        .unwrap();
    let text = [done.stdout, done.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    for text in &text {
        is_inert(text).unwrap_or_else(|why| panic!("{arguments:?}: {why}\n{text:?}"));
    }
    text.concat()
}

fn is_inert(text: &str) -> Result<(), String> {
    let active = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if let Some(c) = text.chars().find(|c| active(*c)) {
        return Err(format!("the control character {c:?}"));
    }
    if let Some(line) = text.lines().find(|l| l.trim_start().starts_with("::")) {
        return Err(format!("the command {line:?}"));
    }
    let bracket = |part: &str| part.trim_start_matches(|c: char| c.is_ascii_alphanumeric()).starts_with('[');
    match text.split("##").skip(1).find(|part| bracket(part)) {
        Some(part) => Err(format!("the command ##{part:.20}")),
        None => Ok(()),
    }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// A description that is valid apart from its foreign text, and one that is wrong in every place.
fn descriptions(text: &str, folder: &Path) {
    let header = "apiVersion: dayfly.dev/v1alpha1\nkind: Environment\n";
    let text = quoted(text);
    fs::write(
        folder.join("valid.yaml"),
        format!("{header}name: shop\nservices:\n  api:\n    image: registry.example/api:1\n    env: {{ A: {text} }}\n    command: [{text}]\n    files: {{ /etc/dayfly/a: {{ text: {text} }} }}\n"),
    )
    .unwrap();
    fs::write(
        folder.join("wrong.yaml"),
        format!("{header}name: {text}\n{text}: 1\nservices:\n  {text}: {{ image: {text}, needs: [{text}], {text}: {text} }}\nsuites:\n  s: {{ kind: {text}, cases: [{{ name: {text}, steps: [{{ {text}: {text} }}] }}] }}\n"),
    )
    .unwrap();
}

fn attack(text: &str) {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    descriptions(text, folder);
    for file in ["valid.yaml", "wrong.yaml"] {
        for arguments in [&["validate"][..], &["plan"], &["plan", "--graph", "dot"], &["render", "--pr", "1"]] {
            inert(&[arguments, &[file]].concat(), folder);
            inert(&[arguments, &[file, "--output", "json"]].concat(), folder);
        }
    }
    // Colours are dayfly's own only.
    let wrong = spec::load(&folder.join("wrong.yaml"), &Overrides::default()).unwrap_err().render(true);
    assert!(!wrong.contains("\u{1b}[8m") && !wrong.contains("\u{1b}[2K"), "{wrong:?}");

    let key = SigningKey::from_seed(KeyKind::P256, &[1; 32]).unwrap();
    fs::write(folder.join("key.pub"), key.verifying_key().to_pem().unwrap()).unwrap();
    let bundled = bundle::wrap(dsse::sign(b"{}", &key), text.to_owned());
    fs::write(folder.join("run.sigstore.json"), serde_json::to_vec(&bundled).unwrap()).unwrap();
    for more in [&[][..], &["--output", "json"]] {
        let said = inert(&[&["verify", "run.sigstore.json", "--key", "key.pub"], more].concat(), folder);
        assert!(said.contains("names the key"), "{said}");
    }
    if !text.contains('\0') {
        inert(&["verify", text, "--key", "key.pub"], folder);
        inert(&["validate", text], folder);
        inert(&["down", text, "--nonsense"], folder);
    }
}

#[test]
fn foreign_text_controls_neither_terminals_nor_ci_systems() {
    for text in ATTACKS {
        attack(text);
    }
}

#[test]
fn reports_of_hostile_runs_are_inert_in_every_format() {
    let temporary = tempfile::tempdir().unwrap();
    let mut facts = report_samples::hostile();
    for (i, suite) in facts.suites.iter_mut().enumerate() {
        suite.reason = Some(ATTACKS[i % ATTACKS.len()].into());
        for (case, attack) in suite.cases.iter_mut().zip(ATTACKS.iter().cycle()) {
            (case.id, case.name) = (format!("{attack}{}", case.id), (*attack).to_owned());
            for failure in &mut case.failures {
                (failure.got, failure.expected) = (format!("x\n{attack}"), ATTACKS.join("\n"));
            }
        }
    }
    fs::write(temporary.path().join("report.json"), json::write(&facts).unwrap()).unwrap();
    for format in ["text", "json", "junit", "markdown", "html"] {
        inert(&["report", "report.json", "--format", format], temporary.path());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]
    #[test]
    fn no_foreign_text_controls_a_terminal(text in "(\\PC|[\\u{0}-\\u{1f}\\u{7f}-\\u{9f}\\u{200e}\\u{202a}-\\u{202e}:#\\[;m\\n]){1,40}") {
        attack(&text);
    }
}
