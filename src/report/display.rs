//! Shared wording of all formats: outcomes, verdicts, causes, engines, departures.

use super::facts::{CaseFact, CaseFailure, CauseKind, Facts, SuiteFact, UnitEnd};
use super::time;
use crate::engine::EngineKind;
use crate::model::{Outcome, SuiteSource, Verdict, sanitize};
use crate::plan::Confinement;
use crate::spec::model::SuiteKind;

/// The end of a unit that no step asked for, in one line.
pub fn unit_end(end: &UnitEnd) -> String {
    let allowed = end.allowed_by.as_ref().map(|suite| format!(", allowed by suite {suite}")).unwrap_or_default();
    let often = if end.times > 1 { format!(", {} times", end.times) } else { String::new() };
    let when = super::time::timestamp(end.at);
    sanitize::one_line(&format!("{}: {} {} ({when}{often}){allowed}", end.unit, end.what, end.when()), 400)
}

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

/// What every format says of a run whose evidence nobody signed.
pub const UNSIGNED: &str = "UNSIGNED: nobody signed this report, so that it proves nothing; `dayfly verify` refuses it";

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

/// `acceptance`, `security` or `dependencies`.
pub fn suite_kind(kind: SuiteKind) -> &'static str {
    match kind {
        SuiteKind::Acceptance => "acceptance",
        SuiteKind::Security => "security",
        SuiteKind::Dependencies => "dependencies",
    }
}

/// Maximum number of lost cases that are named.
const LOST_CASES: usize = 20;

/// Where a suite comes from and how the change treats it, in a run with a base.
pub fn origin(suite: &SuiteFact) -> Option<String> {
    let origin = suite.origin.as_ref()?;
    let changed = origin.changed_in_pr?;
    if origin.source_ref.from == SuiteSource::Change {
        return Some("of the change: the base does not have it".into());
    }
    let commit = origin.source_ref.commit.as_deref().map(|c| format!(" at {}", short(c))).unwrap_or_default();
    let changed = if changed { "; the change alters or removes it" } else { "" };
    let lost = lost_cases(&origin.lost_cases).map(|l| format!("; {l}")).unwrap_or_default();
    Some(format!("of the base{commit}{changed}{lost}"))
}

/// Says which cases of the base the change lost, if it lost any.
pub fn lost_cases(ids: &[String]) -> Option<String> {
    let named: Vec<_> = ids.iter().take(LOST_CASES).map(|id| sanitize::one_line(id, 64)).collect();
    let more = ids.len().saturating_sub(LOST_CASES);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!ids.is_empty()).then(|| format!("the change lost cases against the base: {}{more}", named.join(", ")))
}

/// `1 of 2 attempts failed`.
pub fn attempts(case: &CaseFact) -> String {
    format!("{} of {} attempts failed", case.failed_attempts, case.attempts)
}

/// How long a failure was waited for; none if nothing was.
pub fn waited(failure: &CaseFailure) -> Option<String> {
    (failure.waited_ms > 0).then(|| time::duration(failure.waited_ms))
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
        CauseKind::UnitEnded => "service ended",
        CauseKind::AcceptanceFailed => "acceptance failed",
        CauseKind::SecurityFailed => "security failed",
        CauseKind::DependenciesFailed => "dependencies failed",
        CauseKind::Inconclusive => "inconclusive",
        CauseKind::NoEvidence => "no evidence",
        CauseKind::TeardownIncomplete => "teardown incomplete",
        CauseKind::Refused => "refused",
        CauseKind::Interrupted => "interrupted",
        CauseKind::Superseded => "superseded",
        CauseKind::OwnedByOther => "belongs to another owner",
    }
}

/// Who requested the run, and what of it is only declared.
pub fn requester(facts: &Facts) -> Option<String> {
    let requester = facts.requester.as_ref()?;
    let part = |text: &Option<String>| sanitize::one_line(text.as_deref().unwrap_or("unknown"), 120);
    let who = match (&requester.namespace, &requester.user) {
        (Some(_), _) => format!(
            "TestEnvironment {}/{}, user {}",
            part(&requester.namespace),
            part(&requester.name),
            part(&requester.user)
        ),
        (None, Some(_)) => format!("command line, user {}", part(&requester.user)),
        (None, None) => "command line".into(),
    };
    let proof = requester.proven.as_ref().map(|p| {
        let claims = sanitize::one_line(&p.proves.join(", "), 120);
        format!("; proven: {claims}, by {}", sanitize::one_line(&p.by, 300))
    });
    Some(format!("{who}; only declared: {}{}", facts.declared().join(", "), proof.unwrap_or_default()))
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

/// The policy and its digest; none if dayfly's built-in limits held.
pub fn policy(facts: &Facts) -> Option<String> {
    let policy = facts.policy.as_ref()?;
    let (uri, digest) = (sanitize::one_line(&policy.uri, 300), sanitize::one_line(&policy.digest, 100));
    Some(format!("{uri} sha256:{digest}"))
}

/// The commit's first 12 characters, or `unknown commit`.
pub fn commit(facts: &Facts) -> String {
    if facts.change.commit.is_empty() { "unknown commit".into() } else { short(&facts.change.commit) }
}

fn short(commit: &str) -> String {
    sanitize::one_line(commit, 200).chars().take(12).collect()
}

/// A unit or container suite that departs from the secure defaults.
pub struct Departing<'a> {
    /// `unit`, or `suite NAME`.
    pub name: String,
    /// The departures in words.
    pub departures: String,
    /// Reason, as the description gives it.
    pub reason: &'a str,
}

/// All units and container suites that depart from the secure defaults.
pub fn departing(facts: &Facts) -> impl Iterator<Item = Departing<'_>> {
    let units = facts.units.iter().map(|u| (sanitize::one_line(&u.name, 60), &u.confinement));
    let suites = facts
        .suites
        .iter()
        .filter_map(|s| Some((format!("suite {}", sanitize::one_line(&s.name, 60)), s.confinement.as_ref()?)));
    units.chain(suites).filter_map(|(name, confinement)| {
        let departures = departures(confinement).join(", ");
        let reason = confinement.reason.as_deref().unwrap_or("no reason given");
        (!departures.is_empty()).then_some(Departing { name, departures, reason })
    })
}

/// The departures from the secure defaults, without the reason.
pub fn departures(confinement: &Confinement) -> Vec<String> {
    confinement.departures().iter().map(|d| sanitize::one_line(d, 300)).collect()
}
