//! Runs container suites until they end or time out. Log and results are collected in both cases.

use std::time::Duration;

use bollard::query_parameters::{
    DownloadFromContainerOptionsBuilder, KillContainerOptions, LogsOptionsBuilder, RemoveVolumeOptions,
    StartContainerOptions, StopContainerOptionsBuilder, WaitContainerOptionsBuilder,
};
use futures::StreamExt;
use tokio::time::{Instant, timeout, timeout_at};

use super::client::LocalEngine;
use super::containers::State;
use super::volumes::Content;
use super::{explain, images, networks, units, users, volumes};
use crate::engine::lines::DROPPED;
use crate::engine::{EngineError, Leftover, SuiteExit};
use crate::lease::Lease;
use crate::plan::{ContainerSuite, Plan, SuiteExecutor, SuitePlan};
use crate::render::archive::{self, Unpacked};
use crate::render::container::{self, SECRETS_DIR, SuiteRun, VolumeMount};
use crate::render::labels;
use crate::secrets::Secrets;

/// Maximum size of a log; only its end is kept.
const LOG: usize = 4 << 20;
/// Maximum size of the results.
const RESULTS: usize = 32 << 20;
/// Overhead of an archive.
const ARCHIVE_OVERHEAD: usize = 4 << 20;
/// Time that a suite has to end after its time limit, in seconds.
const GRACE_SECS: i32 = 2;
/// Time that the engine has to kill it after that.
const KILL_LIMIT: Duration = Duration::from_secs(30);
/// Time limit to read the log or the results of a suite.
const COLLECT_LIMIT: Duration = Duration::from_secs(120);
/// Pause before the next inspection if the engine reports the end too early.
const PAUSE: Duration = Duration::from_millis(50);

/// Runs a container suite.
pub async fn run(
    engine: &LocalEngine,
    lease: &Lease,
    suite: &SuitePlan,
    secrets: &Secrets,
) -> Result<SuiteExit, EngineError> {
    let SuiteExecutor::Container(container) = &suite.executor else {
        return Err(explain::not_started(&suite.name, "it has built-in steps and no container"));
    };
    let suffix = super::name::unique_suffix();
    let owner = format!("suite-{}-{suffix}", suite.name);
    let volumes = [
        VolumeMount { volume: labels::secrets_volume(lease, &owner), path: SECRETS_DIR.into(), writable: false },
        VolumeMount {
            volume: labels::writable_volume(lease, &owner, 1, 0),
            path: container.results.clone(),
            writable: true,
        },
    ];
    let name = create(engine, lease, suite, container, &volumes, &suffix, secrets).await?;
    let exit = run_to_end(engine, suite, container, &name).await;
    clear(engine, &name, &volumes).await;
    exit
}

async fn create(
    engine: &LocalEngine,
    lease: &Lease,
    suite: &SuitePlan,
    container: &ContainerSuite,
    volumes: &[VolumeMount; 2],
    suffix: &str,
    secrets: &Secrets,
) -> Result<String, EngineError> {
    let image = images::resolved(engine, &container.image).await?;
    let only = Plan { units: vec![], suites: [(suite.name.clone(), suite.clone())].into(), ..lease.plan.clone() };
    if let Some(fault) =
        crate::plan::image_user::check(&only, &[(container.image.clone(), image.fact.clone())].into()).pop()
    {
        return Err(explain::not_started(&suite.name, &fault));
    }
    let subnets = networks::subnets(engine, lease).await?;
    volumes::create_all(engine, lease, volumes.iter().map(|v| v.volume.clone()).collect()).await?;
    let failed = |words: &str| explain::not_started(&suite.name, words);
    let secret_env = &secrets.env_of_suite(suite, container).map_err(|e| failed(&format!("failed to {e}")))?;
    let request = container::suite(
        lease,
        &subnets,
        &SuiteRun { suite, container, volumes, image: &image.id, secret_env, suffix },
        engine.profile,
    )
    .map_err(|w| failed(&w))?;
    engine.create(&request).await.map_err(|e| failed(&explain::words(&e)))?;
    let owner = users::numeric(engine, &request.name, units::user_of(&container.confinement, &image)).await?;
    let contents = [
        Content { volume: volumes[0].volume.clone(), files: files(suite, secrets)?, owner: None },
        Content { volume: volumes[1].volume.clone(), files: vec![], owner: Some(owner) },
    ];
    volumes::fill(engine, lease, &contents).await?;
    Ok(request.name)
}

fn files(suite: &SuitePlan, secrets: &Secrets) -> Result<Vec<(String, Vec<u8>)>, EngineError> {
    let value = |name: &String| {
        let value = secrets
            .values
            .get(name)
            .ok_or_else(|| explain::not_started(&suite.name, &format!("secret {name} does not exist")))?;
        Ok((name.clone(), value.clone().into_bytes()))
    };
    suite.secrets.iter().map(value).chain([Ok(("ca.crt".to_owned(), secrets.ca.clone().into_bytes()))]).collect()
}

