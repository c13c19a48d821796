//! One step for one object: see, decide, perform. What is seen first may be a moment old: before anything is done, it is
//! looked at again, and only what is still to be done then is done.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::runtime::controller::Action;
use kube::{Api, ResourceExt};
use tracing::Instrument;

use super::decide::{self, RunnerPod, Seen, Step};
use super::{Context, FINALIZER, TEST_ENVIRONMENT, lock, status};
use crate::controller::actions::{StepError, turn};
use crate::controller::{actions, runner_pod};
use crate::crd::{Stage, TestEnvironmentSummary};

/// Pauses after failures: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));
/// Pause after somebody else changed the object first.
const SOON: Duration = Duration::from_secs(1);

/// How often whoever waits for a turn looks by itself, which asks nothing of anybody: what it waits for may go in the moment
/// after it was told to look.
const WAITS: Duration = Duration::from_secs(30);

/// Makes the next step for an object.
pub async fn step(object: Arc<TestEnvironmentSummary>, context: Arc<Context>) -> Result<Action, StepError> {
    let began = Instant::now();
    if context.first.set(()).is_ok() {
        context.metrics.begun(context.started.elapsed());
        tracing::info!("first step {:.2} s after the start", context.started.elapsed().as_secs_f32());
    }
    let run = object.run().map(|r| r.id.clone()).unwrap_or_default();
    let environment = object.environment().unwrap_or_default().to_owned();
    let span = tracing::info_span!("step", object = object.key(), environment, run);
    let done = looked(&object, &context).instrument(span).await;
    context.metrics.stepped(began.elapsed());
    if done.is_ok() {
        lock(&context.failures).remove(object.uid());
    }
    done
}

/// When it is tried again after a failure: later each time, and never not at all.
pub fn again(object: Arc<TestEnvironmentSummary>, error: &StepError, context: Arc<Context>) -> Action {
    if matches!(error, StepError::Changed) {
        return Action::requeue(SOON);
    }
    let failures = {
        let mut all = lock(&context.failures);
        let failures = all.entry(object.uid().to_owned()).or_default();
        *failures += 1;
        *failures
    };
    context.metrics.failed(error.step());
    let pause = pause(failures);
    tracing::warn!(object = object.key(), "failed to {error}; trying again in {} s", pause.as_secs());
    Action::requeue(pause)
}

/// Doubled with each failure, up to a limit.
fn pause(failures: u32) -> Duration {
    PAUSES.0.saturating_mul(2u32.saturating_pow(failures.saturating_sub(1))).min(PAUSES.1)
}

async fn looked(object: &TestEnvironmentSummary, context: &Context) -> Result<Action, StepError> {
    let known = context.followed.get().map(|f| f.pods.state()).unwrap_or_default();
    let mine = known.iter().filter(|p| p.labels().get(TEST_ENVIRONMENT).is_some_and(|uid| uid == object.uid()));
    let seen = seen(object, mine.map(|p| runner_pod::seen(p)).collect(), context);
    note_end(object, context);
    let now = Timestamp::now();
    if let Some(action) = idle(&decide::next(&seen, now), now) {
        say(object, &seen, context, now).await?;
        return Ok(action);
    }
    let Some((object, seen)) = looked_again(object, context).await? else { return Ok(Action::await_change()) };
    let next = decide::next(&seen, now);
    if let Some(action) = idle(&next, now) {
        say(&object, &seen, context, now).await?;
        return Ok(action);
    }
    tracing::debug!("{next:?}");
    actions::perform(&next, &object, context).await
}

/// The object and its runners as the API server has them.
async fn looked_again(
    object: &TestEnvironmentSummary,
    context: &Context,
) -> Result<Option<(TestEnvironmentSummary, Seen)>, StepError> {
    let failed = actions::failed("look again");
    let objects: Api<TestEnvironmentSummary> =
        Api::namespaced(context.client.clone(), &object.namespace().unwrap_or_default());
    let runners: Api<Pod> = Api::namespaced(context.client.clone(), &context.settings.namespace);
    let of = ListParams::default().labels(&format!("{TEST_ENVIRONMENT}={}", object.uid()));
    let name = object.name_any();
    let (found, runners) = tokio::join!(objects.get_opt(&name), runners.list(&of));
    let found = found.and_then(|f| runners.map(|r| (f, r)));
    let (Some(found), runners) = found.map_err(failed)? else { return Ok(None) };
    if found.uid() != object.uid() {
        return Ok(None);
    }
    let seen = seen(&found, runners.iter().map(runner_pod::seen).collect(), context);
    Ok(Some((found, seen)))
}

fn seen(object: &TestEnvironmentSummary, pods: Vec<RunnerPod>, context: &Context) -> Seen {
    Seen {
        generation: object.metadata.generation.unwrap_or_default(),
        deleted: object.deleted(),
        finalizer: object.finalizers().iter().any(|f| f == FINALIZER),
        checked: object.status.as_ref().and_then(|s| s.observed_generation),
        wanted: object.wanted().map(str::to_owned),
        environment: object.environment().map(str::to_owned),
        keep: object.spec.keep,
        reaped: object.reaped().map(|(run, _)| run.to_owned()),
        run: object.run().cloned(),
        pods,
        turn: turn(object, context),
        retain: context.settings.retain,
    }
}

/// For steps that do nothing: when to look again.
fn idle(step: &Step, now: Timestamp) -> Option<Action> {
    match step {
        Step::Wait => Some(Action::requeue(WAITS)),
        Step::Rest { until: None } => Some(Action::await_change()),
        Step::Rest { until: Some(until) } => {
            let pause = Duration::try_from(until.duration_since(now)).unwrap_or_default();
            Some(Action::requeue(pause + Duration::from_millis(50)))
        }
        _ => None,
    }
}

/// Writes what is to be said of the object, where that changed, and tells it.
async fn say(object: &TestEnvironmentSummary, seen: &Seen, context: &Context, now: Timestamp) -> Result<(), StepError> {
    if seen.deleted.is_some() {
        return Ok(());
    }
    let was = object.status.clone().unwrap_or_default();
    let mut known = was.clone();
    if let Some(run) = known.run.as_mut().filter(|r| r.kept.is_some() && r.released.is_none()) {
        let extended = context.followed.get().and_then(|f| f.extended(&run.environment, &run.id));
        run.expires = run.expires.max(extended);
    }
    let is = status::of(&known, seen.keep, &seen.pods, &seen.turn, now);
    if is != was {
        actions::write(object, &was, &is, context).await?;
    }
    Ok(())
}

/// Counts a run that ended, once, and lets the next one begin.
fn note_end(object: &TestEnvironmentSummary, context: &Context) {
    let runs = object.is_running();
    let was = {
        let mut running = lock(&context.running);
        if runs { !running.insert(object.uid().to_owned()) } else { running.remove(object.uid()) }
    };
    let Some(run) = object.run().filter(|r| was && r.stage == Stage::Ended) else { return };
    let outcome = run.outcome.map_or("ERROR".into(), |o| format!("{o:?}").to_uppercase());
    tracing::info!("the run ended: {outcome}");
    context.metrics.ended(&outcome);
    if let (Some(began), Some(ready)) = (run.began, run.ready) {
        context.metrics.ready(Duration::try_from(ready.duration_since(began)).unwrap_or_default());
    }
    context.nudge();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_five_minutes_and_never_end() {
        let pauses: Vec<u64> = [1, 2, 3, 9, 10, 40, u32::MAX].map(|n| pause(n).as_secs()).to_vec();
        assert_eq!(pauses, [1, 2, 4, 256, 300, 300, 300]);
    }
}
