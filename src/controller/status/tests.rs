//! The status at each point of a run.

#![allow(clippy::unwrap_used)]

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn valid() -> TestEnvironmentStatus {
    let result = DescriptionCheck::Valid {
        identity: None,
        environment: "shop-pr-7".into(),
        input_digest: "a".into(),
        description_digest: "d".into(),
        summary: "2 services".into(),
    };
    after_check(TestEnvironmentStatus::default(), 3, "abc", result, at(1))
}

fn with(run: impl FnOnce(&mut RunStatus)) -> TestEnvironmentStatus {
    let mut status = valid();
    let mut of = RunStatus { id: "r".into(), input_digest: "a".into(), ..RunStatus::default() };
    run(&mut of);
    status.run = Some(of);
    super::update(&status, Keep::OnFailure, &[], &QueueState::Admitted, at(9))
}

fn said<'a>(status: &'a TestEnvironmentStatus, kind: &str) -> (&'a str, &'a str) {
    let c = status.conditions.iter().find(|c| c.type_ == kind).unwrap();
    (&c.status, &c.reason)
}

#[test]
fn an_invalid_description_sets_validated_to_false_and_the_rest_to_unknown() {
    let status = after_check(valid(), 4, "def", DescriptionCheck::Invalid("line 3: …".into()), at(2));
    let status = update(&status, Keep::Never, &[], &QueueState::Admitted, at(2));
    assert_eq!((status.phase, status.observed_generation), (Some(Phase::Invalid), Some(4)));
    assert_eq!(said(&status, "Validated"), ("False", "Invalid"));
    assert_eq!(said(&status, "Tested"), ("Unknown", "Pending"));
    assert_eq!((status.queued_time, status.environment), (None, None));
}

#[test]
fn a_missing_description_leaves_the_generation_unobserved() {
    let status = after_check(
        TestEnvironmentStatus::default(),
        1,
        "abc",
        DescriptionCheck::Missing("no ConfigMap".into()),
        at(2),
    );
    assert_eq!((status.observed_generation, said(&status, "Validated")), (None, ("False", "DescriptionMissing")));
}

#[test]
fn shows_the_queue_position_and_the_queued_time() {
    let waiting = update(&valid(), Keep::Never, &[], &QueueState::Waiting(3), at(5));
    assert_eq!(
        (waiting.phase, waiting.queue_position, waiting.queued_time),
        (Some(Phase::Queued), Some(3), Some(at(5)))
    );
    let later = update(&waiting, Keep::Never, &[], &QueueState::Waiting(1), at(8));
    assert_eq!((later.queue_position, later.queued_time), (Some(1), Some(at(5))));
    let taken = update(&waiting, Keep::Never, &[], &QueueState::NameTaken("b/x".into()), at(8));
    assert!(taken.blocked.as_ref().unwrap().contains("b/x"));
    assert_eq!(said(&taken, "Ready"), ("Unknown", "NameTaken"));
}

#[test]
fn milestones_become_true_in_order() {
    let up = with(|r| (r.stage, r.ready_time, r.services) = (Stage::Testing, Some(at(3)), Some("2/2".into())));
    assert_eq!(up.phase, Some(Phase::Testing));
    assert_eq!((said(&up, "Provisioned").0, said(&up, "Ready").0, said(&up, "Tested").0), ("True", "True", "Unknown"));
    let done = with(|r| {
        (r.stage, r.ready_time, r.removal_time, r.outcome) =
            (Stage::Ended, Some(at(3)), Some(at(4)), Some(Outcome::Failed));
    });
    assert_eq!(done.phase, Some(Phase::Done));
    assert_eq!((said(&done, "Tested"), said(&done, "Removed").0), (("True", "Failed"), "True"));
    assert_eq!(said(&done, "Sealed"), ("False", "NoEvidence"));
    assert_eq!(said(&done, "Ready"), ("False", "Over"));
    let kept = with(|r| (r.stage, r.ready_time, r.keep_reason) = (Stage::Ended, Some(at(3)), Some("keep".into())));
    assert_eq!(
        (kept.phase, said(&kept, "Ready"), said(&kept, "Removed").1),
        (Some(Phase::Kept), ("True", "Kept"), "Kept")
    );
}

