//! The next action for one TestEnvironment. Pure: (observed state, now) → action.
//!
//! No memory between two decisions: the object and the runners' pods show what was done.

use jiff::{SignedDuration, Timestamp};

use crate::crd::{RunStatus, Stage};
use crate::model::Keep;

/// Time for which its image or its files may block a runner's pod before the run is lost.
const START_FAILURE_TIMEOUT: SignedDuration = SignedDuration::from_mins(2);
/// Time in which a runner's pod must start if it waits for a node, which may be drained or added, or if no reason is known: a
/// pod's status never names a key that its mounted Secret lacks.
const START_TIMEOUT: SignedDuration = SignedDuration::from_mins(10);
/// Time in which a runner whose pod is gone may report its result: the kubelet stops the process of a pod that was deleted by
/// force after the pod is gone, and in order.
const LAST_REPORT_TIMEOUT: SignedDuration = SignedDuration::from_mins(1);
/// Time for which an ended runner's pod stays, so that a reader of its log can read it to the end.
const POD_RETENTION: SignedDuration = SignedDuration::from_mins(2);
/// Time for which a deleted object waits for its runners to end.
const STOP_TIMEOUT: SignedDuration = SignedDuration::from_mins(5);
/// Longest time for which a deleted object keeps its finalizer: a namespace must never hang on it.
const DELETION_TIMEOUT: SignedDuration = SignedDuration::from_mins(10);

/// Everything that the decision depends on.
#[derive(Debug, Clone)]
pub struct ObservedState {
    /// Generation of the spec.
    pub generation: i64,
    /// When deletion was requested.
    pub deletion_time: Option<Timestamp>,
    /// The object has dayfly's finalizer.
    pub has_finalizer: bool,
    /// The generation whose description was checked.
    pub checked_generation: Option<i64>,
    /// Digest of the wanted run's inputs; none while the description is invalid.
    pub input_digest: Option<String>,
    /// Name of the wanted environment.
    pub environment: Option<String>,
    /// When to keep the environment after the run.
    pub keep: Keep,
    /// Until when the object asks to keep the environment, as far as the policy allows that.
    pub extension: Option<Timestamp>,
    /// The run whose environment the reaper removed.
    pub reaped_run: Option<String>,
    /// The latest run.
    pub run: Option<RunStatus>,
    /// The latest run has no environment in the cluster, or the environment is being deleted.
    pub environment_gone: bool,
    /// When the pod of the run in progress was found missing.
    pub runner_missing_time: Option<Timestamp>,
    /// Pods of the object's runners, also of older runs.
    pub pods: Vec<RunnerPod>,
    /// The object's place in the queue.
    pub queue: QueueState,
    /// Time after which finished objects are deleted; none keeps them.
    pub retain: Option<SignedDuration>,
}

/// A runner's pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunnerPod {
    /// Name.
    pub name: String,
    /// The run that it performs.
    pub run: String,
    /// State.
    pub state: PodState,
    /// The pod is being deleted.
    pub terminating: bool,
}

/// State of a runner's pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PodState {
    /// Not started; what blocks it, whether that is the lack of a node, and when it was created.
    Pending { reason: Option<String>, no_node: bool, since: Timestamp },
    /// Running.
    Running,
    /// Ended; how, as the predicate of a sentence.
    Terminated { how: String },
}

/// Place in the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueueState {
    /// The run may start.
    Admitted,
    /// So many runs must end, or kept environments be removed, first.
    Waiting(u32),
    /// Another object, named here, has an environment of the same name.
    NameTaken(String),
}

