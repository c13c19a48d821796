//! Runs container suites: a Job runs each to its end or time limit; its log and results are collected in any case.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

use super::results;
use crate::engine::kubernetes::cache::{PodEvent, Snapshot};
use crate::engine::kubernetes::client::{KubernetesEngine, api};
use crate::engine::kubernetes::explain;
use crate::engine::kubernetes::logs::SuiteLog;
use crate::engine::kubernetes::namespace::{owner, remove};
use crate::engine::kubernetes::pods::container_status::{self, ContainerPhase, StartFailure};
use crate::engine::kubernetes::pods::{context, pod};
use crate::engine::{EngineError, Leftover, OnLine, SuiteExit};
use crate::lease::Lease;
use crate::plan::{ContainerSuite, SuiteExecutor, SuitePlan};
use crate::render::kubernetes::{Kind, STOPPED, suite_name, test_pods, unit};
use crate::secrets::Secrets;

/// Name of a suite's container.
const CONTAINER: &str = "suite";
/// Time limit for a Job to create its pod, and for the pod to pull its images and run.
const START_LIMIT: Duration = Duration::from_secs(900);
/// Time limit for a Job's pod to disappear.
const DELETION_LIMIT: Duration = Duration::from_secs(30);

/// Runs a container suite.
pub async fn run(
    engine: &KubernetesEngine,
    lease: &Lease,
    suite: &SuitePlan,
    secrets: &Secrets,
    on_line: OnLine<'_>,
) -> Result<SuiteExit, EngineError> {
    let SuiteExecutor::Container(judge) = &suite.executor else {
        return Err(explain::not_started(&suite.name, "it has built-in steps and no container"));
    };
    owner::require_ours(engine, lease).await?;
    let id = uuid::Uuid::now_v7().simple().to_string();
    let job = test_pods::job_name(&suite.name, &id[20..]);
    create(engine, lease, suite, judge, &id[20..], secrets).await?;
    let exit = finish(engine, lease, suite, judge, &job, on_line).await;
    delete_job(engine, &lease.environment, &job).await;
    exit
}

async fn create(
    engine: &KubernetesEngine,
    lease: &Lease,
    suite: &SuitePlan,
    judge: &ContainerSuite,
    run: &str,
    secrets: &Secrets,
) -> Result<(), EngineError> {
    let context = context::load(engine, lease).await?;
    let addresses = context::resolve_addresses(engine, lease, &context, |_| true).await;
    let rendered = engine.with_render_input(lease, |input| {
        let files = unit::secret_files(secrets, &suite.name);
        let labels = input.fixture_labels();
        let mut given = vec![unit::secret(input, &suite_name(&suite.name), &labels, "Opaque", &files)?];
        if !judge.secret_env.is_empty() {
            let filled = secrets.env_of_suite(suite, judge).map_err(|e| unit::unfilled(&suite.name, &e))?;
            given.push(unit::env_secret(input, &suite.name, &labels, filled)?);
        }
        Ok((given, test_pods::job(input, suite, judge, run, &addresses)?))
    });
    let (given, job) = rendered.map_err(|e: crate::render::kubernetes::RenderError| explain::unrendered(&e))?;
    for secret in &given {
        engine.apply(&lease.environment, secret).await?;
    }
    match engine.create(&lease.environment, &job).await {
        // The name is unique: an existing Job is this one, from an interrupted request.
        Err(e) if !explain::is_there_already(&e) => Err(explain::not_started(&suite.name, &explain::words(&e))),
        _ => Ok(()),
    }
}

/// Waits for the start and the end of a suite, and collects its log and results.
async fn finish(
    engine: &KubernetesEngine,
    lease: &Lease,
    suite: &SuitePlan,
    judge: &ContainerSuite,
    job: &str,
    on_line: OnLine<'_>,
) -> Result<SuiteExit, EngineError> {
    let environment = &lease.environment;
    let pod = wait_until_started(engine, lease, &suite.name, job).await?;
    let (log, mut lines) = SuiteLog::follow(engine, environment, &pod, CONTAINER);
    let limit = Duration::from_millis(suite.timeout_ms);
    let mut ending = std::pin::pin!(wait_until_ended(engine, environment, &pod, limit));
    let end = loop {
        tokio::select! {
            biased;
            Some(line) = lines.recv() => on_line(&line),
            end = &mut ending => break end,
        }
    };
    let (end, timed_out) = match end {
        Some(end) => (end, false),
        None => (stop(engine, environment, &pod).await?, true),
    };
    let (files, lost) = match &end {
        End::Lost(why) => (BTreeMap::new(), vec![format!("{}: lost with its pod: {why}", judge.results)]),
        End::Process { .. } => results::fetch(engine, environment, &pod, &judge.results).await,
    };
    let mut text = log.end().await;
    while let Ok(line) = lines.try_recv() {
        on_line(&line);
    }
    let (code, oom_killed) = match end {
        End::Process { code, oom_killed } => (Some(code), oom_killed),
        End::Lost(why) => {
            text += &format!("\n(its pod was lost: {why})\n");
            (None, false)
        }
    };
    Ok(SuiteExit { code: code.filter(|_| !timed_out), oom_killed, timed_out, log: text, files, lost })
}

