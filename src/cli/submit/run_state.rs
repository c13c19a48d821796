//! The state of a submitted run, read from its TestEnvironment. Pure.

use crate::crd::{RunStatus, Stage, TestEnvironment};
use crate::report::exit_code;

/// State of a submitted run.
#[derive(Debug, Clone, PartialEq)]
pub enum RunState {
    /// The status does not mention it yet.
    Unknown,
    /// It waits, for this reason.
    Waiting(String),
    /// A pod performs it.
    Running(Box<RunStatus>),
    /// It ended.
    Ended(Box<RunStatus>),
    /// It will never be performed.
    Refused(Refusal),
}

/// Why a submitted run is not performed.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// The reason.
    pub why: String,
    /// Exit code of `submit`.
    pub code: u8,
}

impl Refusal {
    /// A refusal for a reason that `submit` has no exit code of its own for.
    pub fn unexpected(why: impl Into<String>) -> Self {
        Self { why: why.into(), code: exit_code::UNEXPECTED }
    }
}

/// Reads the state of the run that was submitted with this generation and input.
pub fn run_state(object: &TestEnvironment, generation: i64, input: &str) -> RunState {
    let status = object.status.clone().unwrap_or_default();
    let now = object.metadata.generation.unwrap_or_default();
    if object.metadata.deletion_timestamp.is_some() {
        return RunState::Refused(Refusal::unexpected("the TestEnvironment was deleted"));
    }
    if now > generation && object.spec.input_digest() != input {
        let why = format!("a newer submission, of commit {}, replaced this one", object.spec.commit);
        return RunState::Refused(Refusal::unexpected(why));
    }
    let condition = |kind: &str| status.conditions.iter().find(|c| c.type_ == kind);
    if let Some(invalid) =
        condition("Validated").filter(|c| c.status == "False" && c.observed_generation >= Some(generation))
    {
        // The controller checks again when the policy changes, but nobody knows when that will be.
        let is_refused = matches!(invalid.reason.as_str(), "Invalid" | "NotAllowed");
        // An earlier run is stopped first; the environment that it kept does not matter.
        let goes_on = status.run.is_some_and(|run| run.stage != Stage::Ended);
        if is_refused && !goes_on {
            let why = format!("the controller refused the run:\n{}", invalid.message);
            return RunState::Refused(Refusal { why, code: exit_code::USAGE });
        }
        return RunState::Waiting(invalid.message.clone());
    }
    match (status.run, status.queue_position, status.blocked) {
        (Some(run), ..) if run.input_digest == input && run.stage == Stage::Ended => RunState::Ended(Box::new(run)),
        (Some(run), _, blocked) if run.input_digest == input => match (run.pod_uid.is_some(), blocked) {
            (false, Some(blocked)) => RunState::Waiting(blocked),
            (false, None) => RunState::Waiting("the runner is starting".into()),
            (true, _) => RunState::Running(Box::new(run)),
        },
        (_, _, Some(blocked)) => RunState::Waiting(blocked),
        (_, Some(position), _) => RunState::Waiting(format!("queued behind {position} run(s)")),
        _ => RunState::Unknown,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::{Value, json};

    fn object(status: Value) -> TestEnvironment {
        serde_json::from_value(json!({
            "apiVersion": "dayfly.dev/v1alpha1", "kind": "TestEnvironment", "metadata": {"name": "a", "generation": 2},
            "spec": {"description": {"inline": "x"}, "pullRequest": 1, "commit": "abcdef0"}, "status": status,
        }))
        .unwrap()
    }

    fn state_of(status: Value) -> RunState {
        let object = object(status);
        let input = object.spec.input_digest();
        run_state(&object, 2, &input)
    }

    fn run(more: Value) -> Value {
        let mut run = json!({"id": "r", "environment": "e", "inputDigest": object(json!({})).spec.input_digest(), "commit": "", "generation": 2});
        run.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"run": run})
    }

    #[test]
    fn reads_the_state_of_the_submitted_run() {
        assert_eq!(state_of(json!({})), RunState::Unknown);
        assert!(matches!(state_of(json!({"queuePosition": 3})), RunState::Waiting(w) if w.contains('3')));
        assert!(matches!(state_of(run(json!({}))), RunState::Waiting(_)));
        assert!(matches!(state_of(run(json!({"podUid": "p", "stage": "Testing"}))), RunState::Running(_)));
        assert!(matches!(state_of(run(json!({"podUid": "p", "stage": "Ended"}))), RunState::Ended(_)));
        // The status of an older run.
        assert_eq!(state_of(run(json!({"inputDigest": "other", "stage": "Ended"}))), RunState::Unknown);
    }

    #[test]
    fn ignores_refusals_of_older_generations() {
        let invalid = |generation: i64| {
            json!({"phase": "Invalid", "conditions": [{"type": "Validated", "status": "False", "reason": "Invalid",
                "message": "line 3", "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": generation}]})
        };
        assert_eq!(state_of(invalid(1)), RunState::Unknown);
        assert!(
            matches!(state_of(invalid(2)), RunState::Refused(Refusal { code: exit_code::USAGE, why }) if why.contains("line 3"))
        );
    }

    #[test]
    fn ends_when_the_policy_refuses_and_waits_for_a_missing_description() {
        let state = |reason: &str| {
            state_of(json!({"phase": "Invalid", "conditions": [{"type": "Validated", "status": "False",
                "reason": reason, "message": "line 3", "lastTransitionTime": "2026-01-01T00:00:00Z",
                "observedGeneration": 2}]}))
        };
        let refused = state("NotAllowed");
        assert!(
            matches!(refused, RunState::Refused(Refusal { code: exit_code::USAGE, why }) if why.contains("line 3"))
        );
        assert_eq!(state("DescriptionMissing"), RunState::Waiting("line 3".into()));
    }

    #[test]
    fn ends_with_a_refusal_although_an_earlier_run_kept_its_environment() {
        let status = |stage: &str| {
            json!({"phase": "Kept", "run": {"id": "r", "environment": "e", "inputDigest": "old", "commit": "",
                "generation": 1, "stage": stage, "keepReason": "keep: Always"},
                "conditions": [{"type": "Validated", "status": "False", "reason": "Invalid", "message": "line 3",
                    "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 2}]})
        };
        assert!(matches!(state_of(status("Ended")), RunState::Refused(_)));
        assert_eq!(state_of(status("Testing")), RunState::Waiting("line 3".into()));
    }

    #[test]
    fn a_newer_submission_replaces_the_run_unless_its_input_is_the_same() {
        let object = object(json!({}));
        assert!(
            matches!(run_state(&object, 1, "other"), RunState::Refused(Refusal { why, .. }) if why.contains("newer submission"))
        );
        assert_eq!(run_state(&object, 1, &object.spec.input_digest()), RunState::Unknown);
    }
}