/// Starts a suite, waits for its end and collects its results.
async fn run_to_end(
    engine: &LocalEngine,
    suite: &SuitePlan,
    container: &ContainerSuite,
    name: &str,
) -> Result<SuiteExit, EngineError> {
    engine
        .docker
        .start_container(name, None::<StartContainerOptions>)
        .await
        .map_err(|e| explain::not_started(&suite.name, &explain::words(&e)))?;
    let (state, timed_out) = match timeout(Duration::from_millis(suite.timeout_ms), wait_for_end(engine, name)).await {
        Ok(state) => (state?, false),
        Err(_) => (stop(engine, name).await?, true),
    };
    let log = log(engine, name).await;
    let (files, lost) = results(engine, name, &container.results).await;
    Ok(SuiteExit {
        code: (!timed_out).then_some(state.exit_code),
        oom_killed: state.oom_killed,
        timed_out,
        log,
        files,
        lost,
    })
}

/// Waits until the process has ended. The exit code comes from inspection, because podman's answer to `wait` is not reliable.
async fn wait_for_end(engine: &LocalEngine, name: &str) -> Result<State, EngineError> {
    loop {
        let found = engine
            .container(name)
            .await?
            .ok_or_else(|| EngineError::Missing(format!("container {name}: it was removed while it ran")))?;
        if found.state.ended() {
            return Ok(found.state);
        }
        let options = WaitContainerOptionsBuilder::new().condition("not-running").build();
        let waited = std::pin::pin!(engine.docker.wait_container(name, Some(options))).next().await;
        if !matches!(waited, Some(Ok(_))) {
            tracing::debug!(container = name, "waiting again: {waited:?}");
        }
        // Reached only if the engine answers before the end.
        tokio::time::sleep(PAUSE).await;
    }
}

/// Stops the container, and kills it if it does not end.
async fn stop(engine: &LocalEngine, name: &str) -> Result<State, EngineError> {
    let options = StopContainerOptionsBuilder::new().t(GRACE_SECS).build();
    let stopped = timeout(KILL_LIMIT, engine.docker.stop_container(name, Some(options))).await;
    if !matches!(stopped, Ok(Ok(()))) {
        tracing::debug!(container = name, "killing it, because stopping gave {stopped:?}");
        // If this fails too, the wait below reports it.
        engine.docker.kill_container(name, None::<KillContainerOptions>).await.ok();
    }
    timeout(KILL_LIMIT, wait_for_end(engine, name)).await.unwrap_or_else(|_| {
        Err(explain::failed(&format!("stop {name}"), "the engine did not kill it in time", Leftover::Removable))
    })
}

/// Returns the end of the log. If it cannot be read, the log says so, and the exit code still counts.
async fn log(engine: &LocalEngine, name: &str) -> String {
    let options = LogsOptionsBuilder::new().stdout(true).stderr(true).tail("all").build();
    let mut pieces = std::pin::pin!(engine.docker.logs(name, Some(options)));
    let mut log: Vec<u8> = vec![];
    let mut dropped = false;
    let end = Instant::now() + COLLECT_LIMIT;
    loop {
        match timeout_at(end, pieces.next()).await {
            Ok(None) => break,
            Err(_) => {
                log.extend_from_slice(b"\n(the rest of the log did not arrive in time)\n");
                break;
            }
            Ok(Some(Ok(piece))) => log.extend_from_slice(&piece.into_bytes()),
            Ok(Some(Err(e))) => log.extend_from_slice(
                format!("\n(the rest of the log could not be read: {})\n", explain::words(&e)).as_bytes(),
            ),
        }
        if log.len() > 2 * LOG {
            log.drain(..log.len() - LOG);
            dropped = true;
        }
    }
    dropped |= log.len() > LOG;
    log.drain(..log.len().saturating_sub(LOG));
    format!("{}{}", if dropped { DROPPED } else { "" }, String::from_utf8_lossy(&log))
}

async fn results(engine: &LocalEngine, name: &str, folder: &str) -> Unpacked {
    // The contents of the folder; engines name the folder itself differently.
    let options =
        DownloadFromContainerOptionsBuilder::new().path(&format!("{}/.", folder.trim_end_matches('/'))).build();
    let mut pieces = std::pin::pin!(engine.docker.download_from_container(name, Some(options)));
    let mut archive: Vec<u8> = vec![];
    let mut why = None;
    let end = Instant::now() + COLLECT_LIMIT;
    loop {
        match timeout_at(end, pieces.next()).await {
            Ok(None) => break,
            Ok(Some(Ok(piece))) => archive.extend_from_slice(&piece),
            Ok(Some(Err(e))) => why = Some(format!("{folder}: {}", explain::words(&e))),
            Err(_) => why = Some(format!("{folder}: did not arrive within {} s", COLLECT_LIMIT.as_secs())),
        }
        if why.is_none() && archive.len() > RESULTS + ARCHIVE_OVERHEAD {
            why = Some(format!("{folder}: larger than {} MiB; only the beginning was collected", RESULTS >> 20));
        }
        if why.is_some() {
            break;
        }
    }
    let (files, mut lost) = archive::unpack(&archive, RESULTS as u64);
    lost.extend(why);
    (files, lost)
}

/// Removes the container and its volumes; the rest is removed with the environment.
async fn clear(engine: &LocalEngine, name: &str, volumes: &[VolumeMount; 2]) {
    if let Err(e) = engine.discard(name).await {
        return tracing::debug!(container = name, "left for teardown: {e}");
    }
    for volume in volumes {
        engine.docker.remove_volume(&volume.volume, None::<RemoveVolumeOptions>).await.ok();
    }
}
