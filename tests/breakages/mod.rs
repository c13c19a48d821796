//! Reads `fixtures/tsd-breakages.yaml`, breaks copies of the flagship, and compares the results.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::repository;

/// The whole file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Breakages {
    pub runs: Vec<Run>,
    pub outside: OutsideRun,
}

/// One broken copy, run once.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    pub name: String,
    pub suites: Vec<String>,
    pub breakages: Vec<Breakage>,
}

/// One thing that is broken, and the cases that must see it.
#[derive(Deserialize)]
pub struct Breakage {
    pub what: String,
    #[serde(default)]
    pub set: BTreeMap<String, Value>,
    #[serde(default)]
    pub remove: Vec<String>,
    #[serde(default)]
    pub replace: BTreeMap<String, Vec<(String, String)>>,
    #[serde(default)]
    pub python: BTreeMap<String, String>,
    /// Case to a text that stands in its failure.
    pub fails: BTreeMap<String, String>,
    /// The same for cases that can no longer be judged.
    #[serde(default)]
    pub inconclusive: BTreeMap<String, String>,
    /// Case to a text that stands in a log line beside it.
    #[serde(default)]
    pub logged: BTreeMap<String, String>,
}

/// Breakages of one running environment, applied one after the other.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutsideRun {
    pub set: BTreeMap<String, Value>,
    pub breakages: Vec<Outside>,
}

/// A breakage by commands of the engine.
#[derive(Deserialize)]
pub struct Outside {
    #[serde(flatten)]
    pub breakage: Breakage,
    pub suite: String,
    pub beside: Option<String>,
    pub once: Option<String>,
    #[serde(rename = "do")]
    pub act: Vec<Vec<String>>,
    #[serde(default)]
    pub undo: Vec<Vec<String>>,
}

impl Breakages {
    pub fn every(&self) -> impl Iterator<Item = &Breakage> {
        self.runs.iter().flat_map(|r| &r.breakages).chain(self.outside.breakages.iter().map(|o| &o.breakage))
    }
}

pub fn breakages() -> Breakages {
    serde_yaml::from_str(&std::fs::read_to_string(repository().join("tests/fixtures/tsd-breakages.yaml")).unwrap())
        .unwrap()
}

/// The flagship's description as it is.
pub fn flagship() -> Value {
    serde_yaml::from_str(&std::fs::read_to_string(repository().join("environments/tsd/environment.yaml")).unwrap())
        .unwrap()
}

/// A copy of the flagship that is being broken.
pub struct Copy {
    folder: PathBuf,
    description: Value,
    /// Code by module.
    python: BTreeMap<String, Vec<String>>,
}

impl Copy {
    pub fn of_the_flagship(parent: &Path, name: &str) -> Self {
        let folder = parent.join(name);
        std::fs::create_dir(&folder).unwrap();
        for entry in std::fs::read_dir(repository().join("environments/tsd")).unwrap().map(Result::unwrap) {
            std::fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
        }
        let mut description = flagship();
        description["name"] = json!(name);
        Self { folder, description, python: BTreeMap::new() }
    }

    pub fn break_it(&mut self, breakage: &Breakage) {
        self.set(&breakage.set);
        breakage.remove.iter().for_each(|place| self.remove(place));
        for (file, replacements) in &breakage.replace {
            let path = self.folder.join(file);
            let mut text = std::fs::read_to_string(&path).unwrap();
            for (from, to) in replacements {
                assert!(text.contains(from), "{file} does not contain {from:?}");
                text = text.replacen(from, to, 1);
            }
            std::fs::write(path, text).unwrap();
        }
        for (module, code) in &breakage.python {
            self.python.entry(module.clone()).or_default().push(code.clone());
        }
    }

    pub fn set(&mut self, values: &BTreeMap<String, Value>) {
        for (place, value) in values {
            let (parent, key) = place.rsplit_once('/').unwrap();
            let parent = self.description.pointer_mut(parent).unwrap_or_else(|| panic!("{place} has no parent"));
            parent[key] = value.clone();
        }
    }

    fn remove(&mut self, place: &str) {
        let (parent, key) = place.rsplit_once('/').unwrap();
        match self.description.pointer_mut(parent) {
            Some(Value::Object(map)) => drop(map.remove(key).unwrap_or_else(|| panic!("{place} is not there"))),
            Some(Value::Array(list)) => drop(list.remove(key.parse().unwrap())),
            other => panic!("{place} is in {other:?}"),
        }
    }

