//! The one trait: where environments run. An engine executes and observes; it never decides policy.
//!
//! `local` speaks to any Docker-compatible socket, `kubernetes` to a cluster; `fake` is for tests of everything above.

use std::collections::BTreeMap;
use std::pin::Pin;

use async_trait::async_trait;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::plan::{Plan, SuitePlan};

pub mod error;
pub mod fake;
pub mod kubernetes;
pub mod local;

pub use error::{EngineError, Leftover};

/// Which engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineKind {
    /// A Docker-compatible socket.
    Local,
    /// A namespace in a cluster.
    Kubernetes,
    /// Nothing real; nothing of it is ever signed.
    Fake,
}

/// Who owns an environment: kept on the environment itself, never in a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lease {
    /// `<description>-pr-<number>`.
    pub environment: String,
    /// Run id (UUIDv7, so that a later run sorts after an earlier one).
    pub run: uuid::Uuid,
    /// Head commit, as given (may be empty for a developer's `up`).
    pub commit: String,
    /// When it was made.
    pub created: jiff::Timestamp,
    /// When `reap --expired` may remove it.
    pub expires: jiff::Timestamp,
    /// The plan, so that `test`, `status` and `down` need no description file.
    pub plan: Plan,
}

/// What a claim found.
#[derive(Debug, Clone, PartialEq)]
pub enum Claim {
    /// The environment is ours; objects of this older run were replaced, if any.
    Ours {
        /// The older run.
        replaced: Option<uuid::Uuid>,
        /// Its secrets, where what it made stays and only differences are made anew.
        kept: Option<Box<Secrets>>,
    },
    /// A newer run holds it; we must stop.
    Newer { run: uuid::Uuid, commit: String },
}

/// What becomes of an older run's objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Older {
    /// All are removed: the new run begins with nothing.
    Removed,
    /// Those that are the same stay, where the engine can tell; the others are made anew.
    Updated,
}

/// The engine as it introduces itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EngineInfo {
    /// `podman`, `docker`.
    pub product: String,
    /// Its version.
    pub version: String,
    /// The socket.
    pub endpoint: String,
    /// What this engine is known not to enforce, in sentences; shown in the report.
    pub cannot: Vec<String>,
}

/// An image as the engine holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImageFact {
    /// As asked for.
    pub reference: String,
    /// `sha256:…` manifest digest where the image came from a registry, else the image id; empty until it is known.
    pub digest: String,
    /// `linux/amd64`.
    pub platform: String,
    /// The user that the image asks for; empty means root, none that it is not known before it runs.
    pub user: Option<String>,
}

/// Secret values for one environment, as stored in it. Its `Debug` shows names only.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Secrets {
    /// Values by name (`jwt-key`, `mq.file-api`, `pg-data.app`).
    pub values: BTreeMap<String, String>,
    /// PEM certificate of the environment's own authority; public.
    pub ca: String,
    /// Until when certificates are surely valid.
    #[serde(default)]
    pub certified_until: Option<jiff::Timestamp>,
    /// Per unit: files under `/run/secrets/`, by file name.
    pub files: BTreeMap<String, BTreeMap<String, Vec<u8>>>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secrets").field("names", &self.values.keys().collect::<Vec<_>>()).finish_non_exhaustive()
    }
}

/// State of one unit as the engine sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum UnitState {
    /// Made, never started.
    Created,
    /// Its process runs.
    Running,
    /// Its process ended.
    Exited { code: i64, oom_killed: bool },
}

/// One environment as found by labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// Name.
    pub environment: String,
    /// Its owner; none when only remnants were found.
    pub lease: Option<Lease>,
    /// Units by name; the worst state among replicas.
    pub units: BTreeMap<String, UnitState>,
    /// Every object by kind and name.
    pub objects: Vec<String>,
    /// It is being removed.
    pub leaving: bool,
}

/// Something that happened to a unit.
#[derive(Debug, Clone, PartialEq)]
pub enum Happened {
    /// A process ended.
    Exited { unit: String, code: i64, oom_killed: bool },
    /// The environment's owner changed or went away.
    LeaseChanged,
}

/// Where an agent stands in the network.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Position {
    /// May reach every unit: readiness and database preparation.
    Control,
    /// Where the suite of this name stands.
    Suite(String),
    /// Inside the network and process namespaces of the first copy of this unit, as its user.
    Inside(String),
    /// In a network of its own beside the environment: the neighbour of isolation checks.
    Neighbour,
}

/// A running agent: one JSON object a line in both directions; it ends when `input` is closed.
pub struct AgentLink {
    /// To the agent.
    pub input: Pin<Box<dyn AsyncWrite + Send>>,
    /// From the agent.
    pub output: Pin<Box<dyn AsyncRead + Send>>,
}

/// How a container suite ended.
#[derive(Debug, Clone, PartialEq)]
pub struct SuiteExit {
    /// Exit code by inspection; none when it was killed at its time limit.
    pub code: Option<i64>,
    /// Ended for want of memory.
    pub oom_killed: bool,
    /// Ended by the time limit.
    pub timed_out: bool,
    /// All of its log (at most 4 MiB, the end kept).
    pub log: String,
    /// Files of its results folder by relative path (at most 32 MiB together).
    pub files: BTreeMap<String, Vec<u8>>,
    /// What of the results could not be collected, and why.
    pub lost: Vec<String>,
}

