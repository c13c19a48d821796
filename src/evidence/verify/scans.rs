//! Verifies the statements about scans of dependencies that a run names. Pure.

use super::Refusal;
use crate::evidence::predicate::{RunScan, RunSuite, Subject, VulnsPredicate};
use crate::model::Verdict;
use crate::spec::model::SuiteKind;

/// Refuses a statement that is not about what the run says of it.
pub(super) fn check_subject(subject: &[Subject], scan: &RunScan) -> Result<(), Refusal> {
    match subject {
        [only] if only.digest == scan.digest && only.name == scan.name => Ok(()),
        _ => Err(Refusal::Unmet(format!("the statement about {} is about something else", scan.name))),
    }
}

/// Refuses a suite of kind `dependencies` that passed although a case has no statement, did not pass, or looked up nothing.
pub(super) fn check_passed(suite: &RunSuite, scans: &[VulnsPredicate]) -> Result<(), Refusal> {
    let summary = &suite.summary;
    if summary.kind != SuiteKind::Dependencies || summary.verdict != Some(Verdict::Passed) {
        return Ok(());
    }
    let looked_up = |p: &VulnsPredicate| p.scan.coverage.iter().map(|c| c.packages).sum::<usize>() > 0;
    let is_sound = |p: &VulnsPredicate| p.scan.verdict == Verdict::Passed && looked_up(p);
    if scans.len() == summary.counts.total && scans.iter().all(is_sound) {
        return Ok(());
    }
    let why = format!("suite {} passed, and not every scan of it did and looked up packages", summary.name);
    Err(Refusal::UnfoundedPass(why))
}
