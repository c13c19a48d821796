//! Requirements on a verified run beyond authenticity. Pure.
//!
//! The statement of a single suite says nothing about its run, so requirements hold for whole folders only.

use std::time::Duration;

use jiff::Timestamp;

use super::{Refusal, VerifiedRun};
use crate::evidence::predicate::{PullRequest, RunPredicate, SuiteSummary, Teardown};
use crate::model::{BuiltFrom, Outcome, Repository, RunId, Verdict};
use crate::report::sources::SaidBy;
use crate::spec::model::SuiteKind;

/// Maximum time by which the runner's clock may be ahead of the verifier's.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(300);

/// Requirements on a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Requirements {
    /// The run passed.
    pub passed: bool,
    /// Number of the pull request.
    pub pull_request: Option<u32>,
    /// Repository.
    pub repository: Option<Repository>,
    /// Namespace of the requesting TestEnvironment, empty for the command line; and, where given, the user.
    pub requester: Option<(String, Option<String>)>,
    /// Something proves the repository.
    pub proven: bool,
    /// Run id.
    pub run: Option<RunId>,
    /// Maximum time since the run ended, or began where it has no end.
    pub max_age: Option<Duration>,
    /// Suites that passed, by name and, where given, the SHA-256 of their part of the description.
    pub suites: Vec<(String, Option<String>)>,
    /// Kinds of suite of which at least one passed.
    pub kinds: Vec<SuiteKind>,
    /// SHA-256 of the description as resolved.
    pub description_sha256: Option<String>,
    /// SHA-256 of the operator's policy.
    pub policy_sha256: Option<String>,
    /// Only suites of the protected base count, at least one passed, and all of them did.
    pub base_suites: bool,
    /// Commit of the base that these suites come from.
    pub base_commit: Option<String>,
    /// SHA-256 of the base's description file that these suites come from.
    pub base_sha256: Option<String>,
    /// The commits that images of units or suites were built from, as the requester said.
    pub built_from: Vec<(String, BuiltFrom)>,
    /// Suites that need not run if their condition leaves them out.
    pub may_be_left_out: Vec<String>,
    /// No unit departs from the secure defaults.
    pub no_departures: bool,
    /// The run removed its environment, completely.
    pub removed: bool,
    /// Raw files may be missing.
    pub raw_may_be_absent: bool,
}

impl Requirements {
    /// Returns true if anything is required that only the evidence of a whole run can show.
    pub fn need_a_run(&self) -> bool {
        let allowances = (self.raw_may_be_absent, self.may_be_left_out.clone());
        *self != Self { raw_may_be_absent: allowances.0, may_be_left_out: allowances.1, ..Self::default() }
    }

    /// Returns the first requirement that the run does not meet, at this time of the verifier.
    pub fn check(&self, verified: &VerifiedRun, now: Timestamp) -> Result<(), Refusal> {
        let run = &verified.run;
        if self.passed && run.outcome != Outcome::Passed {
            return Err(Refusal::NotPassed(run.outcome));
        }
        if let Some(name) = run.not_selected.first().filter(|_| self.passed) {
            return Err(unmet(format!(
                "suite {name} of the description was not selected, so not the whole run passed"
            )));
        }
        let counts = self.passed || self.needs_base();
        if let Some(name) = run.left_out.iter().find(|name| counts && !self.may_be_left_out.contains(name)) {
            return Err(unmet(format!(
                "suite {name} did not run because of its condition, and --may-leave-out {name} was not given"
            )));
        }
        for (name, wanted) in &self.built_from {
            check_source(run, name, wanted)?;
        }
        self.check_change(run)?;
        self.check_requester(run)?;
        let proof = run.context.requester.as_ref().and_then(|r| r.proven.as_ref());
        if self.proven && !proof.is_some_and(|p| p.proves.iter().any(|claim| claim == "repository")) {
            return Err(unmet("the repository is only declared, and nothing proves it".into()));
        }
        if let Some(expected) = self.run.filter(|id| *id != run.context.run_id) {
            return Err(unmet(format!("the evidence is of run {}, not of {expected}", run.context.run_id)));
        }
        let description = run.context.environment.description_digest.sha256.as_deref().unwrap_or_default();
        if let Some(expected) = self.description_sha256.as_deref().filter(|d| *d != description) {
            return Err(unmet(format!("the description has the digest sha256:{description}, not sha256:{expected}")));
        }
        self.check_policy(run)?;
        if let Some(most) = self.max_age {
            check_age(run, now, most)?;
        }
        self.check_suites(run)?;
        let units = run.units.iter().map(|u| (u.name.clone(), u.departure.is_some()));
        let suites = run.suites.iter().map(|s| (format!("suite {}", s.summary.name), s.summary.departure.is_some()));
        if let Some((name, _)) = units.chain(suites).find(|(_, departs)| self.no_departures && *departs) {
            return Err(unmet(format!("{name} departs from the secure defaults")));
        }
        if self.removed {
            check_removed(&run.teardown)?;
        }
        match verified.raw_absent.first() {
            Some(first) if !self.raw_may_be_absent => {
                Err(Refusal::RawMissing { first: first.clone(), count: verified.raw_absent.len() })
            }
            _ => Ok(()),
        }
    }

