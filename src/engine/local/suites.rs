//! Container suites: run to the end or the time limit; log and results are collected in any case, also after a kill.

use std::time::Duration;

use bollard::query_parameters::{
    DownloadFromContainerOptionsBuilder, KillContainerOptions, LogsOptionsBuilder, RemoveVolumeOptions,
    StartContainerOptions, StopContainerOptionsBuilder, WaitContainerOptionsBuilder,
};
use futures::StreamExt;
use tokio::time::timeout;

use super::client::LocalEngine;
use super::containers::State;
use super::volumes::Content;
use super::{explain, images, networks, units, users, volumes};
use crate::engine::{EngineError, Leftover, SuiteExit};
use crate::lease::Lease;
use crate::plan::{ContainerSuite, Plan, SuiteExecutor, SuitePlan};
use crate::render::archive::{self, Unpacked};
use crate::render::container::{self, SECRETS_DIR, SuiteRun, VolumeMount};
use crate::render::labels;
use crate::secrets::Secrets;

/// Longest log that is kept; its end.
const LOG: usize = 4 << 20;
/// Largest results.
const RESULTS: usize = 32 << 20;
/// What an archive needs beside its contents.
const WRAPPING: usize = 4 << 20;
/// How long a suite may take to end by itself once its time is over, in seconds.
const GRACE_SECS: i32 = 2;
/// How long the engine may take to end it after that.
const KILLED: Duration = Duration::from_secs(30);
/// Pause before an engine that says "ended" too early is asked again.
const AGAIN: Duration = Duration::from_millis(50);

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
    let run = super::name::unique_suffix();
    let owner = format!("suite-{}-{run}", suite.name);
    let volumes = [
        VolumeMount { volume: labels::secrets_volume(lease, &owner), path: SECRETS_DIR.into(), writable: false },
        VolumeMount {
            volume: labels::writable_volume(lease, &owner, 0),
            path: container.results.clone(),
            writable: true,
        },
    ];
    let name = make(engine, lease, suite, container, &volumes, &run, secrets).await?;
    let exit = finish(engine, suite, container, &name).await;
    clear(engine, &name, &volumes).await;
    exit
}

async fn make(
    engine: &LocalEngine,
    lease: &Lease,
    suite: &SuitePlan,
    container: &ContainerSuite,
    volumes: &[VolumeMount; 2],
    run: &str,
    secrets: &Secrets,
) -> Result<String, EngineError> {
    let image = images::held(engine, &container.image).await?;
    let only = Plan { units: vec![], suites: [(suite.name.clone(), suite.clone())].into(), ..lease.plan.clone() };
    if let Some(fault) =
        crate::plan::image_user::check(&only, &[(container.image.clone(), image.fact.clone())].into()).pop()
    {
        return Err(explain::not_started(&suite.name, &fault));
    }
    let subnets = networks::subnets(engine, lease).await?;
    volumes::create_all(engine, lease, volumes.iter().map(|v| v.volume.clone()).collect()).await?;
    let failed = |words: &str| explain::not_started(&suite.name, words);
    let request = container::suite(
        lease,
        &subnets,
        &SuiteRun { suite, container, volumes, image: &image.id, suffix: run },
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
            .ok_or_else(|| explain::not_started(&suite.name, &format!("there is no secret {name}")))?;
        Ok((name.clone(), value.clone().into_bytes()))
    };
    suite.secrets.iter().map(value).chain([Ok(("ca.crt".to_owned(), secrets.ca.clone().into_bytes()))]).collect()
}

/// From its start to everything that is known of its end.
async fn finish(
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
    let (state, timed_out) = match timeout(Duration::from_millis(suite.timeout_ms), ended(engine, name)).await {
        Ok(state) => (state?, false),
        Err(_) => (end(engine, name).await?, true),
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

/// Waits until its process ended. The exit code is read by inspection: podman's own answer to `wait` is not reliable.
async fn ended(engine: &LocalEngine, name: &str) -> Result<State, EngineError> {
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
        // Only where the engine answered before the end.
        tokio::time::sleep(AGAIN).await;
    }
}

/// Ends it: asked first, killed then.
async fn end(engine: &LocalEngine, name: &str) -> Result<State, EngineError> {
    let options = StopContainerOptionsBuilder::new().t(GRACE_SECS).build();
    let stopped = timeout(KILLED, engine.docker.stop_container(name, Some(options))).await;
    if !matches!(stopped, Ok(Ok(()))) {
        tracing::debug!(container = name, "killing it, because stopping gave {stopped:?}");
        // When this fails too, the wait below says so.
        engine.docker.kill_container(name, None::<KillContainerOptions>).await.ok();
    }
    timeout(KILLED, ended(engine, name)).await.unwrap_or_else(|_| {
        Err(explain::failed(&format!("end {name}"), "the engine did not end it", Leftover::Removable))
    })
}

/// The end of its log. A log that cannot be read says so itself, and never hides the exit code.
async fn log(engine: &LocalEngine, name: &str) -> String {
    let options = LogsOptionsBuilder::new().stdout(true).stderr(true).tail("all").build();
    let mut pieces = std::pin::pin!(engine.docker.logs(name, Some(options)));
    let mut log: Vec<u8> = vec![];
    while let Some(piece) = pieces.next().await {
        match piece {
            Ok(piece) => log.extend_from_slice(&piece.into_bytes()),
            Err(e) => log.extend_from_slice(
                format!("\n(its log could not be read further: {})\n", explain::words(&e)).as_bytes(),
            ),
        }
        if log.len() > 2 * LOG {
            log.drain(..log.len() - LOG);
        }
    }
    log.drain(..log.len().saturating_sub(LOG));
    String::from_utf8_lossy(&log).into_owned()
}

async fn results(engine: &LocalEngine, name: &str, folder: &str) -> Unpacked {
    // What is in the folder, without the folder itself, which engines name differently.
    let options =
        DownloadFromContainerOptionsBuilder::new().path(&format!("{}/.", folder.trim_end_matches('/'))).build();
    let mut pieces = std::pin::pin!(engine.docker.download_from_container(name, Some(options)));
    let mut archive: Vec<u8> = vec![];
    let mut why = None;
    while let Some(piece) = pieces.next().await {
        match piece {
            Ok(piece) => archive.extend_from_slice(&piece),
            Err(e) => why = Some(format!("{folder}: {}", explain::words(&e))),
        }
        if why.is_none() && archive.len() > RESULTS + WRAPPING {
            why = Some(format!("{folder}: holds more than {} MiB; only its beginning was collected", RESULTS >> 20));
        }
        if why.is_some() {
            break;
        }
    }
    let (files, mut lost) = archive::unpack(&archive, RESULTS as u64);
    lost.extend(why);
    (files, lost)
}

/// Everything was collected; what cannot be removed now is removed with the environment.
async fn clear(engine: &LocalEngine, name: &str, volumes: &[VolumeMount; 2]) {
    if let Err(e) = engine.discard(name).await {
        return tracing::debug!(container = name, "left for teardown: {e}");
    }
    for volume in volumes {
        engine.docker.remove_volume(&volume.volume, None::<RemoveVolumeOptions>).await.ok();
    }
}