/// The next action for an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextAction {
    /// Add the finalizer.
    AddFinalizer,
    /// Remove the finalizer; `leftover` says what could not be removed.
    RemoveFinalizer { leftover: Option<String> },
    /// Check the description.
    CheckDescription,
    /// Wait in the queue.
    WaitInQueue,
    /// Write a new run into the status.
    StartRun,
    /// Create the pod that performs the run.
    CreateRunner,
    /// Delete the pod of a runner that still works: it stops and cleans up.
    StopRunner { pod: String },
    /// Note that the runner's pod is gone, and wait for its last report.
    AwaitLostRunner,
    /// End the run in the status: its runner cannot.
    MarkLost { reason: String },
    /// Let the kept environment expire at this time.
    ExtendEnvironment { until: Timestamp },
    /// Remove the run's environment.
    RemoveEnvironment,
    /// Delete an ended runner's pod.
    DeletePod { pod: String },
    /// Delete the object with its evidence: its retention time is over.
    DeleteExpired,
    /// Do nothing until a change, or until this time.
    Requeue { at: Option<Timestamp> },
}

const AWAIT_CHANGE: NextAction = NextAction::Requeue { at: None };

/// Decides what to do next.
pub fn next_action(state: &ObservedState, now: Timestamp) -> NextAction {
    match state.deletion_time {
        Some(_) if !state.has_finalizer => AWAIT_CHANGE,
        Some(since) => delete(state, since, now),
        None if !state.has_finalizer => NextAction::AddFinalizer,
        None if state.checked_generation != Some(state.generation) => NextAction::CheckDescription,
        None => run_or_clean_up(state, now),
    }
}

/// For a deleted object: stop its runners, remove what they left, then remove the finalizer.
fn delete(state: &ObservedState, since: Timestamp, now: Timestamp) -> NextAction {
    let unremoved = state.run.as_ref().filter(|r| r.removal_time.is_none());
    if passed(since, DELETION_TIMEOUT, now) {
        let leftover = unremoved.map(|r| format!("environment {} could not be removed", r.environment));
        return NextAction::RemoveFinalizer { leftover };
    }
    if let Some(pod) = state.pods.iter().find(|p| !p.terminating) {
        return NextAction::StopRunner { pod: pod.name.clone() };
    }
    let running = state.pods.iter().any(|p| !matches!(p.state, PodState::Terminated { .. }));
    if running && !passed(since, STOP_TIMEOUT, now) {
        return NextAction::Requeue { at: Some(after(since, STOP_TIMEOUT)) };
    }
    if unremoved.is_some() { NextAction::RemoveEnvironment } else { NextAction::RemoveFinalizer { leftover: None } }
}

fn run_or_clean_up(state: &ObservedState, now: Timestamp) -> NextAction {
    let Some(run) = &state.run else { return start(state) };
    if let Some(old) = state.pods.iter().find(|p| p.run != run.id && !p.terminating) {
        return NextAction::StopRunner { pod: old.name.clone() };
    }
    let pod = state.pods.iter().find(|p| p.run == run.id);
    let current = state.input_digest.as_ref() == Some(&run.input_digest);
    match (run.stage == Stage::Ended, current) {
        (false, true) => supervise(state, run, pod, now),
        (false, false) => supersede(state, run, pod),
        (true, _) => clean_up(state, run, pod, current, now),
    }
}

/// For a run that is wanted and has not ended.
fn supervise(state: &ObservedState, run: &RunStatus, pod: Option<&RunnerPod>, now: Timestamp) -> NextAction {
    match (pod, &run.pod_uid) {
        (None, None) => NextAction::CreateRunner,
        (None, Some(_)) => match state.runner_missing_time {
            None => NextAction::AwaitLostRunner,
            Some(since) if !passed(since, LAST_REPORT_TIMEOUT, now) => {
                NextAction::Requeue { at: Some(after(since, LAST_REPORT_TIMEOUT)) }
            }
            Some(_) => NextAction::MarkLost { reason: "its runner's pod was deleted, or its node failed".into() },
        },
        (Some(RunnerPod { state: PodState::Terminated { how }, .. }), _) => {
            NextAction::MarkLost { reason: format!("its runner {how} before it reported a result") }
        }
        (Some(RunnerPod { name, state: PodState::Pending { reason, no_node, since }, .. }), _) => {
            let limit = if reason.is_some() && !no_node { START_FAILURE_TIMEOUT } else { START_TIMEOUT };
            if passed(*since, limit, now) {
                let unknown = || format!("for an unknown reason; see: kubectl describe pod {name}");
                let reason = reason.clone().unwrap_or_else(unknown);
                NextAction::MarkLost { reason: format!("its runner did not start: {reason}") }
            } else {
                NextAction::Requeue { at: Some(after(*since, limit)) }
            }
        }
        (Some(_), _) => AWAIT_CHANGE,
    }
}

