//! Every decision, as a table: observed state → next action.

#![allow(clippy::unwrap_used)]

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

const NOW: i64 = 10_000;

fn run(change: impl FnOnce(&mut RunStatus)) -> RunStatus {
    let mut run = RunStatus {
        id: "r1".into(),
        environment: "shop-pr-7".into(),
        input_digest: "a".into(),
        generation: 1,
        ..RunStatus::default()
    };
    change(&mut run);
    run
}

fn ended(change: impl FnOnce(&mut RunStatus)) -> RunStatus {
    run(|r| {
        r.stage = Stage::Ended;
        r.pod_uid = Some("uid".into());
        r.completion_time = Some(at(NOW - 10));
        r.removal_time = Some(at(NOW - 10));
        change(r);
    })
}

fn kept(change: impl FnOnce(&mut RunStatus)) -> RunStatus {
    ended(|r| {
        r.removal_time = None;
        r.keep_reason = Some("keep: Always".into());
        r.expiration_time = Some(at(NOW + 3600));
        change(r);
    })
}

fn pod(run: &str, state: PodState) -> RunnerPod {
    RunnerPod { name: format!("runner-{run}"), run: run.into(), state, terminating: false }
}

fn terminating(run: &str, state: PodState) -> RunnerPod {
    RunnerPod { terminating: true, ..pod(run, state) }
}

fn over() -> PodState {
    PodState::Terminated { how: "ended with exit code 0".into() }
}

fn waiting(why: Option<&str>, seconds_ago: i64) -> PodState {
    PodState::Pending { reason: why.map(str::to_owned), no_node: false, since: at(NOW - seconds_ago) }
}

/// A valid object of generation 1 that wants input `a`.
fn state(change: impl FnOnce(&mut ObservedState)) -> ObservedState {
    let mut state = ObservedState {
        generation: 1,
        deletion_time: None,
        has_finalizer: true,
        checked_generation: Some(1),
        input_digest: Some("a".into()),
        environment: Some("shop-pr-7".into()),
        keep: Keep::Never,
        extension: None,
        reaped_run: None,
        run: None,
        environment_gone: false,
        runner_missing_time: None,
        pods: vec![],
        queue: QueueState::Admitted,
        retain: None,
    };
    change(&mut state);
    state
}

fn action(change: impl FnOnce(&mut ObservedState)) -> NextAction {
    next_action(&state(change), at(NOW))
}

fn stop(run: &str) -> NextAction {
    NextAction::StopRunner { pod: format!("runner-{run}") }
}

fn requeue_at(second: i64) -> NextAction {
    NextAction::Requeue { at: Some(at(second)) }
}

#[test]
fn adds_the_finalizer_checks_the_description_and_starts_when_admitted() {
    assert_eq!(action(|s| (s.has_finalizer, s.checked_generation) = (false, None)), NextAction::AddFinalizer);
    assert_eq!(action(|s| s.checked_generation = None), NextAction::CheckDescription);
    assert_eq!(action(|_| {}), NextAction::StartRun);
    assert_eq!(action(|s| s.queue = QueueState::Waiting(1)), NextAction::WaitInQueue);
    assert_eq!(action(|s| s.queue = QueueState::NameTaken("b/shop".into())), NextAction::WaitInQueue);
}

#[test]
fn checks_an_invalid_description_again_only_after_a_change() {
    assert_eq!(action(|s| s.input_digest = None), AWAIT_CHANGE);
    assert_eq!(action(|s| (s.input_digest, s.generation) = (None, 2)), NextAction::CheckDescription);
}

#[test]
fn creates_the_runner_of_a_started_run_once() {
    assert_eq!(action(|s| s.run = Some(run(|_| {}))), NextAction::CreateRunner);
    let with_pod = |state| action(|s| (s.run, s.pods) = (Some(run(|_| {})), vec![pod("r1", state)]));
    assert_eq!(with_pod(waiting(None, 500)), requeue_at(NOW + 100));
    assert_eq!(with_pod(PodState::Running), AWAIT_CHANGE);
}