    fn check_change(&self, run: &RunPredicate) -> Result<(), Refusal> {
        let PullRequest { number, .. } = run.context.pr;
        if let Some(expected) = self.pull_request.filter(|n| *n != number) {
            return Err(unmet(format!("the evidence is for pull request {number}, not for {expected}")));
        }
        let Some(expected) = &self.repository else { return Ok(()) };
        match &run.context.repo {
            Some(found) if Repository::parse(&found.uri).is_some_and(|r| r.is(expected)) => Ok(()),
            Some(found) => Err(unmet(format!("the evidence is for repository {:?}, not for {expected}", found.uri))),
            None => Err(unmet(format!("the evidence names no repository, and {expected} is required"))),
        }
    }

    fn check_policy(&self, run: &RunPredicate) -> Result<(), Refusal> {
        let Some(expected) = &self.policy_sha256 else { return Ok(()) };
        let policy = run.context.policy.as_ref().and_then(|p| p.digest.sha256.as_ref());
        match policy {
            Some(found) if found == expected => Ok(()),
            Some(found) => Err(unmet(format!("the policy has the digest sha256:{found}, not sha256:{expected}"))),
            None => Err(unmet(format!("the run had no policy, and the one with sha256:{expected} is required"))),
        }
    }

    fn check_requester(&self, run: &RunPredicate) -> Result<(), Refusal> {
        let Some((namespace, user)) = &self.requester else { return Ok(()) };
        let Some(found) = &run.context.requester else {
            return Err(unmet("the evidence does not say who requested the run".into()));
        };
        if found.namespace.as_deref().unwrap_or_default() != namespace {
            let of = found.namespace.as_ref().map_or("the command line".into(), |n| format!("namespace {n:?}"));
            return Err(unmet(format!("{of} requested the run, not namespace {namespace:?}")));
        }
        match (user, &found.user) {
            (Some(expected), None) => {
                Err(unmet(format!("the requesting user is unknown, and {expected:?} is required")))
            }
            (Some(expected), Some(found)) if found != expected => {
                Err(unmet(format!("user {found:?} requested the run, not {expected:?}")))
            }
            _ => Ok(()),
        }
    }

    fn check_suites(&self, run: &RunPredicate) -> Result<(), Refusal> {
        self.check_base(run)?;
        let only_base = self.needs_base();
        for (name, digest) in &self.suites {
            let Some(suite) = run.suites.iter().map(|s| &s.summary).find(|s| s.name == *name) else {
                return Err(unmet(format!("suite {name} is required, and the run has no suite of that name")));
            };
            if only_base && suite.base().is_none() {
                return Err(unmet(format!("suite {name} is required from the base, and it comes from the change")));
            }
            let found = suite.digest.sha256.as_deref().unwrap_or_default();
            if let Some(expected) = digest.as_deref().filter(|d| *d != found) {
                return Err(unmet(format!("suite {name} has the digest sha256:{found}, not sha256:{expected}")));
            }
            if suite.verdict != Some(Verdict::Passed) {
                return Err(unmet(format!("suite {name} is required, and it did not pass")));
            }
        }
        let counts = |s: &SuiteSummary| s.verdict == Some(Verdict::Passed) && (!only_base || s.base().is_some());
        let passed = |kind| run.suites.iter().any(|s| s.summary.kind == kind && counts(&s.summary));
        match self.kinds.iter().find(|kind| !passed(**kind)) {
            Some(kind) => {
                let (kind, of_base) =
                    (format!("{kind:?}").to_lowercase(), if only_base { " from the base" } else { "" });
                Err(unmet(format!("the run has no passed suite of kind {kind}{of_base}")))
            }
            None => Ok(()),
        }
    }

