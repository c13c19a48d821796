//! The pipelines under `examples/ci` are valid YAML, contain the required steps, and use valid command lines.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Parser;
use dayfly::cli::Cli;
use serde_json::Value;

const GITHUB: [&str; 2] = ["examples/ci/github.yaml", "examples/ci/github-submit.yaml"];
const GITLAB: [&str; 2] = ["examples/ci/gitlab.yaml", "examples/ci/gitlab-submit.yaml"];
/// Pipelines that submit the run to a cluster's controller.
const SUBMITTING: [&str; 2] = [GITHUB[1], GITLAB[1]];

fn all() -> impl Iterator<Item = &'static str> {
    GITHUB.into_iter().chain(GITLAB)
}

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

/// The arguments of every `dayfly …` line of a pipeline, with sample values for variables.
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
    let line = line.replace("$BASE_SHA", &"b2".repeat(20));
    let variable = regex::Regex::new(r"\$\w+").unwrap();
    let line = variable.replace_all(&line, "some/path").replace('"', "");
    assert!(!line.contains(['\'', '\\', '|', '>', '&', ';', '$', '`']), "no shell beyond variables: {line}");
    line.split_whitespace().map(str::to_owned).collect()
}

fn value_of<'a>(line: &'a [String], flag: &str) -> Option<&'a str> {
    line.iter().position(|a| a == flag).and_then(|at| line.get(at + 1)).map(String::as_str)
}

