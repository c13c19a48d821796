//! Comments and statuses on forges: of verified evidence only, and never a success for anything else.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use dayfly::evidence::{KeyKind, open, seal};
use dayfly::report::{Facts, exit_code};
use serde_json::{Value, json};

#[path = "evidence/sample.rs"]
mod sample;

use sample::{COMMIT, failed, key, passed, planned, raw};

/// A request that changed something: method, path, authorization and body.
type Change = (String, String, String, Value);

/// A forge in this process, in the manner of its documentation: it keeps comments, and takes statuses.
struct Forge {
    url: String,
    kind: &'static str,
    comments: Arc<Mutex<Vec<Value>>>,
    changes: Arc<Mutex<Vec<Change>>>,
}

/// The account of the token.
const OWN: u64 = 42;

impl Forge {
    fn start(kind: &'static str, is_app: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (comments, changes) = (Arc::new(Mutex::new(vec![])), Arc::new(Mutex::new(vec![])));
        let forge = Self { url, kind, comments: comments.clone(), changes: changes.clone() };
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut head = vec![];
                loop {
                    let mut line = String::new();
                    reader.read_line(&mut line).unwrap();
                    if line.trim().is_empty() {
                        break;
                    }
                    head.push(line.trim_end().to_owned());
                }
                let header = |name: &str| {
                    head.iter().find_map(|l| l.strip_prefix(&format!("{name}: "))).unwrap_or_default().to_owned()
                };
                let mut body = vec![0; header("content-length").parse().unwrap_or(0)];
                reader.read_exact(&mut body).unwrap();
                let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
                let words: Vec<&str> = head[0].split(' ').collect();
                let token = format!("{}{}", header("authorization"), header("private-token"));
                let (status, answer) = Self::answer(kind, is_app, words[0], words[1], &body, &comments);
                if words[0] != "GET" {
                    changes.lock().unwrap().push((words[0].to_owned(), words[1].to_owned(), token, body));
                }
                let text = answer.to_string();
                let head =
                    format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", text.len());
                let _ = stream.write_all(format!("{head}{text}").as_bytes());
            }
        });
        forge
    }

    fn answer(
        kind: &str,
        is_app: bool,
        method: &str,
        path: &str,
        body: &Value,
        comments: &Mutex<Vec<Value>>,
    ) -> (u16, Value) {
        let mut comments = comments.lock().unwrap();
        let page = |name: &str| {
            path.split(['?', '&']).find_map(|p| p.strip_prefix(&format!("{name}="))?.parse::<usize>().ok())
        };
        let author = if kind == "gitlab" { "author" } else { "user" };
        match (method, path) {
            (_, path) if path.starts_with("/lost") => (404, json!({"message": "Not Found\u{1b}[2J"})),
            ("GET", path) if path.ends_with("/user") && is_app => (403, json!({"message": "Resource not accessible"})),
            ("GET", path) if path.ends_with("/user") => (200, json!({"id": OWN})),
            ("GET", _) if path.contains("/comments") || path.contains("/notes") => {
                let size = page("per_page").or(page("limit")).unwrap_or(30);
                let from = (page("page").unwrap_or(1) - 1) * size;
                (200, json!(comments.iter().skip(from).take(size).collect::<Vec<_>>()))
            }
            ("POST", _) if path.contains("/statuses/") => (201, json!({})),
            ("POST", _) => {
                let id = comments.len() + 1;
                comments.push(json!({"id": id, "body": body["body"], author: {"id": OWN, "type": "Bot"}}));
                (201, json!({"id": id}))
            }
            ("PATCH" | "PUT", _) => {
                let id: u64 = path.rsplit('/').next().unwrap().parse().unwrap();
                let found = comments.iter_mut().find(|c| c["id"] == id).unwrap();
                found["body"] = body["body"].clone();
                (200, json!({"id": id}))
            }
            _ => (405, json!({})),
        }
    }

    fn changes(&self) -> Vec<Change> {
        self.changes.lock().unwrap().clone()
    }

    /// Others write comments.
    fn others_write(&self, comments: impl IntoIterator<Item = Value>) {
        self.comments.lock().unwrap().extend(comments);
    }
}

/// The job that publishes.
struct Job {
    work: tempfile::TempDir,
}

impl Job {
    fn new() -> Self {
        let job = Self { work: tempfile::tempdir().unwrap() };
        fs::write(job.at("run.pub"), key(KeyKind::P256, 1).verifying_key().to_pem().unwrap()).unwrap();
        fs::write(job.at("token"), "secret-token\n").unwrap();
        job
    }

