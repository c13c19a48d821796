//! kube's two entry points: `reconcile` observes, decides and acts for one object; `error_policy` schedules the retry.
//!
//! The cache may be stale: before any write, the object is read from the API server and the decision is made once more.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::runtime::controller::Action;
use kube::runtime::reflector::ObjectRef;
use kube::{Api, ResourceExt};
use tracing::Instrument;

use super::actions::{self, FINALIZER, ReconcileError, api_error};
use super::context::{Context, lock};
use super::decide::{NextAction, ObservedState, RunnerPod, next_action};
use super::labels::TEST_ENVIRONMENT;
use super::triggers::Trigger;
use super::{runner_pod, status};
use crate::crd::{RemovalReason, Stage, TestEnvironmentStatus, TestEnvironmentSummary};
use crate::model::sanitize::one_line;

/// Delay after the first failure, and the longest delay.
const BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));
/// Delay after a conflict.
const CONFLICT_DELAY: Duration = Duration::from_secs(1);
/// Interval at which a queued object shows its current place, which others change without a change of their own.
const QUEUE_INTERVAL: Duration = Duration::from_secs(120);

/// Performs the next action for an object.
pub async fn reconcile(object: Arc<TestEnvironmentSummary>, context: Arc<Context>) -> Result<Action, ReconcileError> {
    let start = Instant::now();
    let trigger = context.triggers.take_cause(&ObjectRef::from_obj(&*object));
    if context.reconciled.set(()).is_ok() {
        let elapsed = context.process_start.elapsed();
        context.metrics.set_first_reconcile(elapsed);
        tracing::info!("first reconcile {:.2} s after the start", elapsed.as_secs_f32());
    }
    let run = object.run().map(|r| r.id.clone()).unwrap_or_default();
    let environment = object.environment().unwrap_or_default().to_owned();
    let span = tracing::info_span!("reconcile", object = object.key(), environment, run);
    let done = observe_and_act(&object, &context).instrument(span).await;
    context.metrics.observe_reconcile(trigger.word(), start.elapsed());
    if done.is_ok() {
        lock(&context.failures).remove(object.uid());
    }
    done
}

/// Requeues after a failure, with exponential backoff.
pub fn error_policy(object: Arc<TestEnvironmentSummary>, error: &ReconcileError, context: Arc<Context>) -> Action {
    if matches!(error, ReconcileError::Conflict) {
        context.triggers.set_cause(ObjectRef::from_obj(&*object), Trigger::Retry);
        return Action::requeue(CONFLICT_DELAY);
    }
    let failures = {
        let mut all = lock(&context.failures);
        let failures = all.entry(object.uid().to_owned()).or_default();
        *failures += 1;
        *failures
    };
    context.metrics.count_error(error.action());
    let delay = backoff(failures);
    context.triggers.set_cause(ObjectRef::from_obj(&*object), Trigger::Retry);
    tracing::warn!(object = object.key(), "failed to {error}; retrying in {} s", delay.as_secs());
    Action::requeue(delay)
}

/// Doubles with each failure, up to a limit.
fn backoff(failures: u32) -> Duration {
    BACKOFF.0.saturating_mul(2u32.saturating_pow(failures.saturating_sub(1))).min(BACKOFF.1)
}

async fn observe_and_act(object: &TestEnvironmentSummary, context: &Context) -> Result<Action, ReconcileError> {
    let pods = context.watches.get().map(|w| w.runners.state()).unwrap_or_default();
    let own = pods.iter().filter(|p| p.labels().get(TEST_ENVIRONMENT).is_some_and(|uid| uid == object.uid()));
    let state = observed_state(object, own.map(|p| runner_pod::observe(p)).collect(), context);
    count_ended_run(object, context);
    let now = Timestamp::now();
    if let Some(action) = passive(&next_action(&state, now), now) {
        update_status(object, &state, context, now).await?;
        return Ok(action);
    }
    let Some((object, state)) = read_again(object, context).await? else { return Ok(Action::await_change()) };
    let next = next_action(&state, now);
    if let Some(action) = passive(&next, now) {
        update_status(&object, &state, context, now).await?;
        return Ok(action);
    }
    tracing::debug!("{next:?}");
    actions::perform(&next, &object, context).await
}

/// The object and its runners, from the API server.
async fn read_again(
    object: &TestEnvironmentSummary,
    context: &Context,
) -> Result<Option<(TestEnvironmentSummary, ObservedState)>, ReconcileError> {
    let failed = api_error("read the TestEnvironment");
    let objects: Api<TestEnvironmentSummary> =
        Api::namespaced(context.client.clone(), &object.namespace().unwrap_or_default());
    let runners: Api<Pod> = Api::namespaced(context.client.clone(), &context.settings.namespace);
    let own = ListParams::default().labels(&format!("{TEST_ENVIRONMENT}={}", object.uid()));
    let name = object.name_any();
    let (found, runners) = tokio::join!(objects.get_opt(&name), runners.list(&own));
    let found = found.and_then(|f| runners.map(|r| (f, r)));
    let (Some(found), runners) = found.map_err(failed)? else { return Ok(None) };
    if found.uid() != object.uid() {
        return Ok(None);
    }
    let state = observed_state(&found, runners.iter().map(runner_pod::observe).collect(), context);
    Ok(Some((found, state)))
}

