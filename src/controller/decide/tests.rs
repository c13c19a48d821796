//! Every decision, as a table: what is seen → the step.

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
        input: "a".into(),
        generation: 1,
        ..RunStatus::default()
    };
    change(&mut run);
    run
}

fn ended(change: impl FnOnce(&mut RunStatus)) -> RunStatus {
    run(|r| {
        r.stage = Stage::Ended;
        r.pod = Some("uid".into());
        r.finished = Some(at(NOW - 10));
        r.released = Some(at(NOW - 10));
        change(r);
    })
}

fn kept(change: impl FnOnce(&mut RunStatus)) -> RunStatus {
    ended(|r| {
        r.released = None;
        r.kept = Some("keep: Always".into());
        r.expires = Some(at(NOW + 3600));
        change(r);
    })
}

fn pod(run: &str, state: PodState) -> RunnerPod {
    RunnerPod { name: format!("runner-{run}"), run: run.into(), state, leaving: false }
}

fn leaving(run: &str, state: PodState) -> RunnerPod {
    RunnerPod { leaving: true, ..pod(run, state) }
}

fn over() -> PodState {
    PodState::Ended { how: "ended with exit code 0".into() }
}

fn waiting(why: Option<&str>, seconds_ago: i64) -> PodState {
    PodState::Waiting { why: why.map(str::to_owned), since: at(NOW - seconds_ago) }
}

/// A valid object of generation 1 that wants input `a`.
fn seen(change: impl FnOnce(&mut Seen)) -> Seen {
    let mut seen = Seen {
        generation: 1,
        deleted: None,
        finalizer: true,
        checked: Some(1),
        wanted: Some("a".into()),
        environment: Some("shop-pr-7".into()),
        keep: Keep::Never,
        reaped: None,
        run: None,
        pods: vec![],
        turn: Turn::Now,
        retain: None,
    };
    change(&mut seen);
    seen
}

fn step(change: impl FnOnce(&mut Seen)) -> Step {
    next(&seen(change), at(NOW))
}

fn stop(run: &str) -> Step {
    Step::Stop { pod: format!("runner-{run}") }
}

fn rest_until(second: i64) -> Step {
    Step::Rest { until: Some(at(second)) }
}

#[test]
fn a_new_object_gets_its_finalizer_is_checked_and_begins_when_it_is_its_turn() {
    assert_eq!(step(|s| (s.finalizer, s.checked) = (false, None)), Step::Finalize);
    assert_eq!(step(|s| s.checked = None), Step::Check);
    assert_eq!(step(|_| {}), Step::Begin);
    assert_eq!(step(|s| s.turn = Turn::Behind(1)), Step::Wait);
    assert_eq!(step(|s| s.turn = Turn::Taken("b/shop".into())), Step::Wait);
}

#[test]
fn an_invalid_description_waits_for_a_change_and_a_change_is_checked() {
    assert_eq!(step(|s| s.wanted = None), REST);
    assert_eq!(step(|s| (s.wanted, s.generation) = (None, 2)), Step::Check);
}

#[test]
fn a_run_that_is_written_down_gets_its_runner_exactly_once() {
    assert_eq!(step(|s| s.run = Some(run(|_| {}))), Step::Launch);
    let with_pod = |state| step(|s| (s.run, s.pods) = (Some(run(|_| {})), vec![pod("r1", state)]));
    assert_eq!(with_pod(waiting(None, 500)), rest_until(NOW + 100));
    assert_eq!(with_pod(PodState::Running), REST);
}

#[test]
fn a_runner_that_cannot_start_is_given_up_after_a_while_with_the_reason() {
    let with = |ago| step(|s| (s.run, s.pods) = (Some(run(|_| {})), vec![pod("r1", waiting(Some("no image"), ago))]));
    assert_eq!(with(100), rest_until(NOW + 20));
    assert_eq!(with(120), Step::Lose { why: "its runner did not start: no image".into() });
    let unsaid = step(|s| (s.run, s.pods) = (Some(run(|_| {})), vec![pod("r1", waiting(None, 600))]));
    assert!(matches!(unsaid, Step::Lose { why } if why.contains("kubectl describe pod runner-r1")));
}

