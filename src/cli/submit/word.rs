//! What a TestEnvironment says of the run that was submitted. Pure.

use crate::crd::{Phase, RunStatus, Stage, TestEnvironment};
use crate::report::exit_code;

/// What the object says of our run.
#[derive(Debug, Clone, PartialEq)]
pub enum Word {
    /// Nothing yet.
    Nothing,
    /// It waits, or is held up; in a sentence.
    Waits(String),
    /// It goes on, performed by a pod.
    Runs { run: Box<RunStatus> },
    /// It is over.
    Over(Box<RunStatus>),
    /// It will never be.
    Never { why: String, code: u8 },
}

/// What an object says of the run that a submission of this generation and input asked for. Pure.
pub fn word(object: &TestEnvironment, generation: i64, input: &str) -> Word {
    let status = object.status.clone().unwrap_or_default();
    let now = object.metadata.generation.unwrap_or_default();
    if object.metadata.deletion_timestamp.is_some() {
        return Word::Never { why: "the TestEnvironment was deleted".into(), code: exit_code::UNEXPECTED };
    }
    if now > generation && object.spec.input() != input {
        let why = format!("a newer submission, of commit {}, took the place of this one", object.spec.commit);
        return Word::Never { why, code: exit_code::UNEXPECTED };
    }
    let said = |kind: &str| status.conditions.iter().find(|c| c.kind == kind);
    if let Some(invalid) =
        said("Validated").filter(|c| c.status == "False" && c.observed_generation >= Some(generation))
    {
        return match status.phase {
            Some(Phase::Invalid) if invalid.reason == "Invalid" => {
                Word::Never { why: format!("the controller refused it:\n{}", invalid.message), code: exit_code::USAGE }
            }
            _ => Word::Waits(invalid.message.clone()),
        };
    }
    match (status.run, status.queue_position, status.blocked) {
        (Some(run), ..) if run.input == input && run.stage == Stage::Ended => Word::Over(Box::new(run)),
        (Some(run), _, blocked) if run.input == input => match (run.pod.is_some(), blocked) {
            (false, Some(blocked)) => Word::Waits(blocked),
            (false, None) => Word::Waits("the runner starts".into()),
            (true, _) => Word::Runs { run: Box::new(run) },
        },
        (_, _, Some(blocked)) => Word::Waits(blocked),
        (_, Some(position), _) => Word::Waits(format!("it waits for its turn: {position} run(s) must end before")),
        _ => Word::Nothing,
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

    fn said(status: Value) -> Word {
        let object = object(status);
        let input = object.spec.input();
        word(&object, 2, &input)
    }

    fn run(more: Value) -> Value {
        let mut run = json!({"id": "r", "environment": "e", "input": object(json!({})).spec.input(), "commit": "", "generation": 2});
        run.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"run": run})
    }

    #[test]
    fn what_the_status_says_of_our_run_is_understood() {
        assert_eq!(said(json!({})), Word::Nothing);
        assert!(matches!(said(json!({"queuePosition": 3})), Word::Waits(w) if w.contains('3')));
        assert!(matches!(said(run(json!({}))), Word::Waits(_)));
        assert!(matches!(said(run(json!({"pod": "p", "stage": "Testing"}))), Word::Runs { .. }));
        assert!(matches!(said(run(json!({"pod": "p", "stage": "Ended"}))), Word::Over(_)));
        // An older run is not ours.
        assert_eq!(said(run(json!({"input": "other", "stage": "Ended"}))), Word::Nothing);
    }

    #[test]
    fn a_refusal_of_an_older_generation_is_not_ours_and_one_of_ours_ends_it() {
        let invalid = |generation: i64| {
            json!({"phase": "Invalid", "conditions": [{"type": "Validated", "status": "False", "reason": "Invalid",
                "message": "line 3", "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": generation}]})
        };
        assert_eq!(said(invalid(1)), Word::Nothing);
        assert!(matches!(said(invalid(2)), Word::Never { code: exit_code::USAGE, why } if why.contains("line 3")));
    }

    #[test]
    fn a_newer_submission_ends_it_unless_it_asks_for_the_same() {
        let object = object(json!({}));
        assert!(matches!(word(&object, 1, "other"), Word::Never { why, .. } if why.contains("newer submission")));
        assert_eq!(word(&object, 1, &object.spec.input()), Word::Nothing);
    }
}
