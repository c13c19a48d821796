//! Real brokers and databases for the agent's tests, and the real agent binary over pipes.
//!
//! Containers listen on loopback addresses of their own and are removed when the test process ends, however it ends.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use dayfly::agent::AgentLink;
use dayfly::agent::client::AgentClient;
use dayfly::agent::protocol::{AgentContext, AgentRequest, AgentResponse, StepFailure};
use dayfly::plan::{Plan, ReadyPlan, Unit, UnitKind};
use dayfly::secrets::Secrets;
use dayfly::testing::{self, Requirement};
use serde_json::{Value, json};

/// A unit with nothing but a name.
pub fn unit(name: &str, kind: UnitKind) -> Unit {
    Unit { kind, image: String::new(), port: None, within_ms: 60_000, ..testing::unit(name) }
}

/// A plan of these units, with the broker and databases given as JSON.
pub fn plan(units: Vec<Unit>, broker: Value, databases: Value) -> Plan {
    Plan {
        broker: serde_json::from_value(broker).unwrap(),
        databases: serde_json::from_value(databases).unwrap(),
        ..testing::plan(units)
    }
}

/// An address of 127.0.0.0/8 that is this process's own.
pub fn loopback(last: u8) -> String {
    let pid = std::process::id();
    format!("127.{}.{}.{last}", 1 + pid / 256 % 250, pid % 256)
}

/// One running container.
pub struct Container {
    pub name: String,
    cli: &'static str,
    _files: tempfile::TempDir,
    _reaper: Child,
}

impl Container {
    pub fn log(&self) -> String {
        let out = command(self.cli).args(["logs", &self.name]).output().unwrap();
        format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
    }

    pub fn restart(&self) {
        assert!(command(self.cli).args(["restart", "-t", "20", &self.name]).output().unwrap().status.success());
    }
}

/// A call of the engine's command, which may be of several words. It speaks to the engine that the tests speak to.
fn command(cli: &str) -> Command {
    let mut words = cli.split(' ');
    let mut command = Command::new(words.next().unwrap());
    if let Some(host) = std::env::var_os("DOCKER_HOST") {
        command.env("CONTAINER_HOST", host);
    }
    command.args(words);
    command
}

/// The engine's command, when it and the image are here. Otherwise says so, or fails if the tests must not be skipped.
pub fn engine(image: &str) -> Option<&'static str> {
    let has =
        |cli: &&str| command(cli).args(["image", "inspect", image]).output().is_ok_and(|out| out.status.success());
    let found = ["podman --remote", "podman", "docker"].into_iter().find(has);
    if found.is_none() {
        let text = format!("no container engine with the image {image} (make it with examples/images)");
        testing::skip(Requirement::Engine, &text);
    }
    found
}

/// The broker's image; `DAYFLY_TEST_RABBITMQ` names another one, to try another version.
pub fn rabbitmq() -> String {
    std::env::var("DAYFLY_TEST_RABBITMQ").unwrap_or_else(|_| "localhost/dayfly/rabbitmq:1".into())
}

/// The database's image.
pub const POSTGRES: &str = "localhost/dayfly/postgres:1";

/// Runs `image` with these secrets under `/run/secrets/`, its port on the address that is its name.
pub fn run(cli: &'static str, image: &str, unit: &str, port: u16, env: &[&str], secrets: &Secrets) -> Container {
    let files = tempfile::tempdir().unwrap();
    open(files.path(), 0o755);
    for (name, content) in &secrets.files[unit] {
        let path = files.path().join(name);
        std::fs::write(&path, content).unwrap();
        open(&path, 0o644);
    }
    let name = format!("dayfly-test-agent-{}-{port}", std::process::id());
    // Removes the container when its standard input closes, which happens even if this process is killed.
    let script = format!("cat; CONTAINER_HOST=${{DOCKER_HOST:-$CONTAINER_HOST}} {cli} rm --force --volumes {name}");
    let reaper = Command::new("sh")
        .args(["-c", &script])
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut command = command(cli);
    command.args(["run", "--detach", "--name", &name, "--label", "dayfly-test=agent", "--memory", "512m"]);
    command.args([
        "--publish",
        &format!("{unit}:{port}:{port}"),
        "--volume",
        &format!("{}:/run/secrets:ro", files.path().display()),
    ]);
    for variable in env {
        command.args(["--env", variable]);
    }
    let out = command.arg(image).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    Container { name, cli, _files: files, _reaper: reaper }
}

fn open(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// The agent's binary.
pub fn binary() -> PathBuf {
    env!("CARGO_BIN_EXE_dayfly").into()
}

/// The real agent over pipes.
pub struct Agent {
    pub client: AgentClient,
    pub process: tokio::process::Child,
}

pub fn agent(hello: AgentContext) -> Agent {
    let mut command = tokio::process::Command::new(binary());
    let mut process =
        command.arg("agent").stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let link =
        AgentLink { input: Box::pin(process.stdin.take().unwrap()), output: Box::pin(process.stdout.take().unwrap()) };
    Agent { client: AgentClient::connect(link, hello), process }
}

impl Agent {
    pub async fn ask(&self, ask: AgentRequest) -> AgentResponse {
        self.client.ask(ask).await.unwrap()
    }

    /// A step written as in a description.
    pub async fn step(&self, action: Value, within_ms: Option<u64>) -> AgentResponse {
        self.ask(AgentRequest::Step { action: Box::new(serde_json::from_value(action).unwrap()), within_ms }).await
    }

    pub async fn holds(&self, action: Value) -> (BTreeMap<String, String>, String) {
        match self.step(action.clone(), None).await {
            AgentResponse::Passed { captured, saw, .. } => (captured, saw),
            other => panic!("{action} was answered by {other:?}"),
        }
    }

    pub async fn fails(&self, action: Value) -> StepFailure {
        match self.step(action.clone(), None).await {
            AgentResponse::Failed(failure) => failure,
            other => panic!("{action} was answered by {other:?}"),
        }
    }

    pub async fn ready(&self, unit: &str, ready: ReadyPlan, within_ms: u64) -> AgentResponse {
        self.ask(AgentRequest::Ready { unit: unit.into(), ready, within_ms, at: None }).await
    }
}

/// The context of an agent without broker and database.
pub fn bare() -> AgentContext {
    AgentContext {
        ca: String::new(),
        broker: None,
        databases: BTreeMap::new(),
        backing: BTreeMap::new(),
        secrets: BTreeMap::new(),
    }
}

pub fn none() -> Value {
    json!(null)
}
