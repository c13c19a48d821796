//! What goes in and out of engines: leases, claims, states, links, results. Data without behaviour.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::lease::{Lease, Retention};
use crate::secrets::Secrets;

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

/// What a claim found.
#[derive(Debug, Clone, PartialEq)]
pub enum Claim {
    /// The environment is ours; objects of this older run were replaced, if any.
    Ours {
        /// The older run.
        replaced: Option<crate::model::RunId>,
        /// Its secrets, where what it made stays and only differences are made anew.
        kept: Option<Box<Secrets>>,
    },
    /// A newer run holds it; we must stop.
    Newer { run: crate::model::RunId, commit: String },
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

impl UnitState {
    /// The worse of two: what is said of a unit that has several copies.
    pub fn worse(self, other: Self) -> Self {
        let rank = |state: &Self| match state {
            Self::Running => 0,
            Self::Created => 1,
            Self::Exited { code: 0, .. } => 2,
            Self::Exited { .. } => 3,
        };
        if rank(&other) > rank(&self) { other } else { self }
    }
}

/// One environment as found by labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// Name.
    pub environment: String,
    /// Its owner; none when only remnants were found.
    pub lease: Option<Lease>,
    /// What changed since, in that owner's time; none without an owner.
    pub retention: Option<Retention>,
    /// It has an owner, but another version of dayfly wrote down which.
    pub unread: bool,
    /// Units by name; the worst state among replicas.
    pub units: BTreeMap<String, UnitState>,
    /// Every object by kind and name.
    pub objects: Vec<String>,
    /// It is being removed.
    pub leaving: bool,
}

/// Something that happened to a unit.
#[derive(Debug, Clone, PartialEq)]
pub enum EngineEvent {
    /// A process ended.
    Exited { unit: String, code: i64, oom_killed: bool },
    /// The environment's owner changed or went away.
    LeaseChanged,
}

/// How a container suite ended.
#[derive(Debug, Clone, PartialEq)]
pub struct SuiteExit {
    /// Exit code by inspection; none when it was killed at its time limit.
    pub code: Option<i64>,
    /// Was OOM-killed.
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