    fn needs_base(&self) -> bool {
        self.base_suites || self.base_commit.is_some() || self.base_sha256.is_some()
    }

    /// Checks the suites of the base. Suites of the change may have run beside them.
    fn check_base(&self, run: &RunPredicate) -> Result<(), Refusal> {
        if !self.needs_base() {
            return Ok(());
        }
        let of_base = || run.suites.iter().filter_map(|s| Some((&s.summary, s.summary.base()?)));
        if of_base().next().is_none() {
            let text = "no suite of the run comes from the protected base; run it with --suites-from";
            return Err(unmet(text.to_owned()));
        }
        for (suite, source) in of_base() {
            let name = &suite.name;
            if suite.verdict != Some(Verdict::Passed) {
                return Err(unmet(format!("suite {name} of the base did not pass")));
            }
            match (&self.base_commit, &source.commit) {
                (Some(expected), Some(found)) if !found.eq_ignore_ascii_case(expected) => {
                    return Err(unmet(format!(
                        "suite {name} comes from commit {found} of the base, not from {expected}"
                    )));
                }
                (Some(expected), None) => {
                    let text = format!("suite {name} comes from a base of unknown commit, and {expected} is required");
                    return Err(unmet(text));
                }
                _ => {}
            }
            let found = source.digest.sha256.as_deref().unwrap_or_default();
            if let Some(expected) = self.base_sha256.as_deref().filter(|d| *d != found) {
                let text =
                    format!("suite {name} comes from a file with the digest sha256:{found}, not sha256:{expected}");
                return Err(unmet(text));
            }
        }
        Ok(())
    }
}

/// A claim of the image alone proves nothing: its author chose it.
fn check_source(run: &RunPredicate, name: &str, wanted: &BuiltFrom) -> Result<(), Refusal> {
    let claims: Vec<_> = run.sources.iter().filter(|claim| claim.name == name).collect();
    if let Some(claim) = claims.iter().find(|claim| !claim.built_from.agrees_with(wanted)) {
        let (from, said_by) = (&claim.built_from, claim.said_by.text());
        return Err(unmet(format!("{name} was built from {from} ({said_by}), not from {wanted}")));
    }
    match claims.iter().find(|claim| claim.said_by == SaidBy::Requester) {
        Some(claim) if claim.built_from.commit == wanted.commit => Ok(()),
        Some(claim) => {
            Err(unmet(format!("the requester named only {} as the commit of {name}", claim.built_from.commit)))
        }
        None => Err(unmet(format!("the requester did not say which commit {name} was built from"))),
    }
}

fn check_removed(teardown: &Teardown) -> Result<(), Refusal> {
    if let Some(left) = teardown.residual.first() {
        return Err(unmet(format!("the run left {} behind", left.object)));
    }
    match (teardown.removed_on, &teardown.kept) {
        (Some(_), _) => Ok(()),
        (None, Some(_)) => Err(unmet("the run kept its environment".into())),
        (None, None) => Err(unmet("the removal of the environment was never confirmed".into())),
    }
}

fn check_age(run: &RunPredicate, now: Timestamp, most: Duration) -> Result<(), Refusal> {
    let at = run.finished_on.unwrap_or(run.context.started_on);
    let age = now.duration_since(at);
    if age.unsigned_abs() > CLOCK_TOLERANCE && age.is_negative() {
        return Err(unmet(format!("the evidence is from {at}, which is in the future")));
    }
    if !age.is_negative() && age.unsigned_abs() > most {
        let most = humantime::format_duration(most);
        return Err(unmet(format!("the evidence is from {at}, which is more than {most} ago")));
    }
    Ok(())
}

fn unmet(reason: String) -> Refusal {
    Refusal::Unmet(reason)
}