/// Waits until the process runs or has ended; returns the name of its pod.
async fn wait_until_started(
    engine: &KubernetesEngine,
    lease: &Lease,
    suite: &str,
    job: &str,
) -> Result<String, EngineError> {
    let (cache, room) = (engine.cache(&lease.environment), pod::room(lease));
    let limit = START_LIMIT + room;
    let found = cache.wait_for(limit, |snapshot, now| {
        // If quota or admission refuses the pod, the Job reports that in its events, and retries by itself.
        let late = |n: &PodEvent| {
            explain::is_uncounted(&n.message) && n.since.is_none_or(|s| !container_status::outlasts_tolerance(s, now))
        };
        let refused = snapshot.events_of(job).iter().find(|n| n.reason == "FailedCreate" && !late(n));
        let pod =
            snapshot.pods.as_ref()?.values().find(|p| api::label(p.as_ref(), "batch.kubernetes.io/job-name") == job);
        let Some(pod) = pod else { return refused.map(|n| Err(StartFailure::Start(n.message.clone()))) };
        match container_status::classify(pod, CONTAINER, snapshot.events_of(&pod.name_any()), room, now) {
            ContainerPhase::Running | ContainerPhase::Terminated { .. } => Some(Ok(pod.name_any())),
            ContainerPhase::Failed(failure) => Some(Err(failure)),
            ContainerPhase::Waiting(_) | ContainerPhase::Stopped => None,
        }
    });
    match found.await {
        Some(Ok(pod)) => Ok(pod),
        Some(Err(StartFailure::Capacity(why))) => Err(EngineError::Capacity(format!("{suite}: {why}"))),
        Some(Err(StartFailure::Image(why))) => Err(EngineError::Images(vec![(suite.to_owned(), why)])),
        Some(Err(StartFailure::Start(why))) => Err(explain::not_started(suite, &why)),
        None => Err(explain::not_started(suite, &format!("its process does not run, and {}", cache.why_late(limit)))),
    }
}

/// The end of a suite's process.
enum End {
    Process {
        code: i64,
        oom_killed: bool,
    },
    /// Its pod disappeared with its contents.
    Lost(String),
}

async fn wait_until_ended(engine: &KubernetesEngine, environment: &str, pod: &str, limit: Duration) -> Option<End> {
    engine
        .cache(environment)
        .wait_for(limit, |snapshot, _| {
            let pods = snapshot.pods.as_ref()?;
            let Some(found) = pods.get(pod) else { return Some(End::Lost("somebody deleted it".into())) };
            end_of(found)
        })
        .await
}

fn end_of(pod: &Pod) -> Option<End> {
    let status = container_status::container(pod, CONTAINER)?;
    if let Some(end) = status.state.as_ref().and_then(|s| s.terminated.as_ref()) {
        return Some(End::Process { code: end.exit_code.into(), oom_killed: container_status::oom_killed(end) });
    }
    let pod_status = pod.status.as_ref()?;
    let failed = pod_status.phase.as_deref() == Some("Failed");
    failed.then(|| {
        let said = |text: &Option<String>| text.clone().unwrap_or_default();
        End::Lost(format!("{} {}", said(&pod_status.reason), said(&pod_status.message)))
    })
}

/// Ends the process, first by SIGTERM; the container for results continues to run.
async fn stop(engine: &KubernetesEngine, environment: &str, pod: &str) -> Result<End, EngineError> {
    pod::set_image(engine, environment, pod, CONTAINER, STOPPED).await?;
    wait_until_ended(engine, environment, pod, pod::TERMINATION_LIMIT).await.ok_or_else(|| {
        explain::refused(&format!("end {pod}"), "the cluster did not end its process", Leftover::Removable)
    })
}

/// Deletes the Job and its pod to make room for the next.
async fn delete_job(engine: &KubernetesEngine, environment: &str, job: &str) {
    let params = api::with_grace_period(remove::GRACE_SECS);
    if let Err(e) = engine.delete(Kind::Job, environment, job, &params).await {
        return tracing::debug!(job, "left for teardown: failed to {e}");
    }
    let gone = |snapshot: &Snapshot| {
        snapshot
            .pods
            .as_ref()
            .is_some_and(|p| p.values().all(|p| api::label(p.as_ref(), "batch.kubernetes.io/job-name") != job))
    };
    engine.cache(environment).wait_for(DELETION_LIMIT, |snapshot, _| gone(snapshot).then_some(())).await;
}