    /// Writes the description, as JSON, which is YAML; gives its path.
    pub fn write(mut self) -> String {
        for (module, code) in std::mem::take(&mut self.python) {
            let service = &mut self.description["services"][module.replace('_', "-")];
            assert_eq!(service["command"], json!(["python3", "-m", format!("tsd.{module}")]), "the stand-in {module}");
            service["command"] = json!(["python3", "/etc/dayfly/broken.py"]);
            service["files"] = json!({ "/etc/dayfly/broken.py": { "text": program(&module, &code) } });
        }
        let file = self.folder.join("environment.yaml");
        std::fs::write(&file, serde_json::to_string_pretty(&self.description).unwrap()).unwrap();
        file.to_str().unwrap().to_owned()
    }
}

/// The stand-in with its breakages; each is a function, so that their names do not meet.
fn program(module: &str, code: &[String]) -> String {
    let mut modules = BTreeSet::from(["broker", "database", "service"]);
    modules.extend(match module {
        "file_api" => vec!["outbox", "storage"],
        "authz" | "auth_api" => vec!["tokens"],
        _ => vec![],
    });
    let mut text = format!("import subprocess, uuid\nimport jwt, pika\nfrom tsd import {module}\n");
    for other in modules {
        // Only what the stand-in itself uses: others would read secrets that it does not have.
        text.push_str(&format!("from tsd import {other}\n"));
    }
    for (n, code) in code.iter().enumerate() {
        let body: String = code.lines().map(|l| format!("    {l}\n")).collect();
        text.push_str(&format!("\n\ndef breakage_{n}():\n{body}\n\nbreakage_{n}()\n"));
    }
    text + &format!("\n{module}.main()\n")
}

