//! What stands in the index of an audit. Data only.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::collect::Period;
use super::merge::Change;
use crate::evidence::predicate::AppliedOverride;
use crate::findings::AppliedWaiver;
use crate::model::{Outcome, Verdict};
use crate::spec::model::SuiteKind;

/// The index.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditIndex {
    /// Version of this format.
    pub schema_version: u32,
    /// Time.
    pub period: Period,
    /// When it was made.
    pub made_on: Timestamp,
    /// Ids of the trusted keys.
    pub keys: Vec<String>,
    /// Repository whose runs count; none for any.
    pub repository: Option<String>,
    /// What an auditor would ask about; empty if nothing is missing.
    pub findings: Vec<String>,
    /// The log.
    pub log: Option<LogState>,
    /// Changes of the main branch.
    pub changes: Option<Vec<Change>>,
    /// Changes that were drawn, or runs where no repository was given.
    pub sample: Vec<String>,
    /// By control.
    pub controls: Vec<ControlRow>,
    /// By pull request.
    pub pull_requests: Vec<PullRequestRow>,
    /// By component.
    pub components: Vec<ComponentRow>,
    /// Runs, the oldest first.
    pub runs: Vec<RunRow>,
    /// Decisions of the gate.
    pub decisions: Vec<DecisionRow>,
    /// Removals that are not part of a run.
    pub removals: Vec<RemovalRow>,
    /// Findings in dependencies that somebody accepted.
    pub waivers: Vec<WaiverRow>,
    /// Folders that no trusted key proves.
    pub refused: Vec<(String, String)>,
}

/// The log beside its evidence.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogState {
    /// It can be trusted, and nothing is missing from the evidence folder, at any time.
    pub complete: bool,
    /// Number of entries.
    pub entries: u64,
    /// What is wrong.
    pub problems: Vec<String>,
    /// Runs that were opened and never closed.
    pub never_closed: Vec<String>,
}

/// A control.
#[derive(Debug, Clone, Serialize)]
pub struct ControlRow {
    /// Id of the edition of 2022.
    pub id: &'static str,
    /// Id of the edition of 2013.
    pub alias: &'static str,
    /// What it is about.
    pub about: &'static str,
    /// What the records show.
    pub shows: &'static str,
    /// Number of records that support it.
    pub records: usize,
}

/// A pull request.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PullRequestRow {
    /// Repository.
    pub repository: Option<String>,
    /// Number.
    pub number: u32,
    /// Its runs.
    pub runs: Vec<String>,
    /// Outcome of the latest.
    pub outcome: Outcome,
}

/// An image that ran as a service, by name.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ComponentRow {
    /// Unit.
    pub unit: String,
    /// Image without tag and digest.
    pub image: String,
    /// Number of runs.
    pub runs: usize,
    /// When it was last tested, and the outcome.
    pub last_on: Timestamp,
    /// Outcome of that run.
    pub outcome: Outcome,
}

/// A run.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunRow {
    /// Id.
    pub id: String,
    /// Folder.
    pub folder: String,
    /// Key that signed it.
    pub keyid: String,
    /// Environment.
    pub environment: String,
    /// Repository.
    pub repository: Option<String>,
    /// Pull request.
    pub pr: u32,
    /// Head commit.
    pub commit: String,
    /// Begin.
    pub started_on: Timestamp,
    /// Outcome.
    pub outcome: Outcome,
    /// Suites: name, kind, verdict, and whether it came from the protected base.
    pub suites: Vec<SuiteRow>,
    /// The environment was removed completely.
    pub removed: bool,
    /// Number of raw files that are missing.
    pub raw_absent: usize,
}

/// A suite.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SuiteRow {
    /// Name.
    pub name: String,
    /// Kind.
    pub kind: SuiteKind,
    /// Verdict.
    pub verdict: Option<Verdict>,
    /// It came from the protected base.
    pub from_base: bool,
}

/// A decision about one image.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DecisionRow {
    /// Id of the decision.
    pub id: String,
    /// Folder.
    pub folder: String,
    /// When.
    pub on: Timestamp,
    /// Image.
    pub image: String,
    /// It may be installed.
    pub allowed: bool,
    /// Rules that are not met, with reasons.
    pub unmet: Vec<String>,
    /// Overrides that were used, by rule.
    pub overrides: BTreeMap<String, AppliedOverride>,
    /// The run that it rests on.
    pub run: Option<String>,
}

/// A removal.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RemovalRow {
    /// Folder.
    pub folder: String,
    /// Environment.
    pub environment: String,
    /// Begin.
    pub on: Timestamp,
    /// It ended, and nothing remains.
    pub complete: bool,
    /// Reason.
    pub reason: String,
}

/// A waiver that was used.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WaiverRow {
    /// Id of the advisory.
    pub id: String,
    /// Package.
    pub package: String,
    /// Run.
    pub run: String,
    /// Waiver.
    #[serde(flatten)]
    pub waiver: AppliedWaiver,
}
