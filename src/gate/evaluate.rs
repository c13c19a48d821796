//! Gives every rule a state for one image. Pure.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::find::{Found, FoundRun};
use super::policy::GatePolicy;
use super::rule::{Rule, result};
use super::subject::Subject;
use crate::evidence::log::LogEntry;
use crate::evidence::predicate::{RuleResult, RuleState, RunPredicate, VulnsPredicate};
use crate::evidence::verify::{Refusal, Requirements, VerifiedRun, outcome_name};
use crate::model::{Outcome, Repository, Verdict};

use RuleState::{Indeterminate, NotApplicable, Satisfied, Violated};

/// What the rules are evaluated for.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The image.
    pub subject: &'a Subject,
    /// Digests of everything that is installed together.
    pub together: &'a BTreeSet<String>,
    /// Policy.
    pub policy: &'a GatePolicy,
    /// What the evidence folder has.
    pub found: &'a Found,
    /// Time of the decision.
    pub now: Timestamp,
}

/// The states of all rules, and the run that they are about: the latest one of the image.
pub fn evaluate<'a>(question: &Question<'a>) -> (Vec<RuleResult>, Option<&'a FoundRun>) {
    let run = question.subject.sha256.as_ref().and_then(|sha256| question.latest(sha256));
    let states = |rule: Rule| {
        let (state, message) = question.state(rule, run);
        result(rule, state, message)
    };
    (Rule::ALL.into_iter().map(states).collect(), run)
}

type State = (RuleState, String);

fn satisfied() -> State {
    (Satisfied, String::new())
}

fn not_applicable() -> State {
    (NotApplicable, String::new())
}

