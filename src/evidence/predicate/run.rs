//! The predicate of a run. Data only.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Context, Departure, DigestSet, RawReport, RunScan, Scope, SuiteSummary, TestResult};
use crate::engine::Residual;
use crate::lease::TakenOver;
use crate::model::{LinkedChange, Outcome};
use crate::plan::UnitKind;
use crate::report::facts::{Cause, UnitEnd};
use crate::report::sources::SourceClaim;

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
    /// The outcome.
    pub outcome: Outcome,
    /// Causes of an outcome other than passed.
    pub causes: Vec<Cause>,
    /// When it ended; absent before teardown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_on: Option<Timestamp>,
    /// Images, those of suites included.
    pub images: Vec<Image>,
    /// Where images come from, as the requester or the images themselves say. Nothing proves it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<SourceClaim>,
    /// Pull requests of other repositories that were tested together with this one, as the requester says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub with: Vec<LinkedChange>,
    /// Units.
    pub units: Vec<UnitSummary>,
    /// Allowed connections.
    pub access: Vec<Access>,
    /// Suites, each bound to its own statement.
    pub suites: Vec<RunSuite>,
    /// Suites of the description that the caller did not select.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_selected: Vec<String>,
    /// Suites that did not run, because their condition left them out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// Ends of units while suites ran that no step asked for, those that a suite allows included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unit_ends: Vec<UnitEnd>,
    /// Diagnostics collected before the environment was removed: logs of units and objects of the engine.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub traces: Vec<RawReport>,
    /// What was taken from another owner with `--take-over`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_over: Option<TakenOver>,
    /// Teardown of the environment.
    pub teardown: Teardown,
    /// SHA-256 of `report.json`.
    pub report_digest: DigestSet,
    /// SHA-256 of the payload of the opening entry; absent if the run reached no suite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_digest: Option<DigestSet>,
}

/// An image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Reference as requested.
    pub reference: String,
    /// `sha256:…`: the manifest digest, or the image id of an image without a registry.
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
    /// Digest of the running image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running_digest: Option<String>,
    /// Departure from the secure defaults, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub departure: Option<Departure>,
}

/// An allowed connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// Caller.
    pub from: String,
    /// Callee.
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
    /// The scans of a suite of kind `dependencies` that were not inconclusive, each with a statement of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scans: Vec<RunScan>,
}

impl Teardown {
    /// Returns true if nothing says how the teardown ended: the run was sealed before it, and never again.
    pub fn is_unconfirmed(&self) -> bool {
        self.removed_on.is_none() && self.residual.is_empty() && self.kept.is_none()
    }
}

/// Teardown of the environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Teardown {
    /// When everything was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed_on: Option<Timestamp>,
    /// Objects that could not be removed.
    pub residual: Vec<Residual>,
    /// Why it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<String>,
}