/// For a run that goes on although the object now asks for another.
fn supersede(state: &ObservedState, run: &RunStatus, pod: Option<&RunnerPod>) -> NextAction {
    let same_environment = state.environment.as_ref() == Some(&run.environment);
    if state.input_digest.is_some() && same_environment && !matches!(state.queue, QueueState::NameTaken(_)) {
        // The newer run takes the environment over; the next action stops the older runner.
        return NextAction::StartRun;
    }
    match pod {
        Some(pod) if matches!(pod.state, PodState::Terminated { .. }) => {
            NextAction::MarkLost { reason: "it was stopped".into() }
        }
        Some(pod) if !pod.terminating => NextAction::StopRunner { pod: pod.name.clone() },
        Some(_) => AWAIT_CHANGE,
        None => NextAction::MarkLost { reason: "it was stopped".into() },
    }
}

/// For a run that has ended.
fn clean_up(
    state: &ObservedState,
    run: &RunStatus,
    pod: Option<&RunnerPod>,
    current: bool,
    now: Timestamp,
) -> NextAction {
    let same_environment = state.environment.as_ref() == Some(&run.environment);
    let wants_another = !current && state.input_digest.is_some();
    let reaped = state.reaped_run.as_ref() == Some(&run.id) || state.environment_gone;
    let kept = run.keep_reason.is_some() && state.keep != Keep::Never && !reaped;
    let kept_until = run.expiration_time.filter(|e| kept && *e > now);
    let longer = |until: &Timestamp| *until > now && run.expiration_time.is_none_or(|expires| expires < *until);
    if let Some(until) = state.extension.filter(|until| kept && run.removal_time.is_none() && longer(until))
        && !wants_another
    {
        return NextAction::ExtendEnvironment { until };
    }
    if run.removal_time.is_none() && !(wants_another && same_environment) && (wants_another || kept_until.is_none()) {
        return NextAction::RemoveEnvironment;
    }
    if wants_another {
        return start(state);
    }
    let pod_until = run.completion_time.map(|end| after(end, POD_RETENTION));
    match pod {
        Some(pod) if pod_until.is_none_or(|until| until <= now) && !pod.terminating => {
            NextAction::DeletePod { pod: pod.name.clone() }
        }
        Some(_) => NextAction::Requeue { at: pod_until.into_iter().chain(kept_until).filter(|t| *t > now).min() },
        None if run.removal_time.is_none() => NextAction::Requeue { at: kept_until },
        None => match run.completion_time.zip(state.retain).map(|(end, retain)| after(end, retain)) {
            Some(end) if end <= now => NextAction::DeleteExpired,
            end => NextAction::Requeue { at: end },
        },
    }
}

fn start(state: &ObservedState) -> NextAction {
    match (&state.input_digest, &state.queue) {
        (None, _) => AWAIT_CHANGE,
        (Some(_), QueueState::Admitted) => NextAction::StartRun,
        (Some(_), QueueState::Waiting(_) | QueueState::NameTaken(_)) => NextAction::WaitInQueue,
    }
}

fn after(since: Timestamp, limit: SignedDuration) -> Timestamp {
    since.checked_add(limit).unwrap_or(Timestamp::MAX)
}

fn passed(since: Timestamp, limit: SignedDuration, now: Timestamp) -> bool {
    after(since, limit) <= now
}

#[cfg(test)]
mod tests;
