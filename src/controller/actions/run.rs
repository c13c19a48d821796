//! Starts a run, creates and deletes its runner, and marks it lost.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{DeleteParams, PostParams};

use super::error::{ReconcileError, api_error};
use super::evidence;
use super::removal_record::signing_key;
use super::status_patch::{updated, write};
use crate::controller::context::{Context, MANAGER, lock};
use crate::controller::decide::QueueState;
use crate::controller::runner::progress;
use crate::controller::runner_pod;
use crate::crd::{RunStatus, Stage, TestEnvironmentStatus, TestEnvironmentSummary};
use crate::model::{Outcome, RunId};

/// Writes a new run into the status, if the object may still start one.
pub async fn start(object: &TestEnvironmentSummary, context: &Context) -> Result<(), ReconcileError> {
    let (before, now) = (object.status.clone().unwrap_or_default(), Timestamp::now());
    let (Some(input_digest), Some(environment)) = (before.input_digest.clone(), before.environment.clone()) else {
        return Ok(());
    };
    // One at a time, so that no two objects take the same place.
    let _queue = context.queue_lock.lock().await;
    if !object.is_running() && context.queue_state(object) != QueueState::Admitted {
        return Ok(());
    }
    let run = RunStatus {
        id: RunId::now().to_string(),
        environment,
        input_digest,
        description_digest: before.description_digest.clone(),
        commit: object.spec.commit.clone(),
        generation: object.metadata.generation.unwrap_or_default(),
        start_time: Some(now),
        ..RunStatus::default()
    };
    tracing::info!(run = run.id, "starting a run");
    lock(&context.started_runs).insert(object.uid().to_owned(), run.id.clone());
    let after = updated(object, |s| s.run = Some(run), now);
    let written = write(object, &before, &after, context).await;
    if written.is_err() {
        lock(&context.started_runs).remove(object.uid());
        // Others may have waited for the place meanwhile.
        context.wake_queue();
    }
    written
}

/// Creates the pod that performs the run; without a signing key the status says why there is none.
pub async fn create_runner(object: &TestEnvironmentSummary, context: &Context) -> Result<(), ReconcileError> {
    let Some(run) = object.run() else { return Ok(()) };
    let settings = &context.settings;
    match signing_key("start the run", context).await {
        Err(missing @ ReconcileError::NoKey { .. }) => {
            let before = object.status.clone().unwrap_or_default();
            let after = TestEnvironmentStatus { blocked: Some(format!("failed to {missing}")), ..before.clone() };
            if after != before {
                write(object, &before, &after, context).await?;
            }
            return Err(missing);
        }
        key => drop(key?),
    }
    let pod = runner_pod::build(settings, object, run).map_err(kube::Error::SerdeError);
    let pod = pod.map_err(api_error("build the runner's pod"))?;
    let runners: Api<Pod> = Api::namespaced(context.client.clone(), &settings.namespace);
    match runners.create(&PostParams { field_manager: Some(MANAGER.into()), dry_run: false }, &pod).await {
        Err(kube::Error::Api(s)) if s.reason == "AlreadyExists" => Ok(()),
        created => created.map(drop).map_err(api_error("create the runner's pod")),
    }
}

/// Deletes a runner's pod; a runner that still works stops and cleans up first.
pub async fn delete_pod(pod: &str, context: &Context) -> Result<(), ReconcileError> {
    let runners: Api<Pod> = Api::namespaced(context.client.clone(), &context.settings.namespace);
    match runners.delete(pod, &DeleteParams::default()).await {
        Err(kube::Error::Api(s)) if s.code == 404 => Ok(()),
        deleted => deleted.map(drop).map_err(api_error("delete the runner's pod")),
    }
}

/// Notes that the runner's pod is gone: its process may still work for a moment, and report its result.
pub async fn await_lost_runner(object: &TestEnvironmentSummary, context: &Context) -> Result<(), ReconcileError> {
    let (before, now) = (object.status.clone().unwrap_or_default(), Timestamp::now());
    write(object, &before, &updated(object, |s| s.runner_missing_time = Some(now), now), context).await
}

/// Ends the run in the status: its runner cannot. The verdict that the runner sealed stays.
pub async fn mark_lost(object: &TestEnvironmentSummary, reason: &str, context: &Context) -> Result<(), ReconcileError> {
    tracing::warn!("the run was lost: {reason}");
    let sealed = match object.run().filter(|run| run.pod_uid.is_some()) {
        Some(run) => evidence::sealed(object, run, context).await?,
        None => None,
    };
    let (before, now) = (object.status.clone().unwrap_or_default(), Timestamp::now());
    let lost = |s: &mut TestEnvironmentStatus| {
        let Some(run) = &mut s.run else { return };
        let claimed = run.pod_uid.take().is_some();
        if let Some((facts, stored)) = sealed {
            progress::finish_lost(run, facts, reason, now);
            run.evidence = Some(stored);
            return;
        }
        run.stage = Stage::Ended;
        (run.outcome, run.exit_code) = (Some(Outcome::Error), Some(crate::report::exit_code::UNEXPECTED));
        (run.completion_time, run.waiting) = (Some(now), None);
        run.causes.push(format!("the run was lost: {reason}"));
        // A run that no runner claimed has created nothing. A runner that works on all the same can no longer write.
        run.removal_time = (!claimed).then_some(now);
    };
    write(object, &before, &updated(object, lost, now), context).await
}