impl<'a> Question<'a> {
    /// The newest run of an image; with `together` in the policy, the newest that tested all images.
    fn latest(&self, sha256: &str) -> Option<&'a FoundRun> {
        let tested_all = |run: &FoundRun| self.together.iter().all(|image| run.entry.images.contains(image));
        let of_image = |run: &&FoundRun| run.entry.images.iter().any(|i| i == sha256);
        let mut all = self.found.runs.iter().filter(of_image);
        if self.policy.together { all.find(|run| tested_all(run)) } else { all.next() }
    }

    fn state(&self, rule: Rule, run: Option<&FoundRun>) -> State {
        match rule {
            Rule::Digest => return self.digest(),
            Rule::Freeze => return self.freeze(),
            Rule::Tested => return self.tested(run),
            Rule::Together if !self.policy.together || self.together.len() < 2 => return not_applicable(),
            Rule::Logged if self.policy.log.is_none() => return not_applicable(),
            _ => {}
        }
        let Some(run) = run else { return (NotApplicable, "no run tested the image".into()) };
        let verified = match (rule, &run.verified) {
            (Rule::Verified, _) => return self.verified(),
            (Rule::Logged, _) => return self.logged(run),
            (_, Ok(verified)) => verified,
            (_, Err(_)) => return (Indeterminate, "the evidence of the run is refused".into()),
        };
        let predicate = &verified.run;
        match rule {
            Rule::Passed => self.passed(verified),
            Rule::Closed => self.closed(run),
            Rule::Repository => self.repository(predicate),
            Rule::Requester => self.requester(verified),
            Rule::RunPolicy => self.run_policy(predicate),
            Rule::Units => self.units(predicate),
            Rule::Scanned => self.scanned(verified),
            Rule::Together => satisfied(),
            rule => self.required(rule, verified),
        }
    }

    fn digest(&self) -> State {
        match self.subject.sha256 {
            Some(_) => satisfied(),
            None => (Violated, "the image is named by a tag, which somebody may move".into()),
        }
    }

    fn freeze(&self) -> State {
        let frozen = self.policy.freezes.iter().find(|f| f.from <= self.now && self.now < f.until);
        match (frozen, self.policy.freezes.is_empty()) {
            (Some(freeze), _) => (Violated, format!("nothing is installed until {}: {}", freeze.until, freeze.reason)),
            (None, true) => not_applicable(),
            (None, false) => satisfied(),
        }
    }

    fn tested(&self, run: Option<&FoundRun>) -> State {
        let message = match (&self.subject.sha256, run) {
            (_, Some(_)) => return satisfied(),
            (None, _) => return (Indeterminate, "without a digest, nothing shows which image it is".into()),
            (Some(_), None) if self.policy.together && self.together.len() > 1 => {
                "no run tested this image together with all others that are installed"
            }
            (Some(_), None) => "no run of the evidence folder tested this image",
        };
        (Violated, message.into())
    }

    /// Every run of the image must be verified: a refused one may be the failure that somebody tried to hide.
    fn verified(&self) -> State {
        let sha256 = self.subject.sha256.as_deref().unwrap_or_default();
        for run in self.found.runs.iter().filter(|run| run.entry.images.iter().any(|i| i == sha256)) {
            match &run.verified {
                Err(refusal) => return (Violated, format!("{}: {refusal}", run.folder)),
                Ok(verified) => {
                    if let Some(first) = verified.raw_absent.first() {
                        let count = verified.raw_absent.len();
                        return (
                            Indeterminate,
                            format!("{}: {count} raw files are missing, among them {first}", run.folder),
                        );
                    }
                }
            }
        }
        satisfied()
    }

    fn passed(&self, verified: &VerifiedRun) -> State {
        let run = &verified.run;
        if run.outcome == Outcome::Passed {
            let may_be_left_out = self.policy.may_leave_out.clone();
            let whole =
                Requirements { passed: true, raw_may_be_absent: true, may_be_left_out, ..Requirements::default() };
            return self.check(&whole, verified);
        }
        let failed = run.suites.iter().filter(|s| s.summary.verdict != Some(Verdict::Passed));
        let mut names: Vec<&str> = failed.map(|s| s.summary.name.as_str()).collect();
        names.truncate(5);
        let suites = if names.is_empty() { String::new() } else { format!(" (suites: {})", names.join(", ")) };
        (Violated, format!("the outcome of the latest run is {}{suites}", outcome_name(run.outcome)))
    }

    /// A run of the same commit that began later and has no end may be a failure that was stopped before it could be recorded.
    fn closed(&self, run: &FoundRun) -> State {
        let is_newer = |open: &&LogEntry| {
            open.id > run.entry.id && open.commit == run.entry.commit && open.repository == run.entry.repository
        };
        let of_log = self.found.log.iter().flatten().flat_map(|log| &log.open);
        match self.found.open.iter().chain(of_log).find(is_newer) {
            Some(open) => (Indeterminate, format!("run {} of the same commit began later and has no result", open.id)),
            None => satisfied(),
        }
    }

    fn logged(&self, run: &FoundRun) -> State {
        let log = match &self.found.log {
            Some(Ok(log)) => log,
            Some(Err(why)) => return (Indeterminate, format!("the log cannot be used: {why}")),
            None => return not_applicable(),
        };
        if let Some(Err(refusal)) = &run.logged {
            return (Violated, refusal.to_string());
        }
        let sha256 = self.subject.sha256.as_deref().unwrap_or_default();
        for entry in log.runs.values().filter(|entry| entry.images.iter().any(|i| i == sha256)) {
            let stored = self.found.runs.iter().find(|run| run.entry.id == entry.id);
            let result = entry.result.as_deref().unwrap_or("-");
            match stored {
                None => {
                    let text = format!(
                        "the log has run {} of this image ({result}), and the evidence folder does not",
                        entry.id
                    );
                    return (Violated, text);
                }
                Some(stored) if stored.entry.statement != entry.statement => {
                    let text = format!(
                        "the log has a newer statement of run {} ({result}) than the evidence folder",
                        entry.id
                    );
                    return (Violated, text);
                }
                Some(_) => {}
            }
        }
        satisfied()
    }

    fn repository(&self, run: &RunPredicate) -> State {
        if self.policy.repositories.is_empty() {
            return not_applicable();
        }
        let Some(repo) = &run.context.repo else { return (Violated, "the run names no repository".into()) };
        let found = Repository::parse(&repo.uri);
        match found.is_some_and(|found| self.policy.repositories.iter().any(|wanted| found.is(wanted))) {
            true => satisfied(),
            false => (Violated, format!("the run is for repository {:?}, which the policy does not have", repo.uri)),
        }
    }

    fn requester(&self, verified: &VerifiedRun) -> State {
        let wanted = self.policy.requesters.iter().map(|requester| Requirements {
            requester: Some(requester.clone()),
            raw_may_be_absent: true,
            ..Requirements::default()
        });
        self.any(wanted, verified)
    }

    fn run_policy(&self, run: &RunPredicate) -> State {
        if self.policy.run_policies.is_empty() {
            return not_applicable();
        }
        match run.context.policy.as_ref().and_then(|p| p.digest.sha256.as_ref()) {
            Some(found) if self.policy.run_policies.contains(found) => satisfied(),
            Some(found) => {
                (Violated, format!("the run was under the policy sha256:{found}, which this policy does not have"))
            }
            None => (Violated, "the run was under no policy of an operator".into()),
        }
    }

    fn units(&self, run: &RunPredicate) -> State {
        if self.policy.units.is_empty() {
            return not_applicable();
        }
        let Some(image) = self.subject.image() else {
            return (Indeterminate, "a digest alone does not say which image it is".into());
        };
        let Some(wanted) = self.policy.units.get(&image) else {
            return (Violated, format!("the policy does not say which service {image} is"));
        };
        let sha256 = self.subject.sha256.as_deref().unwrap_or_default();
        let Some(unit) = run.units.iter().find(|unit| unit.name == *wanted) else {
            return (Violated, format!("the run had no service {wanted}"));
        };
        let digest = run.images.iter().find(|i| i.reference == unit.image).map(|i| i.digest.as_str());
        match digest == Some(format!("sha256:{sha256}").as_str()) {
            true => satisfied(),
            false => (Violated, format!("service {wanted} of the run was another image: {}", unit.image)),
        }
    }

    fn scanned(&self, verified: &VerifiedRun) -> State {
        let Some(max_age) = &self.policy.scanned else { return not_applicable() };
        let sha256 = self.subject.sha256.as_deref();
        let suites = verified.run.suites.iter();
        let named: Vec<(&str, &str)> = suites
            .flat_map(|suite| suite.scans.iter().map(|scan| (suite.summary.name.as_str(), scan)))
            .filter(|(_, scan)| scan.digest.sha256.as_deref() == sha256)
            .map(|(suite, scan)| (suite, scan.case.as_str()))
            .collect();
        let of_image = |scan: &&VulnsPredicate| named.contains(&(&scan.scan.suite, &scan.scan.case));
        let Some(scan) = verified.scans.iter().find(of_image) else {
            return (Violated, "no scan of this image has a result".into());
        };
        if scan.scan.verdict != Verdict::Passed {
            let why = scan.scan.reasons.first().map(|reason| format!(": {reason}")).unwrap_or_default();
            return (Violated, format!("the scan of this image failed{why}"));
        }
        let at = scan.scanner.db.last_update;
        let age = self.now.duration_since(at);
        match max_age {
            Some(most) if !age.is_negative() && age.unsigned_abs() > *most => {
                let most = humantime::format_duration(*most);
                (Violated, format!("the advisories of its scan are of {at}, which is more than {most} ago"))
            }
            _ => satisfied(),
        }
    }

    /// Rules that are requirements on a run; each of them must be met.
    fn required(&self, rule: Rule, verified: &VerifiedRun) -> State {
        let mut all = self.policy.requirements.iter().filter(|(of, _)| *of == rule).map(|(_, r)| r).peekable();
        if all.peek().is_none() {
            return not_applicable();
        }
        all.map(|requirements| self.check(requirements, verified))
            .find(|(state, _)| *state != Satisfied)
            .unwrap_or_else(satisfied)
    }

    /// One of several requirements must be met.
    fn any(&self, all: impl Iterator<Item = Requirements>, verified: &VerifiedRun) -> State {
        let mut first = None;
        for requirements in all {
            match self.check(&requirements, verified) {
                (Satisfied, _) => return satisfied(),
                state => drop(first.get_or_insert(state)),
            }
        }
        first.unwrap_or_else(not_applicable)
    }

    fn check(&self, requirements: &Requirements, verified: &VerifiedRun) -> State {
        match requirements.check(verified, self.now) {
            Ok(()) => satisfied(),
            Err(Refusal::Unmet(why)) => (Violated, why),
            Err(refusal) => (Violated, refusal.to_string()),
        }
    }
}
