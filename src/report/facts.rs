//! The facts of one run, the only source of reports and statements.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::engine::{EngineInfo, EngineKind, Residual};
use crate::lease::TakenOver;
use crate::model::{BuiltFrom, ImageFact, LinkedChange, PolicyReference, RunId};
use crate::plan::{Confinement, Limits, UnitKind};

mod cause;
mod clue;
mod links;
mod outcome;
mod raw_file;
mod requester;
mod scan;
mod suite;
mod unit_end;

pub use cause::{Cause, CauseKind};
pub use clue::{Clue, Clues};
pub use links::{Links, https};
pub use raw_file::RawFile;
pub use requester::Requester;
pub use scan::{ScanFact, ScannedSubject, SubjectKind};
pub use suite::{CaseFact, CaseFailure, StepFact, SuiteFact};
pub use unit_end::UnitEnd;

/// Version of this model.
pub const SCHEMA_VERSION: u32 = 1;

/// One run, from before the first object is created until the last is removed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    /// `SCHEMA_VERSION` of the writer.
    pub schema_version: u32,
    /// Run id.
    pub run: RunId,
    /// `<description>-pr-<number>`.
    pub environment: String,
    /// Name of the description.
    pub description: String,
    /// SHA-256 of the description as resolved.
    pub description_digest: String,
    /// Path of the description as the user gave it.
    pub description_path: String,
    /// The policy that the description was checked against; none for the built-in limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyReference>,
    /// Addresses of the change and the job.
    #[serde(default, skip_serializing_if = "Links::is_empty")]
    pub links: Links,
    /// Nobody signed the evidence, so that it proves nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unsigned: bool,
    /// The change under test.
    pub change: Change,
    /// Kind of engine.
    pub engine: EngineKind,
    /// Product, version and gaps of the engine.
    pub engine_info: Option<EngineInfo>,
    /// The program that ran it and, in CI, the job.
    pub runner: Runner,
    /// Who requested it; none in reports of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requester: Option<Requester>,
    /// When it began.
    pub started: Timestamp,
    /// When it ended; none while it runs.
    pub finished: Option<Timestamp>,
    /// Units in start order.
    pub units: Vec<UnitFact>,
    /// Permitted connections: (from, to).
    pub access: Vec<(String, String)>,
    /// The ports of the connections (from, to) that are not permitted to all ports. Earlier versions do not know them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub access_ports: Vec<(String, String, Vec<u16>)>,
    /// Images by reference.
    pub images: BTreeMap<String, ImageFact>,
    /// Suites in the order in which they began.
    pub suites: Vec<SuiteFact>,
    /// Suites of the description that the caller did not select (`--suite`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_selected: Vec<String>,
    /// Suites that did not run, because their condition (`when`) left them out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// Ends of units while suites ran that no step asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unit_ends: Vec<UnitEnd>,
    /// Events, in order.
    pub events: Vec<Event>,
    /// Diagnostics collected before the environment was removed: logs and objects of the engine.
    #[serde(default)]
    pub traces: Vec<RawFile>,
    /// Every cause of a result other than passed; the first one decides the exit code.
    pub causes: Vec<Cause>,
    /// Objects that teardown could not remove.
    pub residual: Vec<Residual>,
    /// When everything was removed; none if the environment was kept or something remains.
    pub removed: Option<Timestamp>,
    /// Why it was kept, if it was.
    pub kept: Option<String>,
    /// What was taken from another owner with `--take-over`, if anything was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_over: Option<TakenOver>,
}

/// The change under test.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// Repository address, where known.
    pub repository: Option<String>,
    /// Pull request.
    pub pr: u32,
    /// Head commit, as given.
    pub commit: String,
    /// The commits that images were built from, by unit or container suite, as given.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub built_from: BTreeMap<String, BuiltFrom>,
    /// Pull requests of other repositories that belong to it, as given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub with: Vec<LinkedChange>,
}

/// The program that performed the run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Runner {
    /// `dayfly`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Address of the CI job, or none.
    pub job: Option<String>,
    /// The actor that triggered the CI job, if known.
    pub actor: Option<String>,
}

/// One unit and its start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UnitFact {
    /// Name.
    pub name: String,
    /// Kind.
    pub kind: UnitKind,
    /// Image reference.
    pub image: String,
    /// Digest of the running image; none before the start.
    pub running_digest: Option<String>,
    /// Units that it waited for.
    pub needs: Vec<String>,
    /// Copies.
    pub replicas: u8,
    /// Limits.
    pub limits: Limits,
    /// Its confinement, with the reason for departures.
    pub confinement: Confinement,
    /// When its start was requested.
    pub started: Option<Timestamp>,
    /// When it was ready.
    pub ready: Option<Timestamp>,
    /// Why it did not become ready.
    pub failure: Option<String>,
    /// An excerpt of its log when it failed: the last lines, errors, whole tracebacks.
    pub last_log: Vec<String>,
}

/// An event of the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// Unit or suite, where it concerns one.
    pub about: Option<String>,
    /// Text of the event.
    pub text: String,
}

impl Facts {
    /// What the requester only declared, by name: nobody checked it.
    pub fn declared(&self) -> Vec<&'static str> {
        let proof = self.requester.as_ref().and_then(|r| r.proven.as_ref());
        let all = [
            ("repository", self.change.repository.is_some()),
            ("pull request", true),
            ("commit", !self.change.commit.is_empty()),
            ("actor", self.runner.actor.is_some()),
            ("job", self.runner.job.is_some()),
        ];
        let proven = |name: &str| proof.is_some_and(|p| p.proves.iter().any(|claim| claim == name));
        all.into_iter().filter(|(name, given)| *given && !proven(name)).map(|(name, _)| name).collect()
    }

    /// Every raw file with its source: the name of a suite, or the environment.
    pub fn raw(&self) -> impl Iterator<Item = (&str, &RawFile)> {
        let of_suites = self.suites.iter().flat_map(|s| s.raw.iter().map(|r| (s.name.as_str(), r)));
        of_suites.chain(self.traces.iter().map(|r| ("the environment", r)))
    }
}
