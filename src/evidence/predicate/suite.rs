//! The predicate of a suite. Data only.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Context, Departure, DigestSet, Origin, Scope, SuiteSourceRef, TestResult};
use crate::model::{SuiteSource, Verdict};
use crate::report::facts::CaseFailure;
use crate::spec::model::SuiteKind;

/// Counts of cases.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// All.
    pub total: usize,
    /// Passed, including flaky ones.
    pub passed: usize,
    /// Failed.
    pub failed: usize,
    /// Inconclusive.
    pub inconclusive: usize,
    /// Skipped by the suite itself.
    pub skipped: usize,
    /// Failed and then passed.
    pub flaky: usize,
}

/// One suite.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SuiteSummary {
    /// Name.
    pub name: String,
    /// Kind.
    pub kind: SuiteKind,
    /// SHA-256 of its part of the description.
    pub digest: DigestSet,
    /// Its location in the description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Verdict; absent if the suite did not finish.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it began.
    pub started_on: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_on: Option<Timestamp>,
    /// Counts of its cases.
    pub counts: Counts,
    /// Raw result files and logs.
    pub raw_reports: Vec<RawReport>,
    /// Departure of its container from the secure defaults, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub departure: Option<Departure>,
    /// Where it comes from, where known.
    #[serde(flatten)]
    pub origin: Option<Origin>,
}

impl SuiteSummary {
    /// Its origin, if it comes from the protected base.
    pub fn base(&self) -> Option<&SuiteSourceRef> {
        self.origin.as_ref().map(|o| &o.source_ref).filter(|s| s.from == SuiteSource::Base)
    }
}

/// A raw file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RawReport {
    /// Name in the suite.
    pub name: String,
    /// Media type.
    pub media_type: String,
    /// By content; stored as `raw/<sha256>`.
    pub digest: DigestSet,
    /// Bytes.
    pub size: u64,
}

/// One case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CaseSummary {
    /// Id.
    pub id: String,
    /// The property that it checks.
    pub name: String,
    /// Verdict; absent when skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// Attempts.
    pub attempts: u8,
    /// Attempts that failed. Statements of earlier versions do not know it.
    #[serde(default)]
    pub failed_attempts: u8,
    /// Milliseconds.
    pub took_ms: u64,
    /// Positive controls that its refusals rest on.
    pub controls: Vec<String>,
    /// Its failures.
    pub failures: Vec<CaseFailure>,
}

/// Predicate of one suite's statement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SuitePredicate {
    /// Always `Scope::Suite`.
    pub scope: Scope,
    /// The standard fields.
    #[serde(flatten)]
    pub test: TestResult,
    /// Of the run.
    #[serde(flatten)]
    pub context: Context,
    /// The suite.
    pub suite: SuiteSummary,
    /// Its cases.
    pub cases: Vec<CaseSummary>,
}
