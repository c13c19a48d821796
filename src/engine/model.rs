//! Values that engines take and return: claims, states, events, results.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::lease::{Inherited, Lease, Owner, Retention, TakenOver};
use crate::model::RunId;
use crate::plan::changes::Fates;

/// The kind of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineKind {
    /// A Docker-compatible socket.
    Local,
    /// A cluster, with one namespace for each environment.
    Kubernetes,
    /// The fake of tests. Its results are never signed.
    Fake,
}

/// The result of a claim.
#[derive(Debug, Clone, PartialEq)]
pub enum Claim {
    /// The environment is ours.
    Acquired {
        /// The newest older run whose objects were replaced.
        replaced: Option<crate::model::RunId>,
        /// What was taken from another owner, if anything was.
        taken_over: Option<Box<TakenOver>>,
    },
    /// A newer run owns the environment; the caller must stop.
    HeldByNewer { run: crate::model::RunId, commit: String },
    /// The environment is not the one that was compared; nothing was changed.
    ChangedMeanwhile,
    /// Another owner has the environment; nothing was changed.
    OwnedByOther {
        /// Its run; none if its lease cannot be read.
        run: Option<RunId>,
        /// Its owner; none if its lease does not name one.
        owner: Option<Box<Owner>>,
        /// The reason of the hold that prevents a deliberate take-over, if that is why.
        held: Option<String>,
    },
}

/// The policy of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimPolicy {
    /// For the objects of an older run of the same owner; those of another owner are always removed.
    pub older: ReplacePolicy,
    /// Take the environment from another owner too, unless it is held.
    pub take_over: bool,
    /// The run whose environment was compared, and must still be there; none if nothing was compared.
    pub compared: Option<RunId>,
}

impl From<ReplacePolicy> for ClaimPolicy {
    fn from(older: ReplacePolicy) -> Self {
        Self { older, take_over: false, compared: None }
    }
}

/// The policy for the objects of an older run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplacePolicy {
    /// Remove all of them.
    Recreate,
    /// Keep unchanged objects, if the engine can compare them, and replace the others.
    InPlace,
}

/// What an update would leave in place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// The fate of each unit that exists or is planned.
    pub fates: Fates,
    /// The objects that stay, for the new lease.
    pub inherited: Inherited,
}

/// The objects of an environment that a removal includes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemovalScope {
    /// All objects, whoever owns the environment.
    All,
    /// The objects of one run.
    Run(RunId),
    /// Remnants: the objects of an environment without an owner. Removes nothing that a new owner creates meanwhile.
    Remnants,
}

/// An engine's product, version and endpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EngineInfo {
    /// `podman`, `docker`, `kubernetes`.
    pub product: String,
    /// Version of the product.
    pub version: String,
    /// Socket or API server.
    pub endpoint: String,
    /// Sentences that say what the engine does not enforce; shown in reports.
    #[serde(rename = "cannot")]
    pub gaps: Vec<String>,
}

/// Exit code of a process whose end the engine did not see.
pub const UNKNOWN_CODE: i64 = -1;

/// The state of a unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum UnitState {
    /// Created, never started.
    Created,
    /// Its process runs.
    Running,
    /// Its process ended.
    Exited { code: i64, oom_killed: bool },
}

impl UnitState {
    /// Returns the worse of two states, to summarize the copies of a unit.
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

/// An environment as found by labels.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservedEnvironment {
    /// Name.
    pub environment: String,
    /// The owner's lease; none if only remnants were found.
    pub lease: Option<Lease>,
    /// The present retention; none without an owner.
    pub retention: Option<Retention>,
    /// It has a lease that this version of dayfly cannot read.
    pub unreadable_lease: bool,
    /// The worst state among the copies of each unit.
    pub units: BTreeMap<String, UnitState>,
    /// Kind and name of every object.
    pub objects: Vec<String>,
    /// It is being removed.
    pub terminating: bool,
}

/// An event of an environment.
#[derive(Debug, Clone, PartialEq)]
pub enum EngineEvent {
    /// The process of a copy of a unit ended, even if it runs again by now.
    Exited { unit: String, copy: String, code: i64, oom_killed: bool },
    /// The container or pod of a copy was removed or evicted from outside, for this reason.
    Gone { unit: String, copy: String, why: String },
    /// A unit waits for room in the cluster; what the scheduler says about it.
    WaitsForRoom { unit: String, why: String },
    /// The environment has another owner, or none.
    LeaseChanged,
}

/// The end of a container suite.
#[derive(Debug, Clone, PartialEq)]
pub struct SuiteExit {
    /// Exit code; none if it timed out.
    pub code: Option<i64>,
    /// Was OOM-killed.
    pub oom_killed: bool,
    /// It was killed at its time limit.
    pub timed_out: bool,
    /// Its log (at most the last 4 MiB).
    pub log: String,
    /// Files of its results folder by relative path (at most 32 MiB together).
    pub files: BTreeMap<String, Vec<u8>>,
    /// Results that could not be collected, and why.
    pub lost: Vec<String>,
}

/// A line of a unit's log.
#[derive(Debug, Clone, PartialEq)]
pub struct LogLine {
    /// Name of the unit's copy: `web`, `web-2`.
    pub unit: String,
    /// The line without its end.
    pub text: String,
    /// The line was longer than what is read of a line; `text` ends with a remark.
    pub cut: bool,
    /// When it was written, as the engine noted it; some engines give whole seconds.
    pub at: Option<Timestamp>,
}

/// What happens in a log that is followed from its first line.
#[derive(Debug, Clone, PartialEq)]
pub enum LogEvent {
    /// A new line.
    Line(LogLine),
    /// A line that may have come before: the engine returned to an earlier place of the log.
    Again(LogLine),
    /// Lines of this copy may be missing, and why.
    Gap { unit: String, why: String },
}

/// A running container of a unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunningContainer {
    /// Name of the unit's copy.
    pub unit: String,
    /// Digest or id of its image.
    pub image_digest: String,
    /// Identity of its process, which another start changes; empty if the engine does not know it yet.
    #[serde(default, skip)]
    pub process: String,
    /// The engine's description of it as text: searched for secrets, never reported.
    #[serde(skip)]
    pub inspect: String,
}

/// An object that could not be removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Residual {
    /// `container x`, `network y`, `volume z`.
    pub object: String,
    /// Why.
    pub reason: String,
}