#[test]
fn covers_every_example_pipeline() {
    let folder = fs::read_dir(format!("{}/examples/ci", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let mut there: Vec<_> =
        folder.map(|f| format!("examples/ci/{}", f.unwrap().file_name().into_string().unwrap())).collect();
    there.sort();
    let mut known: Vec<_> = all().collect();
    known.sort();
    assert_eq!(there, known);
}

#[test]
fn every_command_line_is_valid() {
    for path in all() {
        for line in command_lines(&parsed(path)) {
            Cli::try_parse_from(&line).unwrap_or_else(|e| panic!("{path}: {line:?}: {e}"));
        }
    }
}

#[test]
fn each_pipeline_runs_reports_and_verifies() {
    for path in all() {
        let lines = command_lines(&parsed(path));
        let verb = |verb: &str| lines.iter().filter(|l| l[1] == verb).cloned().collect::<Vec<_>>();
        let submits = SUBMITTING.contains(&path);
        let is_signed = |line: &&Vec<String>| !line.contains(&"--unsigned".to_owned());
        let runs = verb(if submits { "submit" } else { "run" });
        let run = runs.iter().find(is_signed).unwrap();
        assert_eq!(run.contains(&"--wait".to_owned()), submits, "{path}");
        assert_eq!(value_of(run, "--key").is_some(), !submits, "{path}");
        assert_eq!(value_of(run, "--pr"), Some("42"), "{path}");
        assert_eq!(value_of(run, "--commit").map(str::len), Some(40), "{path}");
        assert_eq!((value_of(run, "--evidence"), value_of(run, "--keep")), (Some("evidence"), Some("never")), "{path}");
        let formats: Vec<_> =
            verb("report").iter().filter_map(|l| value_of(l, "--format").map(str::to_owned)).collect();
        assert!(formats.contains(&"html".to_owned()) && formats.contains(&"junit".to_owned()), "{path}: {formats:?}");
        let verify = &verb("verify")[0];
        assert_eq!(verify[2], "evidence", "{path}");
        assert_eq!(value_of(verify, "--commit"), value_of(run, "--commit"), "{path}");
        // The change must choose neither the suites nor the key.
        assert_eq!(value_of(run, "--suites-from"), value_of(verify, "--base-commit"), "{path}");
        assert!(value_of(run, "--suites-from").is_some(), "{path}");
        for flag in ["--require-passed", "--require-base-suites"] {
            assert!(verify.contains(&flag.to_owned()), "{path}: {flag}");
        }
        assert!(value_of(verify, "--public-key").is_some_and(|k| k.starts_with("some/path")), "{path}: {verify:?}");
    }
}

#[test]
fn changes_of_forks_run_without_a_key_and_are_not_verified() {
    for path in [GITHUB[0], GITLAB[0]] {
        let lines = command_lines(&parsed(path));
        let runs: Vec<_> = lines.iter().filter(|l| l[1] == "run").collect();
        let is_unsigned = |line: &&Vec<String>| line.contains(&"--unsigned".to_owned());
        let unsigned = runs.iter().find(|l| is_unsigned(l)).unwrap().as_slice();
        let signed = runs.iter().find(|l| !is_unsigned(l)).unwrap().as_slice();
        let key = signed.iter().position(|a| a == "--key").unwrap();
        let replaced: Vec<_> = [&signed[..key], &["--unsigned".to_owned()], &signed[key + 2..]].concat();
        assert_eq!(unsigned, replaced, "{path}: apart from the key, both are the same");
    }
    let steps = parsed(GITHUB[0])["jobs"]["environment"]["steps"].clone();
    let condition = |part: &str| {
        let step = steps.as_array().unwrap().iter().find(|s| s["run"].as_str().is_some_and(|r| r.contains(part)));
        step.unwrap()["if"].as_str().unwrap().to_owned()
    };
    assert_eq!(condition("--unsigned").replace("!=", "=="), condition("--key \"$RUNNER_TEMP/dayfly-key.pem\""));
    assert_eq!(condition("dayfly verify"), format!("always() && {}", condition("dayfly-key.pem\" --evidence")));
}

#[test]
fn submitting_pipelines_have_no_signing_key() {
    for path in SUBMITTING {
        let mut lines = Vec::new();
        texts(&parsed(path), &mut lines);
        let keys: Vec<_> = lines.iter().filter(|l| l.contains("SIGNING_KEY") || l.contains("key.pem")).collect();
        assert!(keys.is_empty(), "{path}: {keys:?}");
    }
}

#[test]
fn uploads_reports_of_failed_runs() {
    for path in GITHUB {
        let github = parsed(path);
        let steps = github["jobs"]["environment"]["steps"].as_array().unwrap();
        let run = steps.iter().position(|s| s["name"] == "Run").unwrap();
        for step in steps[run + 1..].iter().filter(|s| !s["run"].as_str().unwrap_or_default().contains("--unsigned")) {
            let condition = step["if"].as_str().unwrap_or_default();
            assert!(condition == "always()" || condition.starts_with("always() && "), "{path}: {}", step["name"]);
        }
        assert!(steps.last().unwrap()["with"]["path"].as_str().unwrap().contains("evidence/"), "{path}");
    }
    for path in GITLAB {
        let gitlab = parsed(path);
        assert_eq!(gitlab["dayfly"]["artifacts"]["when"], "always", "{path}");
        assert_eq!(gitlab["dayfly"]["artifacts"]["reports"]["junit"], "dayfly-junit.xml", "{path}");
        let after: Vec<_> = command_lines(&gitlab["dayfly"]["after_script"]).iter().map(|l| l[1].clone()).collect();
        assert_eq!(after.iter().filter(|v| *v == "report").count(), 2, "{path}: {after:?}");
    }
}

#[test]
fn no_command_contains_a_secret() {
    for path in all() {
        let mut lines = Vec::new();
        texts(&parsed(path), &mut lines);
        let leaks: Vec<_> =
            lines.iter().filter(|l| l.contains("secrets.") && l.split_whitespace().count() > 3).collect();
        assert!(leaks.is_empty(), "{path}: {leaks:?}");
    }
}

/// The job that compares dependencies.
fn comparing(path: &str) -> Value {
    let pipeline = parsed(path);
    if GITHUB.contains(&path) { pipeline["jobs"]["dependencies"].clone() } else { pipeline["dependencies"].clone() }
}

#[test]
fn each_pipeline_compares_dependencies_with_the_base_and_runs_nothing_of_the_change() {
    for path in all() {
        let job = comparing(path);
        let lines = command_lines(&job);
        let [diff] = lines.as_slice() else { panic!("{path}: {lines:?}") };
        assert_eq!(diff[..3], ["dayfly", "deps", "diff"], "{path}");
        assert_eq!((&diff[3], &diff[4]), (&"b2".repeat(20), &"a1".repeat(20)), "{path}: base and head");
        assert!(value_of(diff, "--markdown").is_some(), "{path}");
        let mut texts_of_job = vec![];
        texts(&job, &mut texts_of_job);
        let is_foreign = |line: &&String| {
            let runs = ["compose", "make", "npm ", "pip ", "cargo", "./"].iter().any(|word| line.contains(word));
            runs || line.contains("secrets.") || line.contains("KEY_TEXT") || line.contains("SIGNING")
        };
        assert_eq!(texts_of_job.iter().find(is_foreign), None, "{path}");
        // The whole history, and what the runner has rather than the checkout.
        let (depth, variables) = match GITHUB.contains(&path) {
            true => (job["steps"][0]["with"]["fetch-depth"].clone(), &job["env"]),
            false => (job["variables"]["GIT_DEPTH"].clone(), &job["variables"]),
        };
        assert_eq!(depth, 0, "{path}");
        for name in ["DAYFLY_ADVISORIES", "DAYFLY_ADVISORIES_KEY"] {
            assert!(variables[name].as_str().is_some_and(|file| file.starts_with('/')), "{path}: {name}");
        }
    }
}

/// A repository with a protected branch, whose policy refuses mixed changes, and a clone of it in which a pipeline runs.
struct Forge {
    folder: tempfile::TempDir,
}

impl Forge {
    fn new() -> Self {
        let forge = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(forge.at("work")).unwrap();
        forge.git(&["init", "-q", "-b", "main", "--bare", "../origin"]);
        forge.git(&["init", "-q", "-b", "main"]);
        forge.git(&["remote", "add", "origin", "../origin"]);
        forge.writes("requirements.txt", "demo==1.0\n");
        let policy = "apiVersion: dayfly.dev/v1alpha1\nkind: Policy\ndefault: { dependencies: { mixed: fail } }\n";
        forge.writes("policy.yaml", policy);
        forge.commits();
        forge.git(&["push", "-q", "origin", "main"]);
        forge
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn writes(&self, name: &str, text: &str) {
        fs::write(self.at("work").join(name), text).unwrap();
    }

    fn git(&self, arguments: &[&str]) -> String {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=t", "-c", "user.email=t@t.test", "-c", "commit.gpgsign=false"]).args(arguments);
        let done = git.current_dir(self.at("work")).output().unwrap();
        assert!(done.status.success(), "{arguments:?}: {done:?}");
        String::from_utf8(done.stdout).unwrap().trim().to_owned()
    }

    fn commits(&self) -> String {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", "x"]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Runs the script of a pipeline's job as its forge does: exit code and Markdown.
    fn runs(&self, path: &str, policy: bool) -> (Option<i32>, String) {
        let job = comparing(path);
        let is_github = GITHUB.contains(&path);
        let scripts: Vec<String> = match is_github {
            true => {
                let steps = job["steps"].as_array().unwrap().iter();
                let names = ["Compare dependencies", "Show what the change does"];
                steps
                    .filter(|s| names.iter().any(|n| s["name"] == *n))
                    .map(|s| s["run"].as_str().unwrap().into())
                    .collect()
            }
            false => {
                let lines: Vec<&str> = job["script"].as_array().unwrap().iter().map(|l| l.as_str().unwrap()).collect();
                vec![lines.join("\n")]
            }
        };
        assert_eq!(scripts.len(), if is_github { 2 } else { 1 }, "{path}");
        let binary = Path::new(env!("CARGO_BIN_EXE_dayfly")).parent().unwrap().display().to_string();
        let (head, base) = (self.git(&["rev-parse", "HEAD"]), self.git(&["rev-parse", "origin/main"]));
        fs::write(self.at("summary"), "").unwrap();
        let mut first = None;
        for script in scripts {
            let mut bash = Command::new("bash");
            bash.args(["-e", "-o", "pipefail", "-c", &script]).current_dir(self.at("work"));
            bash.env("PATH", format!("{binary}:{}", std::env::var("PATH").unwrap())).env("HOME", self.folder.path());
            bash.env("HEAD_SHA", &head).env("BASE_SHA", &base).env("RUNNER_TEMP", self.folder.path());
            bash.env("GITHUB_STEP_SUMMARY", self.at("summary"));
            bash.env("CI_COMMIT_SHA", &head).env("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main");
            for variable in ["DAYFLY_POLICY", "DAYFLY_ADVISORIES", "DAYFLY_ADVISORIES_KEY"] {
                bash.env_remove(variable);
            }
            if policy {
                bash.env("DAYFLY_POLICY", "policy.yaml");
            }
            first.get_or_insert(bash.output().unwrap());
        }
        let summary = if is_github { self.at("summary") } else { self.at("work/dependencies.md") };
        let markdown = fs::read_to_string(&summary).unwrap_or_default();
        fs::remove_file(self.at("work/dependencies.md")).ok();
        (first.unwrap().status.code(), markdown)
    }
}

#[test]
fn the_comparison_goes_by_the_policy_of_the_base() {
    for path in all() {
        let forge = Forge::new();
        forge.git(&["checkout", "-q", "-b", "change"]);
        forge.writes("main.py", "print()\n");
        forge.commits();
        let (code, markdown) = forge.runs(path, true);
        assert_eq!(code, Some(0), "{path}: {markdown}");
        assert!(markdown.contains("The change brings no package and no image."), "{path}: {markdown}");
        // It brings a package, a hook that must not run, and a policy of its own.
        forge.writes("requirements.txt", "demo==1.1\n");
        forge.writes("policy.yaml", "apiVersion: dayfly.dev/v1alpha1\nkind: Policy\n");
        forge.writes(".gitattributes", "* filter=x\n");
        forge.commits();
        let (code, markdown) = forge.runs(path, true);
        assert_eq!(code, Some(6), "{path}: {markdown}");
        assert!(markdown.contains("mixed"), "{path}: {markdown}");
        let (code, markdown) = forge.runs(path, false);
        assert_eq!(code, Some(7), "{path}: without advisories, nothing is known: {markdown}");
        assert!(markdown.contains("could not be decided"), "{path}: {markdown}");
    }
}