fn observed_state(object: &TestEnvironmentSummary, pods: Vec<RunnerPod>, context: &Context) -> ObservedState {
    ObservedState {
        generation: object.metadata.generation.unwrap_or_default(),
        deletion_time: object.deleted(),
        has_finalizer: object.finalizers().iter().any(|f| f == FINALIZER),
        checked_generation: object.status.as_ref().filter(|s| is_checked(s)).and_then(|s| s.observed_generation),
        input_digest: object.input_digest().map(str::to_owned),
        environment: object.environment().map(str::to_owned),
        keep: object.spec.keep,
        extension: extension(object, context),
        reaped_run: object.reaped().map(|(run, _)| run.to_owned()),
        run: object.run().cloned(),
        environment_gone: context
            .watches
            .get()
            .zip(object.run())
            .is_some_and(|(watches, run)| !watches.has_environment(&run.environment, &run.id)),
        runner_missing_time: object.status.as_ref().and_then(|s| s.runner_missing_time),
        pods,
        queue: context.queue_state(object),
        retain: context.settings.retain,
    }
}

/// Until when the object asks to keep its environment, and the policy lets environments of its namespace live.
fn extension(object: &TestEnvironmentSummary, context: &Context) -> Option<Timestamp> {
    let asked: Timestamp = object.spec.extend_until.as_ref()?.parse().ok()?;
    let start = object.run()?.start_time?;
    let is_proven = object.status.as_ref().is_some_and(|s| s.identity.is_some());
    let (namespace, repository) = (object.namespace().unwrap_or_default(), object.spec.repository.as_deref());
    let longest = context.watches.get()?.longest_life(&namespace, repository, is_proven)?;
    Some(asked.min(start.checked_add(longest).ok()?))
}

/// False if an earlier version checked the description, which recorded no digest of it.
fn is_checked(status: &TestEnvironmentStatus) -> bool {
    status.input_digest.is_none() || status.description_digest.is_some()
}

/// When to reconcile again, for actions that write nothing but the status.
fn passive(action: &NextAction, now: Timestamp) -> Option<Action> {
    match action {
        NextAction::WaitInQueue => Some(Action::requeue(QUEUE_INTERVAL)),
        NextAction::Requeue { at: None } => Some(Action::await_change()),
        NextAction::Requeue { at: Some(at) } => {
            let delay = Duration::try_from(at.duration_since(now)).unwrap_or_default();
            Some(Action::requeue(delay + Duration::from_millis(50)))
        }
        _ => None,
    }
}

/// Writes the status if it changed.
async fn update_status(
    object: &TestEnvironmentSummary,
    state: &ObservedState,
    context: &Context,
    now: Timestamp,
) -> Result<(), ReconcileError> {
    if state.deletion_time.is_some() {
        return Ok(());
    }
    let before = object.status.clone().unwrap_or_default();
    let mut known = before.clone();
    if let Some(run) = known.run.as_mut().filter(|r| r.keep_reason.is_some() && r.removal_time.is_none()) {
        let extended = context.watches.get().and_then(|w| w.extended_expiration(&run.environment, &run.id));
        run.expiration_time = run.expiration_time.max(extended);
    }
    // The reaper says so only after its removal, which the controller may notice before.
    if let (Some(run), Some((reaped, kind))) = (known.run.as_mut(), object.reaped())
        && run.id == reaped
        && run.removal_reason.as_ref().is_some_and(|r| r.kind == RemovalReason::GONE)
    {
        run.removal_reason = Some(RemovalReason { kind: one_line(kind, 40), text: "the reaper removed it".into() });
    }
    let after = status::update(&known, state.keep, &state.pods, &state.queue, now);
    if after != before {
        actions::write_status(object, &before, &after, context).await?;
    }
    Ok(())
}

/// Counts a run that ended, once.
fn count_ended_run(object: &TestEnvironmentSummary, context: &Context) {
    let runs = object.is_running();
    let ran = {
        let mut running = lock(&context.running);
        if runs { !running.insert(object.uid().to_owned()) } else { running.remove(object.uid()) }
    };
    let Some(run) = object.run().filter(|r| ran && r.stage == Stage::Ended) else { return };
    let outcome = run.outcome.map_or("ERROR".into(), |o| format!("{o:?}").to_uppercase());
    tracing::info!(outcome, "the run ended");
    context.metrics.count_run(&outcome);
    if let (Some(start), Some(ready)) = (run.start_time, run.ready_time) {
        context.metrics.observe_ready(Duration::try_from(ready.duration_since(start)).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_up_to_five_minutes_and_never_gives_up() {
        let delays: Vec<u64> = [1, 2, 3, 9, 10, 40, u32::MAX].map(|n| backoff(n).as_secs()).to_vec();
        assert_eq!(delays, [1, 2, 4, 256, 300, 300, 300]);
    }
}