#[test]
fn marks_a_run_lost_whose_runner_does_not_start_in_time() {
    let with = |ago| action(|s| (s.run, s.pods) = (Some(run(|_| {})), vec![pod("r1", waiting(Some("no image"), ago))]));
    assert_eq!(with(100), requeue_at(NOW + 20));
    assert_eq!(with(120), NextAction::MarkLost { reason: "its runner did not start: no image".into() });
    let no_node = |ago| PodState::Pending { reason: Some("no node".into()), no_node: true, since: at(NOW - ago) };
    let without = |ago| action(|s| (s.run, s.pods) = (Some(run(|_| {})), vec![pod("r1", no_node(ago))]));
    assert_eq!(without(120), requeue_at(NOW + 480), "a node may be drained, or added");
    assert!(matches!(without(600), NextAction::MarkLost { .. }));
    let unsaid = action(|s| (s.run, s.pods) = (Some(run(|_| {})), vec![pod("r1", waiting(None, 600))]));
    assert!(matches!(unsaid, NextAction::MarkLost { reason } if reason.contains("kubectl describe pod runner-r1")));
}

#[test]
fn marks_a_run_lost_whose_runner_is_gone_and_never_starts_it_again() {
    let taken = || run(|r| (r.pod_uid, r.stage) = (Some("uid".into()), Stage::Testing));
    let missing = |since| action(|s| (s.run, s.runner_missing_time) = (Some(taken()), since));
    assert_eq!(missing(None), NextAction::AwaitLostRunner);
    assert_eq!(missing(Some(at(NOW - 59))), requeue_at(NOW + 1));
    assert!(matches!(missing(Some(at(NOW - 60))), NextAction::MarkLost { .. }));
    let died = action(|s| (s.run, s.pods) = (Some(taken()), vec![pod("r1", over())]));
    assert!(matches!(died, NextAction::MarkLost { reason } if reason.contains("ended with exit code 0")));
    // The environment of the lost run is removed; then nothing is left to do.
    let lost = || ended(|r| r.removal_time = None);
    assert_eq!(action(|s| s.run = Some(lost())), NextAction::RemoveEnvironment);
    assert_eq!(action(|s| s.run = Some(ended(|_| {}))), AWAIT_CHANGE);
}

#[test]
fn a_new_commit_preempts_the_run_and_stops_its_runner() {
    let busy = || vec![pod("r1", PodState::Running)];
    let newer = |s: &mut ObservedState| s.input_digest = Some("b".into());
    assert_eq!(
        action(|s| {
            newer(s);
            (s.run, s.pods) = (Some(run(|_| {})), busy());
        }),
        NextAction::StartRun
    );
    // A run of this object already has a place: no waiting.
    let behind = action(|s| {
        newer(s);
        (s.run, s.pods, s.queue) = (Some(run(|_| {})), busy(), QueueState::Waiting(4));
    });
    assert_eq!(behind, NextAction::StartRun);
    let second = || run(|r| (r.id, r.input_digest) = ("r2".into(), "b".into()));
    assert_eq!(
        action(|s| {
            newer(s);
            (s.run, s.pods) = (Some(second()), busy());
        }),
        stop("r1")
    );
    let told = vec![terminating("r1", PodState::Running)];
    assert_eq!(
        action(|s| {
            newer(s);
            (s.run, s.pods) = (Some(second()), told);
        }),
        NextAction::CreateRunner
    );
}

#[test]
fn removes_the_old_environment_before_a_run_under_another_name() {
    let moved = |s: &mut ObservedState| (s.input_digest, s.environment) = (Some("b".into()), Some("store-pr-7".into()));
    let busy = || vec![pod("r1", PodState::Running)];
    assert_eq!(
        action(|s| {
            moved(s);
            (s.run, s.pods) = (Some(run(|_| {})), busy());
        }),
        stop("r1")
    );
    let told = vec![terminating("r1", PodState::Running)];
    assert_eq!(
        action(|s| {
            moved(s);
            (s.run, s.pods) = (Some(run(|_| {})), told);
        }),
        AWAIT_CHANGE
    );
    assert_eq!(
        action(|s| {
            moved(s);
            s.run = Some(kept(|_| {}));
        }),
        NextAction::RemoveEnvironment
    );
    assert_eq!(
        action(|s| {
            moved(s);
            s.run = Some(ended(|_| {}));
        }),
        NextAction::StartRun
    );
}

