//! Why a run did not pass.

use serde::{Deserialize, Serialize};

/// The kinds of cause, each with its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CauseKind {
    /// 1
    Unexpected,
    /// 2
    Invalid,
    /// 3
    NoCapacity,
    /// 4
    NotReady,
    /// 4, because a unit ended while suites ran
    UnitEnded,
    /// 5
    AcceptanceFailed,
    /// 6
    SecurityFailed,
    /// 6, because of a vulnerable or malicious package
    DependenciesFailed,
    /// 7
    Inconclusive,
    /// 8
    NoEvidence,
    /// 9
    TeardownIncomplete,
    /// 10
    Refused,
    /// 130, by the user or CI
    Interrupted,
    /// 1, by a newer run of the same pull request
    Superseded,
    /// 1, because the environment belongs to somebody else
    OwnedByOther,
}

impl CauseKind {
    /// Returns true if a suite alone is the cause.
    pub fn is_of_suite(self) -> bool {
        matches!(self, Self::AcceptanceFailed | Self::SecurityFailed | Self::DependenciesFailed | Self::Inconclusive)
    }
}

/// One cause of a result other than passed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cause {
    /// Kind.
    pub kind: CauseKind,
    /// Description.
    pub text: String,
}