#[test]
fn a_run_whose_runner_is_gone_is_lost_and_never_begun_again() {
    let taken = || run(|r| (r.pod, r.stage) = (Some("uid".into()), Stage::Testing));
    assert!(matches!(step(|s| s.run = Some(taken())), Step::Lose { .. }));
    let died = step(|s| (s.run, s.pods) = (Some(taken()), vec![pod("r1", over())]));
    assert!(matches!(died, Step::Lose { why } if why.contains("ended with exit code 0")));
    // What it left is removed, and then it rests.
    let lost = || ended(|r| r.released = None);
    assert_eq!(step(|s| s.run = Some(lost())), Step::Release);
    assert_eq!(step(|s| s.run = Some(ended(|_| {}))), REST);
}

#[test]
fn a_new_commit_preempts_the_run_and_its_runner_is_told_to_end() {
    let busy = || vec![pod("r1", PodState::Running)];
    let newer = |s: &mut Seen| s.wanted = Some("b".into());
    assert_eq!(
        step(|s| {
            newer(s);
            (s.run, s.pods) = (Some(run(|_| {})), busy());
        }),
        Step::Begin
    );
    // It has its place already: it waits for nobody.
    let behind = step(|s| {
        newer(s);
        (s.run, s.pods, s.turn) = (Some(run(|_| {})), busy(), Turn::Behind(4));
    });
    assert_eq!(behind, Step::Begin);
    let second = || run(|r| (r.id, r.input) = ("r2".into(), "b".into()));
    assert_eq!(
        step(|s| {
            newer(s);
            (s.run, s.pods) = (Some(second()), busy());
        }),
        stop("r1")
    );
    let told = vec![leaving("r1", PodState::Running)];
    assert_eq!(
        step(|s| {
            newer(s);
            (s.run, s.pods) = (Some(second()), told);
        }),
        Step::Launch
    );
}

#[test]
fn a_change_of_the_environments_name_gives_the_old_one_back_first() {
    let moved = |s: &mut Seen| (s.wanted, s.environment) = (Some("b".into()), Some("store-pr-7".into()));
    let busy = || vec![pod("r1", PodState::Running)];
    assert_eq!(
        step(|s| {
            moved(s);
            (s.run, s.pods) = (Some(run(|_| {})), busy());
        }),
        stop("r1")
    );
    let told = vec![leaving("r1", PodState::Running)];
    assert_eq!(
        step(|s| {
            moved(s);
            (s.run, s.pods) = (Some(run(|_| {})), told);
        }),
        REST
    );
    assert_eq!(
        step(|s| {
            moved(s);
            s.run = Some(kept(|_| {}));
        }),
        Step::Release
    );
    assert_eq!(
        step(|s| {
            moved(s);
            s.run = Some(ended(|_| {}));
        }),
        Step::Begin
    );
}

#[test]
fn a_description_that_became_invalid_stops_the_run_of_the_one_before() {
    let invalid = |s: &mut Seen| (s.wanted, s.environment) = (None, None);
    let busy = || vec![pod("r1", PodState::Running)];
    assert_eq!(
        step(|s| {
            invalid(s);
            (s.run, s.pods) = (Some(run(|_| {})), busy());
        }),
        stop("r1")
    );
    let gone = step(|s| {
        invalid(s);
        s.run = Some(run(|_| {}));
    });
    assert_eq!(gone, Step::Lose { why: "it was stopped".into() });
    assert_eq!(
        step(|s| {
            invalid(s);
            s.run = Some(ended(|r| r.released = None));
        }),
        Step::Release
    );
    assert_eq!(
        step(|s| {
            invalid(s);
            s.run = Some(ended(|_| {}));
        }),
        REST
    );
}

