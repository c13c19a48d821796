//! Suites and their cases, as a run performed them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::clue::Clues;
use super::raw_file::RawFile;
use super::scan::ScanFact;
use crate::model::{SuiteOrigin, Verdict};
use crate::plan::Confinement;
use crate::spec::model::SuiteKind;

/// One suite and what it found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SuiteFact {
    /// Name.
    pub name: String,
    /// Kind.
    pub kind: SuiteKind,
    /// SHA-256 of the suite's part of the description.
    pub digest: String,
    /// Verdict; none while it runs.
    pub verdict: Option<Verdict>,
    /// Why, when it is not simply the worst of its cases.
    pub reason: Option<String>,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Option<Timestamp>,
    /// Cases in order.
    pub cases: Vec<CaseFact>,
    /// What a suite of kind `dependencies` looked at, one for each case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scans: Vec<ScanFact>,
    /// Units that may end while it runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub may_end: Vec<String>,
    /// Raw result files and logs of every attempt, kept by content.
    pub raw: Vec<RawFile>,
    /// Files in the results folder that look like results and are not, each with the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignored: Vec<String>,
    /// File:line of the suite in the description, for annotations.
    pub source: Option<String>,
    /// Confinement of its container; none for a list of cases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confinement: Option<Confinement>,
    /// Where it comes from, where known.
    #[serde(flatten)]
    pub origin: Option<SuiteOrigin>,
}

/// One case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CaseFact {
    /// Id, such as `A1`; for JUnit `classname.name`.
    pub id: String,
    /// The property that it checks.
    pub name: String,
    /// Verdict; none for a case that JUnit reports as skipped.
    pub verdict: Option<Verdict>,
    /// When it began, where known.
    pub started: Option<Timestamp>,
    /// Duration in milliseconds.
    pub took_ms: u64,
    /// Attempts made.
    pub attempts: u8,
    /// Attempts that failed; a case that passed after one is flaky.
    #[serde(default)]
    pub failed_attempts: u8,
    /// Failures, one for each failed step or JUnit failure; those of earlier attempts last.
    pub failures: Vec<CaseFailure>,
    /// Steps that ran, in a few words each, with what they saw.
    pub steps: Vec<StepFact>,
    /// Names of the positive controls that its refusals rest on.
    pub controls: Vec<String>,
    /// `path:line` of the case, where known.
    pub source: Option<String>,
    /// What the environment says about it, if it did not pass.
    #[serde(default, skip_serializing_if = "Clues::is_empty")]
    pub clues: Clues,
}

/// A failure in a case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CaseFailure {
    /// Summary of the step.
    pub step: String,
    /// The expectation.
    pub expected: String,
    /// The observation.
    pub got: String,
    /// Waiting time in milliseconds.
    pub waited_ms: u64,
    /// `path:line` of the step, where known.
    pub source: Option<String>,
}

/// An executed step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepFact {
    /// Summary of the step.
    pub did: String,
    /// The observation.
    pub saw: String,
    /// Verdict.
    pub verdict: Verdict,
    /// In milliseconds.
    pub took_ms: u64,
}
