//! Output of `reap`: a line or a JSON object for each environment.

use serde_json::{Value, json};

use super::super::{Common, Output};
use crate::engine::{ObservedEnvironment, Residual};
use crate::reaper::decide::Decision;
use crate::reaper::removal::Outcome;

/// Reports a missing list of open pull requests.
pub fn no_list(common: &Common, why: &str) {
    if common.output == Output::Json {
        outln!("{}", json!({"event": "error", "text": format!("no list of open pull requests: {why}")}));
    }
    errln!("error: there is no list of open pull requests, so nothing is removed for a closed one:\n  {why}");
}

/// Prints the decision about an environment and the outcome of its removal, if it was attempted.
pub fn print(
    common: &Common,
    observed: &ObservedEnvironment,
    decision: &Decision,
    outcome: Option<&Outcome>,
    dry_run: bool,
) {
    match common.output {
        Output::Json => outln!("{}", to_json(observed, decision, outcome, dry_run)),
        Output::Text => print_text(&observed.environment, decision, outcome),
    }
}

fn print_text(environment: &str, decision: &Decision, outcome: Option<&Outcome>) {
    match (decision, outcome) {
        (Decision::Due(reason), None) => outln!("would remove {environment}: {}", reason.text),
        (Decision::Due(reason), Some(outcome)) => print_outcome(environment, &reason.text, outcome),
        (Decision::Held { why, otherwise }, _) => {
            outln!("stays {environment}: it is kept ({why}); otherwise: {}", otherwise.text);
        }
        (Decision::NotDue(notes), _) => notes.iter().for_each(|note| outln!("stays {environment}: {note}")),
    }
}

fn print_outcome(environment: &str, reason: &str, outcome: &Outcome) {
    let lines = |left: &[Residual]| left.iter().map(|r| format!("\n  {}: {}", r.object, r.reason)).collect::<String>();
    match outcome {
        Outcome::Removed { record } => outln!("removed {environment}: {reason}\n  record {}", record.display()),
        Outcome::NotDue => outln!("stays {environment}: it changed since it was listed, and is no longer due"),
        Outcome::Left { left, .. } => outln!("NOT removed {environment} ({reason}):{}", lines(left)),
        Outcome::Failed { why, .. } => outln!("NOT removed {environment} ({reason}):\n  {why}"),
        Outcome::Unrecorded(e) => {
            errln!(
                "error: {environment} was not removed ({reason}), because its removal could not be recorded: failed to {e}"
            );
        }
        Outcome::Unfinished { done, why, .. } => {
            let (gone, more) = match done {
                Ok(left) if left.is_empty() => ("is removed", String::new()),
                Ok(left) => ("is partly removed", lines(left)),
                Err(failure) => ("is NOT removed", format!("\n  {failure}")),
            };
            errln!("error: {environment} {gone}, but its record is incomplete: failed to {why}{more}");
        }
    }
}

fn to_json(observed: &ObservedEnvironment, decision: &Decision, outcome: Option<&Outcome>, dry_run: bool) -> Value {
    let lease = observed.lease.as_ref();
    let (due, reason, mut notes) = match decision {
        Decision::Due(reason) => (true, Some(reason), vec![]),
        Decision::Held { why, otherwise } => (false, Some(otherwise), vec![format!("it is kept: {why}")]),
        Decision::NotDue(notes) => (false, None, notes.clone()),
    };
    if matches!(outcome, Some(Outcome::NotDue)) {
        notes.push("it changed since it was listed, and is no longer due".into());
    }
    let residual = outcome.map(residual).unwrap_or_default();
    json!({
        "environment": observed.environment,
        "due": due,
        "kind": reason.map(|r| r.kind.to_string()),
        "reason": reason.map(|r| &r.text),
        "notes": notes,
        "removed": matches!(outcome, Some(Outcome::Removed { .. })),
        "dryRun": dry_run,
        "residual": residual,
        "record": outcome.and_then(record),
        "run": lease.map(|l| l.run),
        "pr": lease.map(|l| l.plan.pr),
        "commit": lease.map(|l| &l.commit),
        "repository": lease.and_then(|l| l.repository.as_ref()),
        "expires": observed.retention.as_ref().map(|t| t.expires),
        "used": observed.retention.as_ref().map(|t| t.used),
        "kept": observed.retention.as_ref().and_then(|t| t.kept()),
    })
}

fn record(outcome: &Outcome) -> Option<String> {
    let folder = match outcome {
        Outcome::Removed { record } | Outcome::Left { record, .. } | Outcome::Unfinished { record, .. } => Some(record),
        Outcome::Failed { record, .. } => record.as_ref(),
        Outcome::NotDue | Outcome::Unrecorded(_) => None,
    };
    folder.map(|f| f.display().to_string())
}

fn residual(outcome: &Outcome) -> Vec<String> {
    let lines = |left: &[Residual]| left.iter().map(|r| format!("{}: {}", r.object, r.reason)).collect();
    match outcome {
        Outcome::Removed { .. } | Outcome::NotDue => vec![],
        Outcome::Left { left, .. } => lines(left),
        Outcome::Failed { why, .. } => vec![why.clone()],
        Outcome::Unrecorded(e) => vec![format!("failed to {e}")],
        Outcome::Unfinished { done, why, .. } => {
            let left = done.as_ref().map_or_else(|failure| vec![failure.clone()], |left| lines(left));
            [left, vec![format!("failed to {why}")]].concat()
        }
    }
}
