//! What is said at each point of a run.

#![allow(clippy::unwrap_used)]

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn valid() -> TestEnvironmentStatus {
    let found = Checked::Valid { environment: "shop-pr-7".into(), input: "a".into(), text: "2 services".into() };
    checked(TestEnvironmentStatus::default(), 3, "abc", found, at(1))
}

fn with(run: impl FnOnce(&mut RunStatus)) -> TestEnvironmentStatus {
    let mut status = valid();
    let mut of = RunStatus { id: "r".into(), input: "a".into(), ..RunStatus::default() };
    run(&mut of);
    status.run = Some(of);
    super::of(&status, Keep::OnFailure, &[], &Turn::Now, at(9))
}

fn said<'a>(status: &'a TestEnvironmentStatus, kind: &str) -> (&'a str, &'a str) {
    let c = status.conditions.iter().find(|c| c.kind == kind).unwrap();
    (&c.status, &c.reason)
}

#[test]
fn an_invalid_description_is_said_with_its_faults_and_nothing_else_is_claimed() {
    let status = checked(valid(), 4, "def", Checked::Invalid("line 3: …".into()), at(2));
    let status = of(&status, Keep::Never, &[], &Turn::Now, at(2));
    assert_eq!((status.phase, status.observed_generation), (Some(Phase::Invalid), Some(4)));
    assert_eq!(said(&status, "Validated"), ("False", "Invalid"));
    assert_eq!(said(&status, "Tested"), ("Unknown", "Pending"));
    assert_eq!((status.queued, status.environment), (None, None));
}

#[test]
fn a_description_that_may_still_come_is_looked_for_again() {
    let status = checked(TestEnvironmentStatus::default(), 1, "abc", Checked::Missing("no ConfigMap".into()), at(2));
    assert_eq!((status.observed_generation, said(&status, "Validated")), (None, ("False", "DescriptionMissing")));
}

#[test]
fn who_waits_sees_the_place_in_the_queue_and_since_when() {
    let waiting = of(&valid(), Keep::Never, &[], &Turn::Behind(3), at(5));
    assert_eq!((waiting.phase, waiting.queue_position, waiting.queued), (Some(Phase::Queued), Some(3), Some(at(5))));
    let later = of(&waiting, Keep::Never, &[], &Turn::Behind(1), at(8));
    assert_eq!((later.queue_position, later.queued), (Some(1), Some(at(5))));
    let taken = of(&waiting, Keep::Never, &[], &Turn::Taken("b/x".into()), at(8));
    assert!(taken.blocked.as_ref().unwrap().contains("b/x"));
    assert_eq!(said(&taken, "Ready"), ("Unknown", "NameTaken"));
}

#[test]
fn milestones_come_one_after_the_other() {
    let up = with(|r| (r.stage, r.ready, r.services) = (Stage::Testing, Some(at(3)), Some("2/2".into())));
    assert_eq!(up.phase, Some(Phase::Testing));
    assert_eq!((said(&up, "Provisioned").0, said(&up, "Ready").0, said(&up, "Tested").0), ("True", "True", "Unknown"));
    let done = with(|r| {
        (r.stage, r.ready, r.released, r.outcome) = (Stage::Ended, Some(at(3)), Some(at(4)), Some(Outcome::Failed));
    });
    assert_eq!(done.phase, Some(Phase::Done));
    assert_eq!((said(&done, "Tested"), said(&done, "Released").0), (("True", "Failed"), "True"));
    assert_eq!(said(&done, "Sealed"), ("False", "NoEvidence"));
    assert_eq!(said(&done, "Ready"), ("False", "Over"));
    let kept = with(|r| (r.stage, r.ready, r.kept) = (Stage::Ended, Some(at(3)), Some("keep".into())));
    assert_eq!(
        (kept.phase, said(&kept, "Ready"), said(&kept, "Released").1),
        (Some(Phase::Kept), ("True", "Kept"), "Kept")
    );
}

#[test]
fn an_environment_that_never_came_up_was_not_tested_and_the_cause_is_named() {
    let status = with(|r| {
        (r.stage, r.outcome, r.causes) = (Stage::Ended, Some(Outcome::Error), vec!["db: no image".into()]);
    });
    assert_eq!((said(&status, "Provisioned"), said(&status, "Tested")), (("False", "NotReady"), ("False", "Error")));
    assert!(status.conditions.iter().any(|c| c.message == "db: no image"));
}

#[test]
fn a_condition_keeps_its_time_until_its_status_changes() {
    let mut before = with(|r| r.stage = Stage::Provisioning);
    let time =
        |s: &TestEnvironmentStatus| s.conditions.iter().find(|c| c.kind == "Ready").unwrap().last_transition_time;
    assert_eq!(time(&of(&before, Keep::Never, &[], &Turn::Now, at(50))), at(9));
    before.run.as_mut().unwrap().stage = Stage::Testing;
    before.run.as_mut().unwrap().ready = Some(at(40));
    assert_eq!(time(&of(&before, Keep::Never, &[], &Turn::Now, at(50))), at(50));
}

#[test]
fn a_new_commit_begins_with_nothing_said_of_the_one_before() {
    let mut status = with(|r| (r.stage, r.outcome, r.released) = (Stage::Ended, Some(Outcome::Passed), Some(at(4))));
    status.input = Some("b".into());
    let status = of(&status, Keep::Never, &[], &Turn::Behind(1), at(60));
    assert_eq!((status.phase, said(&status, "Tested")), (Some(Phase::Queued), ("Unknown", "Queued")));
}

#[test]
fn saying_it_twice_says_the_same() {
    let once = with(|r| r.stage = Stage::Provisioning);
    assert_eq!(of(&once, Keep::OnFailure, &[], &Turn::Now, at(99)), once);
}
