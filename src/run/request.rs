//! A validated request for a run.

use crate::model::{PolicyReference, Proof};
use crate::plan::Plan;
use crate::policy::DependencyLimits;
use crate::report::facts::{Change, Runner};
use crate::spec::ValidDescription;

/// A validated request for a run.
pub struct RunRequest {
    /// The description.
    pub valid: ValidDescription,
    /// Its plan.
    pub plan: Plan,
    /// The change under test.
    pub change: Change,
    /// The program that runs it, for the report.
    pub runner: Runner,
    /// The policy that the description was checked against; none for the built-in limits.
    pub policy: Option<PolicyReference>,
    /// What the policy accepts of dependencies.
    pub dependencies: DependencyLimits,
    /// Proof of some claims of the requester.
    pub proof: Option<Proof>,
}
