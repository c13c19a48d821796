//! A run's beginning, its runner, and its loss.

use std::collections::HashSet;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use uuid::Uuid;

use super::{StepError, failed};
use crate::controller::actions::removal_record::signing_key;
use crate::controller::actions::status_patch::{restated, write};
use crate::controller::decide::Turn;
use crate::controller::{Context, MANAGER, lock, queue, runner_pod};
use crate::crd::{RunStatus, Stage, TestEnvironmentStatus, TestEnvironmentSummary};
use crate::model::Outcome;

/// Whose turn it is, as far as is known.
pub fn turn(object: &TestEnvironmentSummary, context: &Context) -> Turn {
    let all = context.objects();
    let begun: HashSet<String> = {
        let mut begun = lock(&context.begun);
        // What is seen need not be remembered, nor what is gone.
        begun.retain(|uid, run| all.iter().any(|o| o.uid() == uid && o.run().is_none_or(|r| r.id < *run)));
        begun.keys().cloned().collect()
    };
    queue::turn(object, all.iter().map(AsRef::as_ref), &begun, context.settings.limit)
}

pub async fn begin(object: &TestEnvironmentSummary, context: &Context) -> Result<(), StepError> {
    let (was, now) = (object.status.clone().unwrap_or_default(), Timestamp::now());
    let (Some(input), Some(environment)) = (was.input.clone(), was.environment.clone()) else { return Ok(()) };
    // One after the other, so that no two take the same place.
    let _turn = context.turns.lock().await;
    if !object.is_running() && turn(object, context) != Turn::Now {
        context.nudge();
        return Ok(());
    }
    let run = RunStatus {
        id: Uuid::now_v7().to_string(),
        environment,
        input,
        commit: object.spec.commit.clone(),
        generation: object.metadata.generation.unwrap_or_default(),
        began: Some(now),
        ..RunStatus::default()
    };
    tracing::info!(run = run.id, "a run begins");
    lock(&context.begun).insert(object.uid().to_owned(), run.id.clone());
    let is = restated(object, |s| s.run = Some(run), now);
    let written = write(object, &was, &is, context).await;
    if written.is_err() {
        lock(&context.begun).remove(object.uid());
    }
    context.nudge();
    written
}

pub async fn launch(object: &TestEnvironmentSummary, context: &Context) -> Result<(), StepError> {
    let Some(run) = object.run() else { return Ok(()) };
    let settings = &context.settings;
    match signing_key("begin the run", context).await {
        Err(missing @ StepError::NoKey { .. }) => {
            let was = object.status.clone().unwrap_or_default();
            let is = TestEnvironmentStatus { blocked: Some(format!("failed to {missing}")), ..was.clone() };
            if is != was {
                write(object, &was, &is, context).await?;
            }
            return Err(missing);
        }
        looked => drop(looked?),
    }
    let pod = runner_pod::object(settings, object, run)
        .map_err(kube::Error::SerdeError)
        .map_err(failed("write the runner"))?;
    let runners: Api<Pod> = Api::namespaced(context.client.clone(), &settings.namespace);
    match runners.create(&PostParams { field_manager: Some(MANAGER.into()), dry_run: false }, &pod).await {
        Err(kube::Error::Api(s)) if s.reason == "AlreadyExists" => Ok(()),
        made => made.map(drop).map_err(failed("make the runner")),
    }
}

pub async fn end_pod(pod: &str, context: &Context) -> Result<(), StepError> {
    let runners: Api<Pod> = Api::namespaced(context.client.clone(), &context.settings.namespace);
    match runners.delete(pod, &DeleteParams::default()).await {
        Err(kube::Error::Api(s)) if s.code == 404 => Ok(()),
        done => done.map(drop).map_err(failed("end the runner")),
    }
}

pub async fn lose(object: &TestEnvironmentSummary, why: &str, context: &Context) -> Result<(), StepError> {
    tracing::warn!("the run is lost: {why}");
    let (was, now) = (object.status.clone().unwrap_or_default(), Timestamp::now());
    let lost = |s: &mut TestEnvironmentStatus| {
        let Some(run) = &mut s.run else { return };
        run.stage = Stage::Ended;
        (run.outcome, run.exit_code) = (Some(Outcome::Error), Some(crate::report::exit_code::UNEXPECTED));
        (run.finished, run.waiting) = (Some(now), None);
        run.causes.push(format!("the run was lost: {why}"));
        // What no runner ever took has made nothing. A runner that goes on all the same is not heard any more.
        run.released = run.pod.take().is_none().then_some(now);
    };
    write(object, &was, &restated(object, lost, now), context).await
}
