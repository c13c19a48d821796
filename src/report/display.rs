//! Shared wording of all formats: outcomes, verdicts, causes, engines, departures.

use super::facts::{CaseFact, CauseKind, Facts, SuiteFact, UnitFact};
use crate::engine::EngineKind;
use crate::model::sanitize;
use crate::model::{Outcome, Verdict};
use crate::spec::model::SuiteKind;

/// The outcome in one capitalized word. The report of an unfinished run never shows PASSED.
pub fn outcome(facts: &Facts) -> &'static str {
    match facts.outcome() {
        Outcome::Passed | Outcome::Inconclusive if facts.finished.is_none() && facts.causes.is_empty() => "UNFINISHED",
        Outcome::Passed => "PASSED",
        Outcome::Failed => "FAILED",
        Outcome::Inconclusive => "INCONCLUSIVE",
        Outcome::Error => "ERROR",
        Outcome::Aborted => "ABORTED",
    }
}

/// The verdict of a case; none means skipped.
pub fn verdict(verdict: Option<Verdict>) -> &'static str {
    match verdict {
        Some(Verdict::Passed) => "passed",
        Some(Verdict::Failed) => "failed",
        Some(Verdict::Inconclusive) => "inconclusive",
        None => "skipped",
    }
}

/// The verdict of a suite; none means unfinished.
pub fn suite_verdict(suite: &SuiteFact) -> &'static str {
    suite.verdict.map_or("unfinished", |v| verdict(Some(v)))
}

/// `acceptance` or `security`.
pub fn suite_kind(kind: SuiteKind) -> &'static str {
    match kind {
        SuiteKind::Acceptance => "acceptance",
        SuiteKind::Security => "security",
    }
}

/// Id and name of a case on one line; omits the name if the id ends with it.
pub fn case_title(case: &CaseFact) -> String {
    let (id, name) = (sanitize::one_line(&case.id, 200), sanitize::one_line(&case.name, 300));
    if id.ends_with(&name) { id } else { format!("{id} {name}") }
}

/// The label of a kind of cause.
pub fn cause(kind: CauseKind) -> &'static str {
    match kind {
        CauseKind::Unexpected => "unexpected",
        CauseKind::Invalid => "invalid",
        CauseKind::NoCapacity => "no capacity",
        CauseKind::NotReady => "not ready",
        CauseKind::AcceptanceFailed => "acceptance failed",
        CauseKind::SecurityFailed => "security failed",
        CauseKind::Inconclusive => "inconclusive",
        CauseKind::NoEvidence => "no evidence",
        CauseKind::TeardownIncomplete => "teardown incomplete",
        CauseKind::Refused => "refused",
        CauseKind::Interrupted => "interrupted",
        CauseKind::Superseded => "superseded",
    }
}

/// Product and version if known, else the kind of engine.
pub fn engine(facts: &Facts) -> String {
    match (&facts.engine_info, facts.engine) {
        (Some(info), _) => sanitize::one_line(&format!("{} {}", info.product, info.version), 80),
        (None, EngineKind::Local) => "local engine".into(),
        (None, EngineKind::Kubernetes) => "kubernetes".into(),
        (None, EngineKind::Fake) => "fake engine (runs nothing)".into(),
    }
}

/// The commit's first 12 characters, or `unknown commit`.
pub fn commit(facts: &Facts) -> String {
    let commit = sanitize::one_line(&facts.change.commit, 200);
    if commit.is_empty() { "unknown commit".into() } else { commit.chars().take(12).collect() }
}

/// The departures of a unit from the secure defaults, without the reason.
pub fn departures(unit: &UnitFact) -> Vec<String> {
    let c = &unit.confinement;
    let mut found = Vec::new();
    if c.root || c.user.as_deref().is_some_and(|u| u == "0" || u.starts_with("0:")) {
        found.push("may run as root".to_owned());
    }
    if c.writable_root {
        found.push("has a writable root file system".to_owned());
    }
    if !c.capabilities.is_empty() {
        found.push(sanitize::one_line(&format!("has capabilities {}", c.capabilities.join(", ")), 300));
    }
    found
}