/// Demands that exactly the named cases have the named verdict, each for its reason, and that all others passed.
#[track_caller]
pub fn compare(cases: Vec<Value>, broken: &[&Breakage]) {
    let mut expected: BTreeMap<&str, (&str, &str, &str)> = BTreeMap::new();
    for b in broken {
        expected.extend(b.fails.iter().map(|(id, text)| (id.as_str(), ("failed", text.as_str(), b.what.as_str()))));
        expected.extend(
            b.inconclusive.iter().map(|(id, text)| (id.as_str(), ("inconclusive", text.as_str(), b.what.as_str()))),
        );
    }
    let mut wrong = vec![];
    for case in &cases {
        let failure = case["failures"].to_string().replace("\\\"", "\"");
        let (id, verdict) = (case["id"].as_str().unwrap(), case["verdict"].as_str().unwrap());
        match expected.remove(id) {
            None if verdict == "passed" => {}
            None => wrong.push(format!("{id} {verdict}, which nothing broke: {failure}")),
            Some((wanted, text, _)) if verdict == wanted && failure.contains(text) => {}
            Some((wanted, text, what)) => {
                wrong.push(format!("{id} {verdict} when {what}; expected: {wanted}, with {text:?}, got: {failure}"))
            }
        }
    }
    wrong.extend(expected.keys().map(|id| format!("{id} did not run")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Demands the named log lines beside the cases. All these are faults of logic, which no log names: none may claim a cause.
#[track_caller]
pub fn compare_clues(cases: &[Value], broken: &[&Breakage]) {
    for case in cases.iter().filter(|c| c["verdict"] != "passed") {
        assert_eq!(case["clues"]["likelyCause"], Value::Null, "{case:#}");
        for text in broken.iter().filter_map(|b| b.logged.get(case["id"].as_str().unwrap())) {
            assert!(case["clues"]["lines"].to_string().contains(text), "{case:#}");
        }
    }
}

/// The cases among the events that `--output json` printed.
pub fn cases_of(events: &str) -> Vec<Value> {
    let events = events.lines().filter_map(|l| serde_json::from_str::<Value>(l).ok());
    events.filter(|e| e["event"] == "case-done").map(|e| e["case"].clone()).collect()
}

/// At most two broken environments are up at a time.
pub fn seat() -> Attachment {
    let mut taken = TAKEN.lock().unwrap();
    while *taken >= 2 {
        taken = LEFT.wait(taken).unwrap();
    }
    *taken += 1;
    Attachment
}

static TAKEN: Mutex<u8> = Mutex::new(0);
static LEFT: Condvar = Condvar::new();

pub struct Attachment;

impl Drop for Attachment {
    fn drop(&mut self) {
        *TAKEN.lock().unwrap() -= 1;
        LEFT.notify_one();
    }
}

/// The engine's own command line, for what dayfly would never do.
pub struct EngineCommand(Vec<String>);

impl EngineCommand {
    /// The one that speaks to the socket that dayfly finds.
    pub fn find() -> Self {
        let named =
            ["DOCKER_HOST", "CONTAINER_HOST"].iter().find_map(|n| std::env::var(n).ok().filter(|v| !v.is_empty()));
        let words = |words: &[&str]| Self(words.iter().map(|w| (*w).to_owned()).collect());
        let is_podman = match &named {
            Some(host) => host.contains("podman"),
            None => Path::new("/run/podman/podman.sock").exists(),
        };
        match (is_podman, named) {
            (true, host) => {
                words(&["podman", "--remote", "--url", &host.unwrap_or("unix:///run/podman/podman.sock".into())])
            }
            (false, Some(host)) => words(&["docker", "--host", &host]),
            (false, None) => words(&["docker"]),
        }
    }

    #[allow(dead_code, reason = "not every story removes containers")]
    /// Removes a container without the time to end in order, which podman gives it and Docker does not.
    pub fn remove_at_once(&self, container: &str) {
        let at_once: &[&str] = if self.0[0] == "podman" { &["-t", "0"] } else { &[] };
        let words = [&["rm", "-f"], at_once, &[container]].concat();
        self.run(&words.into_iter().map(str::to_owned).collect::<Vec<_>>());
    }

    #[allow(dead_code, reason = "only one story does")]
    /// Kills the process of a container with the program beside it that would tell podman of its end. Docker has no such program:
    /// returns false.
    pub fn kill_unseen(&self, container: &str) -> bool {
        if self.0[0] != "podman" {
            return false;
        }
        // The process last, which its end would let the other one report.
        let pids =
            self.run(&["inspect", "--format", "{{.State.ConmonPid}} {{.State.Pid}}", container].map(str::to_owned));
        for pid in pids.split_whitespace() {
            assert!(pid.parse::<u32>().unwrap() > 1, "{pids}");
            assert!(Command::new("kill").args(["-9", pid]).status().unwrap().success(), "{pids}");
        }
        true
    }

    pub fn run(&self, arguments: &[String]) -> String {
        let attempt = || Command::new(&self.0[0]).args(&self.0[1..]).args(arguments).output().unwrap();
        let mut output = attempt();
        let limit = Instant::now() + Duration::from_secs(30);
        // An agent that has ended removes itself; podman keeps the container that it was inside until it has.
        while String::from_utf8_lossy(&output.stderr).contains("dependent containers") && Instant::now() < limit {
            output = attempt();
        }
        assert!(output.status.success(), "{:?} {arguments:?}: {}", self.0, String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    pub fn perform(&self, commands: &[Vec<String>], names: &BTreeMap<String, String>) {
        for command in commands {
            let filled: Vec<String> = command.iter().map(|word| fill(word, names)).collect();
            self.run(&filled);
        }
    }

    /// Common prefix of the names of an environment's objects: `<environment>-<run>-`.
    pub fn beginning_of(&self, environment: &str) -> String {
        let words = [
            "ps",
            "--all",
            "--filter",
            &format!("label=dayfly.dev/environment={environment}"),
            "--filter",
            "label=dayfly.dev/role=unit",
            "--format",
            "{{.Names}}",
        ];
        let all = self.run(&words.map(str::to_owned));
        let run = |name: &str| Some(name.strip_prefix(environment)?.strip_prefix('-')?.split_once('-')?.0.to_owned());
        let run = all.lines().find_map(run).unwrap_or_else(|| panic!("no unit of {environment} among {all}"));
        format!("{environment}-{run}-")
    }

    /// Networks whose names begin so.
    pub fn networks(&self, beginning: &str, names: &BTreeMap<String, String>) -> BTreeSet<String> {
        let beginning = fill(beginning, names);
        let all = self.run(&["network", "ls", "--format", "{{.Name}}"].map(str::to_owned));
        all.lines().filter(|n| n.starts_with(&beginning)).map(str::to_owned).collect()
    }

    /// Waits for a network that was not there before.
    pub fn appears(&self, beginning: &str, names: &BTreeMap<String, String>, before: &BTreeSet<String>) -> String {
        let limit = Instant::now() + Duration::from_secs(60);
        while Instant::now() < limit {
            if let Some(new) = self.networks(beginning, names).difference(before).next() {
                return new.clone();
            }
        }
        panic!("no network {beginning} appeared");
    }
}

fn fill(word: &str, names: &BTreeMap<String, String>) -> String {
    names.iter().fold(word.to_owned(), |text, (name, value)| text.replace(name, value))
}