    fn at(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    fn run(&self, facts: &Facts) -> PathBuf {
        let (dir, key) = (self.at("evidence"), key(KeyKind::P256, 1));
        let facts = &Facts { finished: Some(facts.started), ..facts.clone() };
        open(facts, &planned(facts), Some(&key), None, &dir).unwrap();
        seal(facts, &raw(), Some(&key), None, &dir).unwrap().dir
    }

    fn publish(&self, what: &str, forge: &Forge, more: &[&str]) -> Output {
        let repository = if more.contains(&"--repository") { vec![] } else { vec!["--repository", "team/demo"] };
        let on = ["--forge", forge.kind, "--forge-url", &forge.url, "--token-file", "token"];
        let mut arguments = vec!["publish", what, "evidence", "--public-key", "run.pub"];
        arguments.extend(on);
        arguments.extend(repository);
        if !more.contains(&"--commit") {
            arguments.extend(["--commit", COMMIT]);
        }
        if !more.contains(&"--pr") {
            arguments.extend(["--pr", "12"]);
        }
        arguments.extend(more);
        self.dayfly(&arguments)
    }

    fn dayfly(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dayfly"));
        command.current_dir(self.work.path()).env("HOME", self.work.path()).args(arguments);
        command.env_remove("DAYFLY_FORGE_TOKEN").output().unwrap()
    }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn ended(output: &Output, code: u8) -> String {
    assert_eq!(output.status.code(), Some(code.into()), "{}", text(output));
    text(output)
}

#[test]
fn one_comment_is_replaced_by_that_of_the_next_run() {
    let thread = [
        (
            "github",
            "/repos/team/demo/issues/12/comments",
            "PATCH",
            "/repos/team/demo/issues/comments/131",
            "Bearer secret-token",
        ),
        (
            "gitlab",
            "/api/v4/projects/team%2Fdemo/merge_requests/12/notes",
            "PUT",
            "/api/v4/projects/team%2Fdemo/merge_requests/12/notes/131",
            "secret-token",
        ),
        (
            "gitea",
            "/api/v1/repos/team/demo/issues/12/comments",
            "PATCH",
            "/api/v1/repos/team/demo/issues/comments/131",
            "token secret-token",
        ),
    ];
    for (kind, create, method, replace, token) in thread {
        let (forge, job) = (Forge::start(kind, false), Job::new());
        // Two pages of others, one of them with the marker: whoever wrote it could change it again.
        let author = if kind == "gitlab" { "author" } else { "user" };
        forge.others_write(
            (1..=130).map(
                |id| json!({"id": id, "body": "<!-- dayfly dayfly -->\nPASSED", author: {"id": 7, "type": "User"}}),
            ),
        );
        job.run(&failed(7));
        assert!(
            ended(&job.publish("comment", &forge, &["--report-url", "https://ci.example/7"]), 0)
                .contains("wrote a comment")
        );
        fs::remove_dir_all(job.at("evidence")).unwrap();
        job.run(&passed(8));
        assert!(ended(&job.publish("comment", &forge, &[]), 0).contains("replaced the comment"));
        let changes = forge.changes();
        let sent: Vec<_> =
            changes.iter().map(|(method, path, token, _)| (method.as_str(), path.as_str(), token.as_str())).collect();
        assert_eq!(sent, [("POST", create, token), (method, replace, token)]);
        let bodies: Vec<&str> = changes.iter().map(|c| c.3["body"].as_str().unwrap()).collect();
        assert!(
            bodies[0].starts_with("<!-- dayfly dayfly -->\n") && bodies[0].contains("[report](https://ci.example/7)"),
            "{}",
            bodies[0]
        );
        assert!(
            bodies[0].contains("FAILED") && bodies[0].contains("S2") && bodies[1].contains("PASSED"),
            "{}",
            bodies[0]
        );
        assert!(bodies.iter().all(|b| b.contains(COMMIT) && b.contains("signed by `SHA256:")), "{}", bodies[0]);
    }
}

#[test]
fn an_app_of_github_finds_its_comment_among_those_of_apps() {
    let (forge, job) = (Forge::start("github", true), Job::new());
    forge.others_write([json!({"id": 1, "body": "<!-- dayfly dayfly -->\nPASSED", "user": {"id": 7, "type": "User"}})]);
    job.run(&passed(7));
    ended(&job.publish("comment", &forge, &[]), 0);
    ended(&job.publish("comment", &forge, &[]), 0);
    let methods: Vec<String> = forge.changes().into_iter().map(|c| c.0).collect();
    assert_eq!(methods, ["POST", "PATCH"]);
}

#[test]
fn only_a_verified_run_that_passed_is_a_success() {
    for (kind, failure, name) in
        [("github", "failure", "context"), ("gitlab", "failed", "name"), ("gitea", "failure", "context")]
    {
        let (forge, job) = (Forge::start(kind, false), Job::new());
        let state = |code: u8, more: &[&str]| {
            let told = ended(&job.publish("status", &forge, more), code);
            let (_, path, _, body) = forge.changes().pop().unwrap();
            assert!(path.contains("/statuses/"), "{path}");
            assert!(body["description"].as_str().unwrap().chars().count() <= 140, "{body}");
            (
                body["state"].as_str().unwrap().to_owned(),
                body["description"].as_str().unwrap().to_owned(),
                body[name].clone(),
                told,
            )
        };
        // Nothing was signed at all.
        let (found, description, _, _) = state(exit_code::REFUSED, &[]);
        assert_eq!((found.as_str(), description.starts_with("no result: ")), (failure, true), "{description}");
        let folder = job.run(&passed(7));
        let (found, description, context, _) = state(0, &["--name", "dayfly/acceptance"]);
        assert_eq!((found.as_str(), description.as_str()), ("success", "PASSED: 2 passed, 0 failed, 0 inconclusive"));
        assert_eq!(context, "dayfly/acceptance");
        // Evidence of another commit, another pull request, or another repository.
        let other = "0000000000000000000000000000000000000000";
        assert_eq!(state(exit_code::REFUSED, &["--commit", other]).0, failure);
        assert_eq!(state(exit_code::REFUSED, &["--pr", "13"]).0, failure);
        assert_eq!(state(exit_code::REFUSED, &["--repository", "team/other"]).0, failure);
        // Changed after signing.
        let report = fs::read(folder.join("report.json")).unwrap();
        fs::write(folder.join("report.json"), "{}").unwrap();
        assert_eq!(state(exit_code::REFUSED, &[]).0, failure);
        fs::write(folder.join("report.json"), report).unwrap();
        // Several runs: nobody says which one counts.
        job.run(&Facts { environment: "demo-pr-13".into(), ..passed(8) });
        assert_eq!(state(exit_code::REFUSED, &[]).0, failure);
        fs::remove_dir_all(job.at("evidence")).unwrap();
        job.run(&failed(9));
        let (found, description, _, _) = state(0, &[]);
        assert_eq!((found.as_str(), description.as_str()), (failure, "FAILED: 3 passed, 1 failed, 1 inconclusive"));
    }
}

#[test]
fn a_refused_run_leaves_none_of_its_text_in_a_comment() {
    let (forge, job) = (Forge::start("github", false), Job::new());
    let mut hostile = passed(7);
    hostile.suites[0].cases[0].name = "@everyone look here".into();
    job.run(&hostile);
    ended(&job.publish("comment", &forge, &["--pr", "13"]), exit_code::REFUSED);
    let body = forge.changes().pop().unwrap().3["body"].as_str().unwrap().to_owned();
    assert!(body.contains("No result for this commit") && body.contains("pull request 12, not for 13"), "{body}");
    assert!(!body.contains("everyone"), "{body}");
}

#[test]
fn says_what_is_wrong_with_requests_and_forges() {
    let (forge, job) = (Forge::start("github", false), Job::new());
    job.run(&passed(7));
    let usage = |more: &[&str], why: &str| {
        let told = ended(&job.publish("status", &forge, more), exit_code::USAGE);
        assert!(told.contains(why), "{why:?} is not in {told}");
    };
    usage(&["--commit", "4f1c2a9"], "full commit id");
    usage(&["--name", "a --> b"], "--name");
    usage(&["--report-url", "https://ci.example/a)b"], "--report-url");
    usage(&["--report-url", "javascript:alert(1)"], "--report-url");
    fs::write(job.at("token"), "").unwrap();
    usage(&[], "its first line is empty");
    fs::write(job.at("token"), "secret-token\n").unwrap();
    let none = job.dayfly(&[
        "publish",
        "status",
        "evidence",
        "--public-key",
        "run.pub",
        "--commit",
        COMMIT,
        "--pr",
        "12",
        "--repository",
        "team/demo",
        "--forge",
        "github",
    ]);
    assert!(ended(&none, exit_code::USAGE).contains("DAYFLY_FORGE_TOKEN"));
    assert!(forge.changes().is_empty());
    // The text of a forge is printed without control characters, and the token never.
    let lost = Forge { url: format!("{}/lost", forge.url), ..Forge::start("github", false) };
    let told = ended(&job.publish("comment", &lost, &["--pr", "404"]), 1);
    assert!(told.contains("no such repository") && told.contains("Not Found") && !told.contains('\u{1b}'), "{told}");
    let absent = Forge { url: "http://127.0.0.1:1".into(), ..Forge::start("github", false) };
    let told = ended(&job.publish("status", &absent, &[]), 1);
    assert!(
        told.contains("failed to set the status of the commit on 127.0.0.1:1") && !told.contains("secret"),
        "{told}"
    );
}
