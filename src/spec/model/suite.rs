//! Suites: containers, or cases made of built-in steps.
//!
//! Data only, as in `model`; a step is also what travels to the agent that performs it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::container::{Resources, Security};
use super::scan::Scan;
use super::step::Step;
use super::value::Scalar;

/// One suite: `image` (a container suite) or `cases` (built-in steps); one of kind `dependencies` has neither.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Suite {
    /// Kind of the suite; a failure exits with code 5 for acceptance, 6 for security and dependencies.
    pub kind: SuiteKind,
    /// Services that it may call; it reaches nothing else.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Secrets delivered as `/run/secrets/<name>`; also `{{secret "name"}}` in steps and in `secretEnv`.
    #[serde(default)]
    pub secrets: Vec<String>,
    /// `true` or `false`, usually a value such as `'{{nightly}}'`; with `false` the suite is left out, and reported as not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Scalar>,
    /// May run in parallel with other suites that set this (default false).
    #[serde(default)]
    pub parallel: bool,
    /// Longest time for the whole suite (default `10m`).
    #[serde(default = "default_timeout")]
    #[schemars(example = &"10m")]
    pub timeout: String,
    /// How often a failed case (or container) is retried; if it then passes, it is reported as flaky (default 0).
    #[serde(default)]
    #[schemars(range(min = 0, max = 5))]
    pub retries: u8,
    /// Services whose process may end or restart while this suite runs; the report shows when it did. Any other end that
    /// no step asked for prevents PASSED.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub may_end: Vec<String>,
    /// What a flaky case means: a warning, or that the suite fails (default `warn`).
    #[serde(default, skip_serializing_if = "FlakyRule::is_default")]
    pub flaky: FlakyRule,
    /// Image of a container suite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Process of a container suite, in place of the image's: entrypoint and arguments in one.
    #[serde(default)]
    pub command: Vec<String>,
    /// Entrypoint of a container suite, in place of the image's, whose arguments do not count then; `args` are its arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entrypoint: Vec<String>,
    /// Arguments of a container suite, in place of the image's; they follow `command`, `entrypoint` or the image's entrypoint.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Absolute path of the folder in which the process of a container suite begins (default: the image's own).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<String>,
    /// Environment variables of a container suite.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Environment variables of a container suite that contain its secrets, such as `Bearer {{secret "token"}}`; who may inspect
    /// its container can read them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secret_env: BTreeMap<String, String>,
    /// Folder of a container suite whose files are collected (default `/results`).
    #[serde(default = "default_results")]
    pub results: String,
    /// What decides the verdict of a container suite: the format of its results (default `junit`), or `exit-code`.
    #[serde(default)]
    pub verdict: VerdictSource,
    /// Severity from which a finding of a scanner fails, with `verdict: sarif`, `cyclonedx` or `zap` (default `low`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fail_on: Option<Severity>,
    /// Limits of a container suite.
    #[serde(default)]
    pub resources: Resources,
    /// Departures of a container suite from the secure defaults.
    #[serde(default)]
    pub security: Security,
    /// What a suite of kind `dependencies` scans (default: the images of all units and container suites).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scan: Option<Scan>,
    /// The cases of a suite of built-in steps, in their order.
    #[serde(default)]
    pub cases: Vec<Case>,
}

fn default_timeout() -> String {
    "10m".into()
}
fn default_results() -> String {
    "/results".into()
}

impl Suite {
    /// Whether its condition lets it run; none if the condition is neither true nor false.
    pub fn runs(&self) -> Option<bool> {
        match self.when.as_ref() {
            None => Some(true),
            Some(Scalar::Bool(condition)) => Some(*condition),
            Some(Scalar::Text(text)) => text.parse().ok(),
            Some(Scalar::Int(_)) => None,
        }
    }
}

/// Acceptance, security, or dependencies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SuiteKind {
    /// Tests what the services must do.
    Acceptance,
    /// Tests what the services must refuse.
    Security,
    /// Scans what is installed in images, and what lock files name, for known vulnerabilities and malicious packages.
    Dependencies,
}

/// What decides the verdict of a container suite.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum VerdictSource {
    /// JUnit XML (`*.xml`) in the results folder, and the exit code.
    #[default]
    Junit,
    /// TAP 12 to 14 (`*.tap`), and the exit code.
    Tap,
    /// CTRF (`*.json`), and the exit code.
    Ctrf,
    /// Findings in SARIF 2.1.0 (`*.sarif` or `*.json`), and the exit code.
    Sarif,
    /// Vulnerabilities of a CycloneDX BOM or VEX (`*.json`), and the exit code.
    Cyclonedx,
    /// Alerts in ZAP's traditional JSON report (`*.json`), and the exit code.
    Zap,
    /// The exit code alone: one case.
    ExitCode,
}

impl VerdictSource {
    /// Returns true for formats of findings, which have severities, and not of tests.
    pub fn is_scan(self) -> bool {
        matches!(self, Self::Sarif | Self::Cyclonedx | Self::Zap)
    }
}

/// Severity of a finding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Low; a note in SARIF.
    #[default]
    Low,
    /// Medium; a warning in SARIF.
    Medium,
    /// High; an error in SARIF.
    High,
    /// Critical; only CycloneDX has it.
    Critical,
}

impl Severity {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// What a case means that failed and then passed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FlakyRule {
    /// It passed, and is reported.
    #[default]
    Warn,
    /// The suite fails.
    Fail,
}

impl FlakyRule {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// One judgement: steps in order; the first that fails ends it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Case {
    /// Short id, unique in the suite, such as `A1`.
    #[schemars(example = &"A1")]
    pub id: String,
    /// A sentence that says what holds when the case passes.
    pub name: String,
    /// The steps.
    pub steps: Vec<Step>,
    /// Steps that always run at the end; their failure fails the case.
    #[serde(default)]
    pub cleanup: Vec<Step>,
}
