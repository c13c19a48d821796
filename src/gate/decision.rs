//! The decision of the gate. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::evaluate::{Question, evaluate};
use super::find::{Found, FoundRun};
use super::overrides::Overrides;
use super::policy::GatePolicy;
use super::rule::Rule;
use super::subject::Subject;
use crate::evidence::predicate::{
    DecidedRun, DecisionDetail, DecisionPredicate, DigestSet, InputAttestation, Policy, RuleResult, TestOutcome,
    Verifier,
};
use crate::evidence::store;

/// Who decides.
const VERIFIER: &str = "https://dayfly.dev/gate";
/// What an image that passed has.
const LEVEL: &str = "DAYFLY_GATE";

/// What somebody asks the gate.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Images that are to be installed together.
    pub subjects: &'a [Subject],
    /// Commit whose runs count; none for any.
    pub commit: Option<&'a str>,
    /// Policy.
    pub policy: &'a GatePolicy,
    /// Overrides.
    pub overrides: &'a Overrides,
    /// What the evidence folder has.
    pub found: &'a Found,
    /// Time of the decision.
    pub now: Timestamp,
}

/// A decision about images that are installed together.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Id.
    pub id: String,
    /// When.
    pub on: Timestamp,
    /// Images, in the order of the request.
    pub images: Vec<ImageDecision>,
}

/// The decision about one image.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageDecision {
    /// Image.
    pub subject: Subject,
    /// Its statement.
    pub predicate: DecisionPredicate,
    /// Overrides that would have let it through and ended, by code of the rule.
    pub ended_overrides: BTreeMap<String, Timestamp>,
}

impl ImageDecision {
    /// Returns true if the image may be installed.
    pub fn is_allowed(&self) -> bool {
        self.predicate.verification_result == TestOutcome::Passed
    }
}

impl Decision {
    /// Returns true if there are images, and all of them may be installed.
    pub fn is_allowed(&self) -> bool {
        !self.images.is_empty() && self.images.iter().all(ImageDecision::is_allowed)
    }
}

/// Decides. Nothing is allowed that a rule denies, and nothing without images.
pub fn decide(request: &Request<'_>, id: &str) -> Decision {
    let together: BTreeSet<String> = request.subjects.iter().filter_map(|s| s.sha256.clone()).collect();
    let images = request.subjects.iter().map(|subject| decide_image(request, id, subject, &together)).collect();
    Decision { id: id.to_owned(), on: request.now, images }
}

fn decide_image(request: &Request<'_>, id: &str, subject: &Subject, together: &BTreeSet<String>) -> ImageDecision {
    let Request { policy, found, now, .. } = *request;
    let (mut rules, run) = evaluate(&Question { subject, together, policy, found, now });
    let mut ended_overrides = BTreeMap::new();
    for (rule, result) in Rule::ALL.into_iter().zip(&mut rules) {
        if !result.is_unmet() {
            continue;
        }
        result.effective_on = policy.effective_on.get(&rule).copied().filter(|from| *from > now);
        match subject.sha256.as_ref().map(|sha256| request.overrides.of(rule, sha256, now)) {
            Some(Ok(applied)) => result.overridden = applied.cloned(),
            Some(Err(ended)) => drop(ended_overrides.insert(result.rule.clone(), ended.until)),
            None => {}
        }
    }
    let allowed = !rules.iter().any(RuleResult::denies);
    let predicate = DecisionPredicate {
        verifier: Verifier {
            id: VERIFIER.to_owned(),
            version: [("dayfly".to_owned(), env!("CARGO_PKG_VERSION").to_owned())].into(),
        },
        time_verified: now,
        resource_uri: subject.name.clone(),
        policy: Policy { uri: policy.file.clone(), digest: DigestSet::sha256(&policy.digest.hex()) },
        input_attestations: run.map(input).into_iter().collect(),
        verification_result: if allowed { TestOutcome::Passed } else { TestOutcome::Failed },
        verified_levels: if allowed { vec![LEVEL.to_owned()] } else { vec![] },
        decision: DecisionDetail {
            id: id.to_owned(),
            images: request.subjects.len(),
            commit: request.commit.map(str::to_owned),
            used_by: subject.used_by.clone(),
            rules,
            run: run.map(decided_run),
            overrides: request.overrides.digest.map(|d| DigestSet::sha256(&d.hex())),
            log_size: found.log.iter().flatten().map(|log| log.size).next(),
        },
    };
    ImageDecision { subject: subject.clone(), predicate, ended_overrides }
}

fn input(run: &FoundRun) -> InputAttestation {
    InputAttestation { uri: format!("{}/{}", run.folder, store::RUN), digest: DigestSet::sha256(&run.file.hex()) }
}

fn decided_run(run: &FoundRun) -> DecidedRun {
    let entry = &run.entry;
    DecidedRun {
        id: entry.id.clone(),
        environment: entry.environment.clone(),
        statement: DigestSet::sha256(&entry.statement),
        repository: entry.repository.clone(),
        pr: entry.pr,
        commit: entry.commit.clone(),
        outcome: entry.result.clone(),
    }
}
