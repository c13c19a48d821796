//! Decisions of the gate as text and as JSON. Pure.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::evidence::predicate::{DecisionPredicate, RuleResult, RuleState, TestOutcome};
use crate::gate::{Decision, ImageDecision};
use crate::model::sanitize;

/// Longest text of others in a line, in characters.
const MAX_TEXT: usize = 400;

/// The decision: for each image the answer, what it rests on, and every rule that is not satisfied.
pub(super) fn text(decision: &Decision, folder: Option<&Path>, ignored: &[(String, String)]) -> String {
    let mut text = String::new();
    for image in &decision.images {
        headline(&mut text, &image.predicate);
        let rules = &image.predicate.decision.rules;
        rules.iter().filter(|r| r.is_unmet()).for_each(|rule| unmet(&mut text, rule, image));
        let count = |state| rules.iter().filter(|r| r.state == state).count();
        let (satisfied, other) = (count(RuleState::Satisfied), count(RuleState::NotApplicable));
        line(&mut text, "rules", &format!("{satisfied} satisfied, {other} not applicable"));
        text.push('\n');
    }
    for (folder, why) in ignored {
        line(&mut text, "ignored", &format!("{}: {}", clean(folder), clean(why)));
    }
    let allowed = decision.images.iter().filter(|image| image.is_allowed()).count();
    let word = if decision.is_allowed() { "ALLOWED" } else { "DENIED" };
    let _ = writeln!(text, "{word}  {allowed} of {} may be installed", images(decision.images.len()));
    match folder {
        Some(folder) => line(&mut text, "recorded", &folder.display().to_string()),
        None => line(&mut text, "recorded", "not: --dry-run"),
    }
    text
}

/// A recorded decision about one image, with all rules.
pub(super) fn explained(predicate: &DecisionPredicate) -> String {
    let mut text = String::new();
    headline(&mut text, predicate);
    line(&mut text, "decided", &format!("{} (decision {})", predicate.time_verified, clean(&predicate.decision.id)));
    let digest = predicate.policy.digest.sha256.as_deref().unwrap_or_default();
    line(&mut text, "policy", &format!("{} sha256:{}", clean(&predicate.policy.uri), clean(digest)));
    if let Some(size) = predicate.decision.log_size {
        line(&mut text, "log", &format!("{size} entries were read"));
    }
    if let Some(overrides) = &predicate.decision.overrides {
        line(&mut text, "overrides", &format!("sha256:{}", clean(overrides.sha256.as_deref().unwrap_or_default())));
    }
    for rule in &predicate.decision.rules {
        let message = if rule.message.is_empty() { String::new() } else { format!(": {}", clean(&rule.message)) };
        let _ = writeln!(text, "  {:<15} {}{message}{}", state(rule.state), clean(&rule.rule), allowance(rule));
    }
    text.push('\n');
    text
}

fn headline(text: &mut String, predicate: &DecisionPredicate) {
    let is_overridden = predicate.decision.rules.iter().any(|rule| rule.overridden.is_some());
    let word = match (predicate.verification_result, is_overridden) {
        (TestOutcome::Passed, false) => "ALLOWED",
        (TestOutcome::Passed, true) => "ALLOWED BY OVERRIDE",
        (TestOutcome::Failed, _) => "DENIED",
    };
    let _ = writeln!(text, "{word}  {}", clean(&predicate.resource_uri));
    if !predicate.decision.used_by.is_empty() {
        line(text, "used by", &clean(&predicate.decision.used_by.join(", ")));
    }
    if let Some(run) = &predicate.decision.run {
        let pr = run.pr.map(|pr| format!(", pull request {pr}")).unwrap_or_default();
        let of = run.repository.as_ref().map(|r| format!(" of {r}")).unwrap_or_default();
        let commit = run.commit.as_ref().map(|c| format!(", commit {c}")).unwrap_or_default();
        let outcome = run.outcome.as_deref().unwrap_or("-").to_uppercase();
        line(text, "tested by", &clean(&format!("run {} ({outcome}) of {}{pr}{of}{commit}", run.id, run.environment)));
    }
}

fn unmet(text: &mut String, rule: &RuleResult, image: &ImageDecision) {
    let _ = writeln!(text, "  {:<15} {}: {}{}", state(rule.state), rule.rule, clean(&rule.message), allowance(rule));
    if let Some(ended) = image.ended_overrides.get(&rule.rule) {
        let _ = writeln!(text, "  {:<15} its override ended on {ended}", "");
    }
    if let Some(solution) = rule.solution.as_ref().filter(|_| rule.denies()) {
        let _ = writeln!(text, "  {:<15} {solution}", "");
    }
}

fn allowance(rule: &RuleResult) -> String {
    if let Some(applied) = &rule.overridden {
        let (approver, reason) = (clean(&applied.approver), clean(&applied.reason));
        return format!(" [override by {approver} until {}: {reason}]", applied.until);
    }
    rule.effective_on.map(|on| format!(" [denies from {on} on]")).unwrap_or_default()
}

fn state(state: RuleState) -> &'static str {
    match state {
        RuleState::Satisfied => "satisfied",
        RuleState::Violated => "violated",
        RuleState::Indeterminate => "indeterminate",
        RuleState::NotApplicable => "not applicable",
    }
}

fn line(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "  {name:<15} {value}");
}

fn clean(text: &str) -> String {
    sanitize::one_line(text, MAX_TEXT)
}

fn images(count: usize) -> String {
    if count == 1 { "1 image".to_owned() } else { format!("{count} images") }
}

/// The decision as JSON.
pub(super) fn json(decision: &Decision, folder: Option<&Path>, ignored: &[(String, String)]) -> Value {
    let ignored: Vec<_> = ignored.iter().map(|(folder, why)| json!({"folder": folder, "reason": why})).collect();
    let images: Vec<_> = decision.images.iter().map(|image| &image.predicate).collect();
    json!({"allowed": decision.is_allowed(), "id": decision.id, "recorded": folder, "images": images, "ignored": ignored})
}