#[test]
fn stops_the_run_when_the_description_becomes_invalid() {
    let invalid = |s: &mut ObservedState| (s.input_digest, s.environment) = (None, None);
    let busy = || vec![pod("r1", PodState::Running)];
    assert_eq!(
        action(|s| {
            invalid(s);
            (s.run, s.pods) = (Some(run(|_| {})), busy());
        }),
        stop("r1")
    );
    let gone = action(|s| {
        invalid(s);
        s.run = Some(run(|_| {}));
    });
    assert_eq!(gone, NextAction::MarkLost { reason: "it was stopped".into() });
    assert_eq!(
        action(|s| {
            invalid(s);
            s.run = Some(ended(|r| r.removal_time = None));
        }),
        NextAction::RemoveEnvironment
    );
    assert_eq!(
        action(|s| {
            invalid(s);
            s.run = Some(ended(|_| {}));
        }),
        AWAIT_CHANGE
    );
}

#[test]
fn keeps_an_environment_until_it_expires_or_keep_is_never() {
    let with = |keep, run: RunStatus| action(|s| (s.keep, s.run) = (keep, Some(run)));
    assert_eq!(with(Keep::Always, kept(|_| {})), requeue_at(NOW + 3600));
    assert_eq!(with(Keep::OnFailure, kept(|_| {})), requeue_at(NOW + 3600));
    assert_eq!(with(Keep::Never, kept(|_| {})), NextAction::RemoveEnvironment);
    assert_eq!(with(Keep::Always, kept(|r| r.expiration_time = Some(at(NOW)))), NextAction::RemoveEnvironment);
    assert_eq!(with(Keep::Always, ended(|_| {})), AWAIT_CHANGE);
    let reaped =
        |run: &str| action(|s| (s.keep, s.run, s.reaped_run) = (Keep::Always, Some(kept(|_| {})), Some(run.into())));
    assert_eq!(reaped("r1"), NextAction::RemoveEnvironment, "the reaper removed it");
    assert_eq!(reaped("r0"), requeue_at(NOW + 3600), "an older run was reaped");
}

#[test]
fn a_kept_environment_that_somebody_removed_ends_the_object() {
    let gone = |run: RunStatus| action(|s| (s.keep, s.run, s.environment_gone) = (Keep::Always, Some(run), true));
    assert_eq!(gone(kept(|_| {})), NextAction::RemoveEnvironment);
    assert_eq!(gone(ended(|_| {})), AWAIT_CHANGE);
    // The runner of a run in progress notices it itself.
    let busy = action(|s| {
        (s.run, s.pods) = (Some(run(|r| r.stage = Stage::Testing)), vec![pod("r1", PodState::Running)]);
        s.environment_gone = true;
    });
    assert_eq!(busy, AWAIT_CHANGE);
}

#[test]
fn extends_a_kept_environment_once_and_never_shortens_its_time() {
    let asks = |until: i64, run: RunStatus| {
        action(|s| (s.keep, s.run, s.extension) = (Keep::Always, Some(run), Some(at(until))))
    };
    let longer = NextAction::ExtendEnvironment { until: at(NOW + 7200) };
    assert_eq!(asks(NOW + 7200, kept(|_| {})), longer);
    assert_eq!(asks(NOW + 7200, kept(|r| r.expiration_time = Some(at(NOW + 7200)))), requeue_at(NOW + 7200));
    assert_eq!(asks(NOW + 60, kept(|_| {})), requeue_at(NOW + 3600));
    // In time, even if the controller was not.
    assert_eq!(asks(NOW + 7200, kept(|r| r.expiration_time = Some(at(NOW - 1)))), longer);
    assert_eq!(asks(NOW + 7200, ended(|_| {})), AWAIT_CHANGE);
    let unwanted = action(|s| (s.keep, s.run, s.extension) = (Keep::Never, Some(kept(|_| {})), Some(at(NOW + 7200))));
    assert_eq!(unwanted, NextAction::RemoveEnvironment);
}

