//! Shared parts of the tests of the command: a user at a terminal with a folder of their own.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod backing;
pub mod causes;
pub mod forge;
pub mod forger;
pub mod identity;
pub mod inside;
pub mod jobs;
pub mod life;
pub mod log;
pub mod ports;
pub mod processes;
pub mod ready;
pub mod reaping;
pub mod scans;
pub mod secrets;
pub mod sources;
pub mod steps;
pub mod terminal;
pub mod update;
pub mod watch;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use dayfly::testing::{Requirement, skip};
use serde_json::Value;

/// The program under test.
pub const DAYFLY: &str = env!("CARGO_BIN_EXE_dayfly");

/// Returns true if a container engine answers. Without one the test is skipped and counted, unless it is required.
pub fn engine_is_there() -> bool {
    let found = Command::new(DAYFLY).arg("list").output().unwrap();
    if found.status.success() {
        return true;
    }
    let why = String::from_utf8_lossy(&found.stderr).into_owned();
    skip(Requirement::Engine, why.lines().next().unwrap_or_default());
    false
}

/// Leaves the story when there is no engine.
#[macro_export]
macro_rules! needs_engine {
    () => {
        if !support::engine_is_there() {
            return;
        }
    };
}

/// A user with a folder, a key and descriptions; everything they leave behind is removed at the end.
pub struct User {
    pub folder: tempfile::TempDir,
    environments: std::cell::RefCell<Vec<String>>,
    /// Further variables of the user's shell.
    pub variables: Vec<(String, String)>,
}

/// Exit code and output of a command.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ended {
    fn of(output: Output) -> Self {
        use std::os::unix::process::ExitStatusExt;
        let code = output.status.code().unwrap_or_else(|| -output.status.signal().unwrap_or(0));
        Self {
            code,
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Demands an exit code; shows everything otherwise.
    #[track_caller]
    pub fn code(self, expected: i32) -> Self {
        assert_eq!(self.code, expected, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// Asserts that the output holds this text.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(
            self.out.contains(text) || self.err.contains(text),
            "missing {text:?} in\nstdout:\n{}\nstderr:\n{}",
            self.out,
            self.err
        );
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e} in {}", self.out))
    }
}

impl User {
    pub fn new() -> Self {
        Self::with(vec![])
    }

    /// A user whose shell has these variables.
    pub fn with(variables: Vec<(String, String)>) -> Self {
        let user = Self { folder: tempfile::tempdir().unwrap(), environments: Default::default(), variables };
        user.dayfly(&["key", "generate", "key.pem"]).code(0);
        user
    }

    /// Writes a description; `{name}` environments are removed when the user goes.
    pub fn describes(&self, name: &str, rest: &str) -> String {
        let file = format!("{name}.yaml");
        std::fs::write(
            self.folder.path().join(&file),
            format!("apiVersion: dayfly.dev/v1alpha1\nkind: Environment\nname: {name}\n{rest}"),
        )
        .unwrap();
        file
    }

