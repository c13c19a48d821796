//! Cases as every format makes them.

use super::limits::{MAX_FAILURES, MAX_NAME, MAX_TEXT};
use super::text::{append, cut};
use crate::model::Verdict;
use crate::report::facts::{CaseFact, CaseFailure};

/// A case that passed at its first attempt.
pub(super) fn passed(id: &str, name: &str) -> CaseFact {
    CaseFact {
        id: cut(id, MAX_NAME),
        name: cut(name, MAX_NAME),
        verdict: Some(Verdict::Passed),
        started: None,
        took_ms: 0,
        attempts: 1,
        failed_attempts: 0,
        failures: vec![],
        steps: vec![],
        controls: vec![],
        source: None,
        clues: Default::default(),
    }
}

/// Returns true if the case failed.
pub(super) fn failed(case: &CaseFact) -> bool {
    case.verdict == Some(Verdict::Failed)
}

/// Adds a failure; returns false if the case has too many to keep it.
pub(super) fn add_failure(case: &mut CaseFact, step: &str, expected: &str, got: &str) -> bool {
    let room = case.failures.len() < MAX_FAILURES;
    if room {
        let mut text = String::new();
        append(&mut text, got, MAX_TEXT);
        case.failures.push(CaseFailure {
            step: cut(step, MAX_NAME),
            expected: cut(expected, MAX_NAME),
            got: text,
            waited_ms: case.took_ms,
            source: case.source.clone(),
        });
    }
    room
}

/// Sets the numbers of attempts of a case that was repeated `reruns` times, each of which failed.
pub(super) fn count_attempts(case: &mut CaseFact, reruns: u64) {
    let reruns = u8::try_from(reruns).unwrap_or(u8::MAX);
    case.attempts = reruns.saturating_add(1);
    case.failed_attempts = reruns.saturating_add(u8::from(failed(case)));
}
