//! The exit codes. Pure.

use super::Facts;
use super::facts::CauseKind;

/// Success; every suite passed.
pub const PASSED: u8 = 0;
/// An unexpected error, a run that a newer one replaced, or an environment of another owner.
pub const UNEXPECTED: u8 = 1;
/// Wrong usage or an invalid description.
pub const USAGE: u8 = 2;
/// No capacity: disk, addresses, quota.
pub const NO_CAPACITY: u8 = 3;
/// The environment did not become ready, or a service ended while suites ran.
pub const NOT_READY: u8 = 4;
/// An acceptance suite failed.
pub const ACCEPTANCE: u8 = 5;
/// A security suite, or one of kind dependencies, failed.
pub const SECURITY: u8 = 6;
/// A suite could not be judged.
pub const INCONCLUSIVE: u8 = 7;
/// The evidence could not be signed or stored.
pub const NO_EVIDENCE: u8 = 8;
/// Teardown is incomplete.
pub const TEARDOWN: u8 = 9;
/// Verification refused the evidence.
pub const REFUSED: u8 = 10;
/// A running environment differs from a description.
pub const DIFFERS: u8 = 11;
/// Stopped by SIGINT or SIGTERM.
pub const INTERRUPTED: u8 = 130;

/// The exit code of a kind of cause.
pub fn from_cause(kind: CauseKind) -> u8 {
    match kind {
        CauseKind::Unexpected | CauseKind::Superseded | CauseKind::OwnedByOther => UNEXPECTED,
        CauseKind::Invalid => USAGE,
        CauseKind::NoCapacity => NO_CAPACITY,
        CauseKind::NotReady | CauseKind::UnitEnded => NOT_READY,
        CauseKind::AcceptanceFailed => ACCEPTANCE,
        CauseKind::SecurityFailed | CauseKind::DependenciesFailed => SECURITY,
        CauseKind::Inconclusive => INCONCLUSIVE,
        CauseKind::NoEvidence => NO_EVIDENCE,
        CauseKind::TeardownIncomplete => TEARDOWN,
        CauseKind::Refused => REFUSED,
        CauseKind::Interrupted => INTERRUPTED,
    }
}

/// The exit code of a run: that of its first cause.
pub fn from_facts(facts: &Facts) -> u8 {
    facts.causes.first().map_or(PASSED, |c| from_cause(c.kind))
}