#[test]
fn a_kept_environment_stays_until_its_time_is_over_or_it_is_not_wanted_any_more() {
    let with = |keep, run: RunStatus| step(|s| (s.keep, s.run) = (keep, Some(run)));
    assert_eq!(with(Keep::Always, kept(|_| {})), rest_until(NOW + 3600));
    assert_eq!(with(Keep::OnFailure, kept(|_| {})), rest_until(NOW + 3600));
    assert_eq!(with(Keep::Never, kept(|_| {})), Step::Release);
    assert_eq!(with(Keep::Always, kept(|r| r.expires = Some(at(NOW)))), Step::Release);
    assert_eq!(with(Keep::Always, ended(|_| {})), REST);
    let reaped = |run: &str| step(|s| (s.keep, s.run, s.reaped) = (Keep::Always, Some(kept(|_| {})), Some(run.into())));
    assert_eq!(reaped("r1"), Step::Release, "the janitor removed it");
    assert_eq!(reaped("r0"), rest_until(NOW + 3600), "that was an older one");
}

#[test]
fn a_kept_environment_is_taken_over_by_the_next_commit() {
    let newer = |s: &mut Seen| (s.wanted, s.keep, s.run) = (Some("b".into()), Keep::Always, Some(kept(|_| {})));
    assert_eq!(step(newer), Step::Begin);
    let behind = step(|s| {
        newer(s);
        s.turn = Turn::Behind(2);
    });
    assert_eq!(behind, Step::Wait);
}

#[test]
fn an_ended_runners_pod_lingers_for_those_who_read_its_log() {
    let with = |finished: i64, p: RunnerPod| {
        step(|s| (s.run, s.pods) = (Some(ended(|r| r.finished = Some(at(finished)))), vec![p]))
    };
    assert_eq!(with(NOW - 10, pod("r1", over())), rest_until(NOW + 110));
    assert_eq!(with(NOW - 120, pod("r1", over())), Step::Tidy { pod: "runner-r1".into() });
    assert_eq!(with(NOW - 120, leaving("r1", over())), REST);
}

#[test]
fn an_object_is_retired_when_all_has_been_over_for_long_and_only_where_that_is_asked_for() {
    let with = |retain: Option<i64>, run: RunStatus| {
        step(|s| (s.retain, s.run, s.keep) = (retain.map(SignedDuration::from_secs), Some(run), Keep::Always))
    };
    assert_eq!(with(None, ended(|_| {})), REST);
    assert_eq!(with(Some(11), ended(|_| {})), rest_until(NOW + 1));
    assert_eq!(with(Some(10), ended(|_| {})), Step::Retire);
    assert_eq!(with(Some(10), kept(|_| {})), rest_until(NOW + 3600), "its environment is still there");
}

#[test]
fn an_object_that_goes_takes_everything_with_it() {
    let gone = |s: &mut Seen| s.deleted = Some(at(NOW - 5));
    let busy = || vec![pod("r1", PodState::Running)];
    let told = || vec![leaving("r1", PodState::Running)];
    assert_eq!(
        step(|s| {
            gone(s);
            (s.run, s.pods) = (Some(run(|_| {})), busy());
        }),
        stop("r1")
    );
    assert_eq!(
        step(|s| {
            gone(s);
            (s.run, s.pods) = (Some(run(|_| {})), told());
        }),
        rest_until(NOW + 295)
    );
    assert_eq!(
        step(|s| {
            gone(s);
            s.run = Some(run(|_| {}));
        }),
        Step::Release
    );
    assert_eq!(
        step(|s| {
            gone(s);
            s.run = Some(ended(|_| {}));
        }),
        Step::Unfinalize { despite: None }
    );
}

#[test]
fn an_object_that_goes_although_nothing_was_ever_made_for_it_goes_at_once() {
    assert_eq!(step(|s| s.deleted = Some(at(NOW))), Step::Unfinalize { despite: None });
    let unchecked = step(|s| (s.deleted, s.checked, s.wanted) = (Some(at(NOW)), None, None));
    assert_eq!(unchecked, Step::Unfinalize { despite: None });
    assert_eq!(step(|s| (s.deleted, s.finalizer) = (Some(at(NOW)), false)), REST);
}

#[test]
fn a_deletion_is_never_held_up_for_good() {
    let told = || vec![leaving("r1", PodState::Running)];
    let since = |ago: i64| step(|s| (s.deleted, s.run, s.pods) = (Some(at(NOW - ago)), Some(run(|_| {})), told()));
    assert_eq!(since(300), Step::Release);
    assert!(matches!(since(600), Step::Unfinalize { despite: Some(what) } if what.contains("shop-pr-7")));
}