    /// Notes an environment that must be gone when the user goes.
    pub fn owns(&self, environment: &str) {
        self.environments.borrow_mut().push(environment.to_owned());
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(DAYFLY);
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_remove("CI")
            .env_remove("GITHUB_ACTIONS")
            .env_remove("GITLAB_CI")
            // No key of the person who runs the tests signs anything.
            .env("XDG_CONFIG_HOME", self.folder.path().join("configuration"))
            .envs(self.variables.iter().map(|(k, v)| (k, v)))
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub fn dayfly(&self, arguments: &[&str]) -> Ended {
        ended(self.command(arguments))
    }

    /// `dayfly run` with key and evidence.
    pub fn runs(&self, file: &str, pr: &str, more: &[&str]) -> Ended {
        Ended::of(self.run_command(file, pr, more).output().unwrap())
    }

    pub fn run_command(&self, file: &str, pr: &str, more: &[&str]) -> Command {
        let fixed = ["run", file, "--pr", pr, "--commit", COMMIT, "--key", "key.pem", "--evidence", "evidence"];
        self.command(&[&fixed, more].concat())
    }

    /// The folder of the only run of an environment.
    pub fn evidence(&self, environment: &str) -> PathBuf {
        let entries = |folder: PathBuf| std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
        let of_environment = entries(self.folder.path().join("evidence")).filter(|folder| {
            let name = folder.file_name().unwrap().to_string_lossy().into_owned();
            name == environment || name.starts_with(&format!("{environment}-"))
        });
        let runs: Vec<_> = of_environment.flat_map(entries).collect();
        assert_eq!(runs.len(), 1, "{runs:?}");
        runs[0].clone()
    }

    /// The saved facts of the only run of an environment.
    pub fn report(&self, environment: &str) -> Value {
        serde_json::from_slice(&std::fs::read(self.evidence(environment).join("report.json")).unwrap()).unwrap()
    }

    /// Demands that no object of the environment is left.
    #[track_caller]
    pub fn finds_nothing_of(&self, environment: &str) {
        let all = self.dayfly(&["list", "--output", "json"]).code(0).json();
        let left: Vec<_> = all.as_array().unwrap().iter().filter(|e| e["environment"] == environment).collect();
        assert!(left.is_empty(), "left: {left:#?}");
    }
}

/// Runs a command to its end.
pub fn ended(mut command: Command) -> Ended {
    Ended::of(command.output().unwrap())
}

/// A commit id of the usual form.
pub const COMMIT: &str = "4d1f0c2b6a5e4f3d2c1b0a9f8e7d6c5b4a3f2e1d";

impl Drop for User {
    fn drop(&mut self) {
        for environment in self.environments.borrow().iter() {
            let _ = self.command(&["down", environment]).output();
        }
    }
}

/// A command that goes on while the story does.
pub struct Running {
    pub child: Child,
    seen: std::sync::mpsc::Receiver<String>,
    pub told: Vec<String>,
}

impl Running {
    /// Starts it and follows its standard error.
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (send, seen) = std::sync::mpsc::channel();
        let error = BufReader::new(child.stderr.take().unwrap());
        let output = BufReader::new(child.stdout.take().unwrap());
        let again = send.clone();
        std::thread::spawn(move || error.lines().map_while(Result::ok).for_each(|l| drop(send.send(l))));
        std::thread::spawn(move || output.lines().map_while(Result::ok).for_each(|l| drop(again.send(l))));
        Self { child, seen, told: vec![] }
    }

    /// Waits until it says something that contains the text.
    #[track_caller]
    pub fn until(&mut self, text: &str) -> String {
        let limit = std::time::Duration::from_secs(300);
        loop {
            match self.seen.recv_timeout(limit) {
                Ok(line) => {
                    self.told.push(line.clone());
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(e) => panic!("{text:?} was never said ({e}); instead:\n{}", self.told.join("\n")),
            }
        }
    }

    /// Sends a signal by its name, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for its end; the exit code, or minus the signal.
    pub fn ends(mut self) -> Ended {
        use std::os::unix::process::ExitStatusExt;
        let status = self.child.wait().unwrap();
        self.told.extend(self.seen.iter());
        Ended {
            code: status.code().unwrap_or_else(|| -status.signal().unwrap_or(0)),
            out: String::new(),
            err: self.told.join("\n"),
        }
    }
}

/// The repository's folder.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Chooses the case A1 of a running environment by its id, and by a report in which it failed.
#[track_caller]
pub fn chosen_cases(user: &User, environment: &str) {
    user.dayfly(&["test", environment, "--list"]).code(0).says("suite  acceptance  A1    web answers");
    user.dayfly(&["test", environment, "--case", "A9"]).code(2).says("there is no case A9; there is: A1");
    let report = user.folder.path().join("tested.json");
    let path = report.to_str().unwrap();
    user.dayfly(&["test", environment, "--case", "suite/A1", "--out", path]).code(0).says("1 of 1 passed");
    user.dayfly(&["report", path]).code(0).says("UNSIGNED");
    user.dayfly(&["test", environment, "--failed", path]).code(0).says("nothing to run");
    user.dayfly(&["test", environment, "--list", "--out", path]).code(2).says("cannot be used with");
    let mut failed: serde_json::Value = serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap();
    // What a report does not know was not tested.
    for (pointer, value, lacks) in
        [("/suites/0/name", "other", "suite"), ("/suites/0/cases/0/id", "B1", "suite/A1"), ("/suites", "[]", "suite")]
    {
        let mut changed = failed.clone();
        let value = if value == "[]" { serde_json::json!([]) } else { value.into() };
        *changed.pointer_mut(pointer).unwrap() = value;
        std::fs::write(&report, changed.to_string()).unwrap();
        let ended = user.dayfly(&["test", environment, "--failed", path]).code(2);
        ended.says(&format!("nothing failed in {path}, but it does not show {lacks}"));
    }
    failed["suites"][0]["verdict"] = "failed".into();
    failed["suites"][0]["cases"][0]["verdict"] = "failed".into();
    std::fs::write(&report, failed.to_string()).unwrap();
    user.dayfly(&["test", environment, "--failed", path]).code(0).says("1 of 1 passed");
}
