//! What is said of a whole run. Data only.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Context, DigestSet, RawReport, Scope, SuiteSummary, TestResult};
use crate::engine::Residual;
use crate::model::Outcome;
use crate::plan::UnitKind;
use crate::report::facts::Cause;

/// Predicate of the run's statement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunPredicate {
    /// Always `Scope::Run`.
    pub scope: Scope,
    /// The standard fields.
    #[serde(flatten)]
    pub test: TestResult,
    /// Of the run.
    #[serde(flatten)]
    pub context: Context,
    /// The outcome in five words.
    pub outcome: Outcome,
    /// Causes of an outcome other than passed.
    pub causes: Vec<Cause>,
    /// When it ended; absent while teardown has still to come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_on: Option<Timestamp>,
    /// Images, those of suites included.
    pub images: Vec<Image>,
    /// Units.
    pub units: Vec<UnitSummary>,
    /// Who may connect to whom.
    pub access: Vec<Access>,
    /// Suites, each bound to its own statement.
    pub suites: Vec<RunSuite>,
    /// Logs of units, and what the engine kept of the environment, taken before it was removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub traces: Vec<RawReport>,
    /// How the environment ended.
    pub teardown: Teardown,
    /// SHA-256 of `report.json`.
    pub report_digest: DigestSet,
    /// SHA-256 of the opening entry's payload; absent when no suite was reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_digest: Option<DigestSet>,
}

/// An image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// As asked for.
    pub reference: String,
    /// `sha256:…`: manifest digest, or the image id where it came from no registry.
    pub digest: String,
    /// `linux/amd64`.
    pub platform: String,
}

/// A unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UnitSummary {
    /// Name.
    pub name: String,
    /// Kind.
    pub kind: UnitKind,
    /// Image reference.
    pub image: String,
    /// What really ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running_digest: Option<String>,
    /// How it departs from the secure defaults; absent when it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub departure: Option<Departure>,
}

/// A departure from the secure defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Departure {
    /// Runs as root.
    pub root: bool,
    /// May write to its own files.
    pub writable_root: bool,
    /// Capabilities kept.
    pub capabilities: Vec<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// One permitted connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// Caller.
    pub from: String,
    /// Called.
    pub to: String,
}

/// A suite and the digest of its statement's payload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunSuite {
    /// The suite.
    #[serde(flatten)]
    pub summary: SuiteSummary,
    /// SHA-256 of the payload of `suite-<name>.sigstore.json`.
    pub statement_digest: DigestSet,
}

/// How the environment ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Teardown {
    /// When everything was gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed_on: Option<Timestamp>,
    /// What could not be removed.
    pub residual: Vec<Residual>,
    /// Why it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<String>,
}