#[test]
fn says_why_an_environment_was_removed_after_its_run() {
    let removed = |kind: &str| {
        with(|r| {
            (r.stage, r.ready_time, r.keep_reason) = (Stage::Ended, Some(at(3)), Some("keep".into()));
            r.removal_time = Some(at(4));
            r.removal_reason = Some(RemovalReason { kind: kind.into(), text: "somebody removed it".into() });
        })
    };
    let gone = removed("gone");
    assert_eq!(
        (gone.phase, said(&gone, "Removed"), said(&gone, "Ready").0),
        (Some(Phase::Done), ("True", "Gone"), "False")
    );
    assert!(gone.conditions.iter().any(|c| c.message.contains("somebody removed it")));
    assert_eq!(said(&removed("expired"), "Removed"), ("True", "Removed"));
}

#[test]
fn names_the_cause_when_provisioning_failed() {
    let status = with(|r| {
        (r.stage, r.outcome, r.causes) = (Stage::Ended, Some(Outcome::Error), vec!["db: no image".into()]);
    });
    assert_eq!((said(&status, "Provisioned"), said(&status, "Tested")), (("False", "NotReady"), ("False", "Error")));
    assert!(status.conditions.iter().any(|c| c.message == "db: no image"));
}

#[test]
fn keeps_the_transition_time_until_the_status_changes() {
    let mut before = with(|r| r.stage = Stage::Provisioning);
    let time =
        |s: &TestEnvironmentStatus| s.conditions.iter().find(|c| c.type_ == "Ready").unwrap().last_transition_time.0;
    assert_eq!(time(&update(&before, Keep::Never, &[], &QueueState::Admitted, at(50))), at(9));
    before.run.as_mut().unwrap().stage = Stage::Testing;
    before.run.as_mut().unwrap().ready_time = Some(at(40));
    assert_eq!(time(&update(&before, Keep::Never, &[], &QueueState::Admitted, at(50))), at(50));
}

#[test]
fn a_new_commit_resets_the_conditions() {
    let mut status =
        with(|r| (r.stage, r.outcome, r.removal_time) = (Stage::Ended, Some(Outcome::Passed), Some(at(4))));
    status.input_digest = Some("b".into());
    let status = update(&status, Keep::Never, &[], &QueueState::Waiting(1), at(60));
    assert_eq!((status.phase, said(&status, "Tested")), (Some(Phase::Queued), ("Unknown", "Queued")));
}

#[test]
fn updating_twice_changes_nothing() {
    let once = with(|r| r.stage = Stage::Provisioning);
    assert_eq!(update(&once, Keep::OnFailure, &[], &QueueState::Admitted, at(99)), once);
}

#[test]
fn finished_becomes_true_at_every_end_with_the_outcome_as_its_reason() {
    let over = |outcome| with(|r| (r.stage, r.outcome) = (Stage::Ended, Some(outcome)));
    for (outcome, reason) in [
        (Outcome::Passed, "Passed"),
        (Outcome::Failed, "Failed"),
        (Outcome::Inconclusive, "Inconclusive"),
        (Outcome::Error, "Error"),
        (Outcome::Aborted, "Aborted"),
    ] {
        assert_eq!(said(&over(outcome), "Finished"), ("True", reason));
    }
    assert_eq!(said(&with(|r| r.stage = Stage::Removing), "Finished"), ("False", "Running"));
    let queued = update(&valid(), Keep::Never, &[], &QueueState::Waiting(3), at(5));
    assert_eq!(said(&queued, "Finished"), ("False", "Pending"));
}

#[test]
fn a_refused_description_is_finished_once_the_run_before_it_has_ended() {
    let after = |status: &TestEnvironmentStatus, result| {
        update(&after_check(status.clone(), 4, "def", result, at(20)), Keep::Never, &[], &QueueState::Admitted, at(20))
    };
    let refused = after(&TestEnvironmentStatus::default(), DescriptionCheck::NotAllowed("no root".into()));
    assert_eq!(said(&refused, "Finished"), ("True", "NotAllowed"));
    // kubectl ignores conditions of older generations.
    assert!(refused.conditions.iter().any(|c| c.type_ == "Finished" && c.observed_generation == Some(4)));
    let missing = after(&TestEnvironmentStatus::default(), DescriptionCheck::Missing("no ConfigMap".into()));
    assert_eq!(said(&missing, "Finished"), ("False", "Pending"));
    let stopping = after(&with(|r| r.stage = Stage::Testing), DescriptionCheck::Invalid("line 3".into()));
    assert_eq!(said(&stopping, "Finished"), ("False", "Stopping"));
    let kept = with(|r| (r.stage, r.keep_reason) = (Stage::Ended, Some("keep".into())));
    assert_eq!(said(&after(&kept, DescriptionCheck::Invalid("line 3".into())), "Finished"), ("True", "Invalid"));
}
