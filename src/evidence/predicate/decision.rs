//! The predicate of a decision of the gate: SLSA's verification summary. Data only.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{DigestSet, Policy, TestOutcome};

/// Predicate type of a decision of the gate.
pub const VERIFICATION_SUMMARY: &str = "https://slsa.dev/verification_summary/v1";

/// Predicate of the statement about one image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DecisionPredicate {
    /// Who decided.
    pub verifier: Verifier,
    /// When.
    pub time_verified: Timestamp,
    /// The image as it was named.
    pub resource_uri: String,
    /// The policy of the gate.
    pub policy: Policy,
    /// The statement of the run that the decision rests on.
    pub input_attestations: Vec<InputAttestation>,
    /// PASSED: it may be installed.
    pub verification_result: TestOutcome,
    /// `DAYFLY_GATE` if it passed. SLSA keeps names that begin with `SLSA_` for itself.
    pub verified_levels: Vec<String>,
    /// What else is known.
    pub decision: DecisionDetail,
}

/// Who decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verifier {
    /// `https://dayfly.dev/gate`.
    pub id: String,
    /// Versions by name.
    pub version: std::collections::BTreeMap<String, String>,
}

/// A statement that a decision rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputAttestation {
    /// Its file below the evidence folder.
    pub uri: String,
    /// SHA-256 of the file.
    pub digest: DigestSet,
}

/// A decision beyond SLSA's fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DecisionDetail {
    /// Id of the decision; the same in the statements of all images that were decided together.
    pub id: String,
    /// Number of images that were decided together.
    pub images: usize,
    /// Commit whose runs counted; none for any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Where the manifests name the image.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub used_by: Vec<String>,
    /// Every rule and its state.
    pub rules: Vec<RuleResult>,
    /// The run that tested the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<DecidedRun>,
    /// SHA-256 of the file of overrides, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overrides: Option<DigestSet>,
    /// Number of entries of the log that was read, where the policy has a log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_size: Option<u64>,
}

/// The run that a decision rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DecidedRun {
    /// Id.
    pub id: String,
    /// Environment.
    pub environment: String,
    /// SHA-256 of its statement, as the log has it.
    pub statement: DigestSet,
    /// Repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Pull request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pr: Option<u64>,
    /// Head commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
}

/// The state of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RuleState {
    /// The evidence shows that it holds.
    Satisfied,
    /// The evidence shows that it does not hold.
    Violated,
    /// The evidence does not show whether it holds.
    Indeterminate,
    /// The policy does not have it, or it is about something that is not there.
    NotApplicable,
}

/// A rule and its state for one image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleResult {
    /// Code of the rule.
    pub rule: String,
    /// State.
    pub state: RuleState,
    /// The reason; empty where there is nothing to say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub solution: Option<String>,
    /// When it begins to deny; until then it only warns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_on: Option<Timestamp>,
    /// The override that lets the image through nevertheless.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overridden: Option<AppliedOverride>,
}

/// An override that was used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppliedOverride {
    /// Who answers for it.
    pub approver: String,
    /// Why.
    pub reason: String,
    /// When it ends.
    pub until: Timestamp,
}

impl RuleResult {
    /// Returns true if it is violated or indeterminate.
    pub fn is_unmet(&self) -> bool {
        matches!(self.state, RuleState::Violated | RuleState::Indeterminate)
    }

    /// Returns true if it denies.
    pub fn denies(&self) -> bool {
        self.is_unmet() && self.effective_on.is_none() && self.overridden.is_none()
    }
}
