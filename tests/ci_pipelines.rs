//! The pipelines under `examples/ci` are YAML, have what they promise, and call dayfly with a command line that can be
//! taken apart; `command_lines` gives those lines to the test that tries them on the real parser.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;

use serde_json::Value;

const PIPELINES: [&str; 2] = ["examples/ci/github.yaml", "examples/ci/gitlab.yaml"];

fn parsed(path: &str) -> Value {
    let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    serde_yaml::from_str(&fs::read_to_string(&path).unwrap()).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.extend(text.lines().map(|l| l.trim().to_owned())),
        Value::Array(items) => items.iter().for_each(|v| texts(v, found)),
        Value::Object(fields) => fields.values().for_each(|v| texts(v, found)),
        _ => {}
    }
}

/// Every `dayfly …` of a pipeline as arguments, variables filled in with values of their kind.
fn command_lines(pipeline: &Value) -> Vec<Vec<String>> {
    let mut lines = Vec::new();
    texts(pipeline, &mut lines);
    let lines = lines.iter().filter(|l| l.starts_with("dayfly "));
    lines.map(|l| arguments(l)).collect()
}

fn arguments(line: &str) -> Vec<String> {
    let expression = regex::Regex::new(r"\$\{\{[^}]*\}\}").unwrap();
    let line = expression
        .replace_all(line, "42")
        .replace("$CI_MERGE_REQUEST_IID", "42")
        .replace("$HEAD_SHA", &"a1".repeat(20));
    let variable = regex::Regex::new(r"\$\w+").unwrap();
    let line = variable.replace_all(&line, "some/path").replace('"', "");
    assert!(!line.contains(['\'', '\\', '|', '>', '&', ';', '$', '`']), "no shell beyond variables: {line}");
    line.split_whitespace().map(str::to_owned).collect()
}

fn value_of<'a>(line: &'a [String], flag: &str) -> Option<&'a str> {
    line.iter().position(|a| a == flag).and_then(|at| line.get(at + 1)).map(String::as_str)
}

#[test]
fn each_pipeline_runs_reports_and_verifies() {
    for path in PIPELINES {
        let lines = command_lines(&parsed(path));
        let verb = |verb: &str| lines.iter().filter(|l| l[1] == verb).cloned().collect::<Vec<_>>();
        let run = &verb("run")[0];
        assert_eq!(value_of(run, "--pr"), Some("42"), "{path}");
        assert_eq!(value_of(run, "--commit").map(str::len), Some(40), "{path}");
        assert_eq!((value_of(run, "--evidence"), value_of(run, "--keep")), (Some("evidence"), Some("never")), "{path}");
        assert!(value_of(run, "--key").is_some(), "{path}");
        let formats: Vec<_> =
            verb("report").iter().filter_map(|l| value_of(l, "--format").map(str::to_owned)).collect();
        assert!(formats.contains(&"html".to_owned()) && formats.contains(&"junit".to_owned()), "{path}: {formats:?}");
        assert_eq!(verb("verify")[0][2], "evidence", "{path}");
    }
}

#[test]
fn reports_are_kept_also_when_the_run_fails() {
    let github = parsed(PIPELINES[0]);
    let steps = github["jobs"]["environment"]["steps"].as_array().unwrap();
    let run = steps.iter().position(|s| s["run"].as_str().is_some_and(|r| r.contains("dayfly run"))).unwrap();
    for step in &steps[run + 1..] {
        assert_eq!(step["if"], "always()", "{}", step["name"]);
    }
    assert!(steps.last().unwrap()["with"]["path"].as_str().unwrap().contains("evidence/"));
    let gitlab = parsed(PIPELINES[1]);
    assert_eq!(gitlab["dayfly"]["artifacts"]["when"], "always");
    assert_eq!(gitlab["dayfly"]["artifacts"]["reports"]["junit"], "dayfly-junit.xml");
    assert!(gitlab["dayfly"]["after_script"].as_array().unwrap().len() >= 3);
}

#[test]
fn no_pipeline_writes_a_secret_into_a_command() {
    for path in PIPELINES {
        let mut lines = Vec::new();
        texts(&parsed(path), &mut lines);
        let leaks: Vec<_> =
            lines.iter().filter(|l| l.contains("secrets.") && l.split_whitespace().count() > 3).collect();
        assert!(leaks.is_empty(), "{path}: {leaks:?}");
    }
}