/// A line of a unit's log.
#[derive(Debug, Clone, PartialEq)]
pub struct LogLine {
    /// Unit, with `-2` and so on for further copies.
    pub unit: String,
    /// The line without its end.
    pub text: String,
}

/// One container as the engine and its kernel report it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Running {
    /// Unit.
    pub unit: String,
    /// Digest or id of the image that runs.
    pub image_digest: String,
    /// Everything `inspect` shows of it, as text: searched for secrets, never reported.
    #[serde(skip)]
    pub inspect: String,
}

/// What could not be removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Residual {
    /// `container x`, `network y`, `volume z`.
    pub object: String,
    /// Why.
    pub reason: String,
}

/// Hears the lines of a suite's log while it runs.
pub type OnLine<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// Progress of an image pull, for the screen.
pub type OnProgress<'a> = &'a (dyn Fn(&str, &str) + Send + Sync);

/// Where environments run.
#[async_trait]
pub trait Engine: Send + Sync {
    /// Which engine this is.
    fn kind(&self) -> EngineKind;

    /// Product, version and endpoint, as known since it was reached; `cannot` is left empty.
    fn info(&self) -> EngineInfo;

    /// What it is known not to enforce, in sentences. Some engines take long to tell, so only reports ask.
    async fn gaps(&self) -> Result<Vec<String>, EngineError>;

    /// Finds every image, pulling what is missing; the error names all that cannot be had. Creates nothing else.
    async fn images(
        &self,
        references: &[String],
        progress: OnProgress<'_>,
    ) -> Result<BTreeMap<String, ImageFact>, EngineError>;

    /// `host:port` of the engine's own infrastructure, which no environment may reach and which a neighbour does.
    async fn off_limits(&self, _environment: &str) -> Result<Vec<String>, EngineError> {
        Ok(vec![])
    }

    /// Takes the environment for `lease.run`, unless a newer run has it.
    async fn claim(&self, lease: &Lease, older: Older) -> Result<Claim, EngineError>;

    /// The present owner.
    async fn lease(&self, environment: &str) -> Result<Option<Lease>, EngineError>;

    /// Makes everything that does not run: networks, volumes, secrets, containers not yet started.
    async fn prepare(&self, lease: &Lease, secrets: &Secrets) -> Result<(), EngineError>;

    /// The secrets of an environment that is up.
    async fn secrets(&self, environment: &str) -> Result<Secrets, EngineError>;

    /// Starts every copy of a unit; returns when its processes run.
    async fn start(&self, lease: &Lease, unit: &str) -> Result<(), EngineError>;

    /// Stops every copy of a unit; returns when its processes ended.
    async fn stop(&self, lease: &Lease, unit: &str) -> Result<(), EngineError>;

    /// Starts an agent at a position.
    async fn agent(&self, lease: &Lease, position: &Position) -> Result<AgentLink, EngineError>;

    /// The address of a unit's first copy, where it is known before its name leads there.
    async fn address(&self, _lease: &Lease, _unit: &str) -> Option<std::net::IpAddr> {
        None
    }

    /// A raw connection to a port of a unit's first copy, for `forward`.
    async fn dial(&self, lease: &Lease, unit: &str, port: u16) -> Result<AgentLink, EngineError>;

    /// Runs a container suite to its end or time limit, and collects its log and results in any case. Where the engine
    /// can, the log is also told while it is written.
    async fn run_suite(
        &self,
        lease: &Lease,
        suite: &SuitePlan,
        secrets: &Secrets,
        on_line: OnLine<'_>,
    ) -> Result<SuiteExit, EngineError>;

    /// What happens to the environment from now on.
    async fn watch(&self, environment: &str) -> Result<BoxStream<'static, Happened>, EngineError>;

    /// One environment, none if nothing of that name exists.
    async fn observe(&self, environment: &str) -> Result<Option<Observed>, EngineError>;

    /// All environments of this engine, remnants included.
    async fn list(&self) -> Result<Vec<Observed>, EngineError>;

    /// The log of one unit, or of all: the last `tail` lines (all if none), then new ones while `follow`.
    async fn logs(
        &self,
        environment: &str,
        unit: Option<&str>,
        tail: Option<usize>,
        follow: bool,
    ) -> Result<BoxStream<'static, Result<LogLine, EngineError>>, EngineError>;

    /// What runs, for the report and the security checks.
    async fn running(&self, environment: &str) -> Result<Vec<Running>, EngineError>;

    /// What the engine itself keeps about an environment, by file name: object states and events, without secrets.
    async fn traces(&self, _environment: &str) -> Result<BTreeMap<String, Vec<u8>>, EngineError> {
        Ok(BTreeMap::new())
    }

    /// Removes the environment, or only what belongs to one run of it. Carries on past errors; returns what is left.
    async fn remove(&self, environment: &str, run: Option<uuid::Uuid>) -> Result<Vec<Residual>, EngineError>;
}