#[test]
fn the_next_commit_takes_a_kept_environment_over() {
    let newer =
        |s: &mut ObservedState| (s.input_digest, s.keep, s.run) = (Some("b".into()), Keep::Always, Some(kept(|_| {})));
    assert_eq!(action(newer), NextAction::StartRun);
    let behind = action(|s| {
        newer(s);
        s.queue = QueueState::Waiting(2);
    });
    assert_eq!(behind, NextAction::WaitInQueue);
}

#[test]
fn deletes_an_ended_runners_pod_after_two_minutes() {
    let with = |finished: i64, p: RunnerPod| {
        action(|s| (s.run, s.pods) = (Some(ended(|r| r.completion_time = Some(at(finished)))), vec![p]))
    };
    assert_eq!(with(NOW - 10, pod("r1", over())), requeue_at(NOW + 110));
    assert_eq!(with(NOW - 120, pod("r1", over())), NextAction::DeletePod { pod: "runner-r1".into() });
    assert_eq!(with(NOW - 120, terminating("r1", over())), AWAIT_CHANGE);
}

#[test]
fn deletes_a_finished_object_after_the_retention_time_only_if_set() {
    let with = |retain: Option<i64>, run: RunStatus| {
        action(|s| (s.retain, s.run, s.keep) = (retain.map(SignedDuration::from_secs), Some(run), Keep::Always))
    };
    assert_eq!(with(None, ended(|_| {})), AWAIT_CHANGE);
    assert_eq!(with(Some(11), ended(|_| {})), requeue_at(NOW + 1));
    assert_eq!(with(Some(10), ended(|_| {})), NextAction::DeleteExpired);
    assert_eq!(with(Some(10), kept(|_| {})), requeue_at(NOW + 3600), "its environment is still there");
}

#[test]
fn a_deleted_object_stops_its_runner_and_removes_its_environment() {
    let gone = |s: &mut ObservedState| s.deletion_time = Some(at(NOW - 5));
    let busy = || vec![pod("r1", PodState::Running)];
    let told = || vec![terminating("r1", PodState::Running)];
    assert_eq!(
        action(|s| {
            gone(s);
            (s.run, s.pods) = (Some(run(|_| {})), busy());
        }),
        stop("r1")
    );
    assert_eq!(
        action(|s| {
            gone(s);
            (s.run, s.pods) = (Some(run(|_| {})), told());
        }),
        requeue_at(NOW + 295)
    );
    assert_eq!(
        action(|s| {
            gone(s);
            s.run = Some(run(|_| {}));
        }),
        NextAction::RemoveEnvironment
    );
    assert_eq!(
        action(|s| {
            gone(s);
            s.run = Some(ended(|_| {}));
        }),
        NextAction::RemoveFinalizer { leftover: None }
    );
}

#[test]
fn a_deleted_object_without_a_run_loses_its_finalizer_at_once() {
    assert_eq!(action(|s| s.deletion_time = Some(at(NOW))), NextAction::RemoveFinalizer { leftover: None });
    let unchecked = action(|s| (s.deletion_time, s.checked_generation, s.input_digest) = (Some(at(NOW)), None, None));
    assert_eq!(unchecked, NextAction::RemoveFinalizer { leftover: None });
    assert_eq!(action(|s| (s.deletion_time, s.has_finalizer) = (Some(at(NOW)), false)), AWAIT_CHANGE);
}

#[test]
fn removes_the_finalizer_after_ten_minutes_whatever_is_left() {
    let told = || vec![terminating("r1", PodState::Running)];
    let since =
        |ago: i64| action(|s| (s.deletion_time, s.run, s.pods) = (Some(at(NOW - ago)), Some(run(|_| {})), told()));
    assert_eq!(since(300), NextAction::RemoveEnvironment);
    assert!(matches!(since(600), NextAction::RemoveFinalizer { leftover: Some(what) } if what.contains("shop-pr-7")));
}
