//! Waits until a unit is ready: polls, reports progress, and returns the last failure at the time limit.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::http::{self, NoAnswer, Outgoing, Target};
use super::probe::{NotReady, ProbeProgress};
use super::protocol::{AgentResponse, StepFailure};
use super::state::{AgentState, Progress};
use super::timeouts::{ATTEMPT, CONNECT, patiently};
use super::{net, prepare, redis, s3, topology};
use crate::plan::ReadyPlan;
use crate::spec::backing::Kind;

/// First pause between attempts; it grows up to `MAX_PAUSE`.
const MIN_PAUSE: Duration = Duration::from_millis(10);
const MAX_PAUSE: Duration = Duration::from_millis(100);

/// Polls until the unit is ready, a failure is permanent, or the time limit is reached.
pub(super) async fn wait(
    state: &AgentState,
    unit: &str,
    ready: &ReadyPlan,
    within_ms: u64,
    progress: &Progress,
) -> AgentResponse {
    let start = Instant::now();
    let end = start + Duration::from_millis(within_ms);
    let mut pause = MIN_PAUSE;
    let mut probe = ProbeProgress { last: String::new(), progress };
    loop {
        // The time limit interrupts the last attempt, so the failure of the attempt before is reported.
        let failed = match timeout_at(end, attempt(state, unit, ready, &mut probe)).await {
            Ok(Ok(())) => return AgentResponse::Ready,
            Ok(Err(failure)) => Some(failure),
            Err(_) => None,
        };
        let done = failed.as_ref().is_none_or(|failure| failure.permanent) || Instant::now() + pause >= end;
        if let Some(failure) = failed {
            probe.report(failure.got);
        }
        if done {
            let got = if probe.last.is_empty() { "no answer yet".into() } else { probe.last };
            let waited_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
            return AgentResponse::Failed(StepFailure {
                expected: expectation(state, unit, ready),
                got,
                waited_ms,
                inconclusive: false,
            });
        }
        sleep(pause).await;
        pause = (pause * 3 / 2).min(MAX_PAUSE);
    }
}

async fn attempt(
    state: &AgentState,
    unit: &str,
    ready: &ReadyPlan,
    probe: &mut ProbeProgress<'_>,
) -> Result<(), NotReady> {
    match ready {
        // The engine's watch sees an end; there is nothing to ask.
        ReadyPlan::StayUp { .. } | ReadyPlan::Completes { .. } | ReadyPlan::Exec { .. } => Ok(()),
        ReadyPlan::Tcp { port } => tcp(state, unit, *port).await,
        ReadyPlan::Http { port, path, tls } => {
            http(
                state,
                Target { tls: *tls, host: unit.into(), port: *port, path: path.clone(), at: Some(state.host_of(unit)) },
            )
            .await
        }
        ReadyPlan::Consumers { vhost, queue, user } => limited(topology::consumers(state, vhost, queue, user)).await,
        ReadyPlan::Broker => limited(topology::ready(state)).await,
        // SQL files may take longer than the limit of an attempt.
        ReadyPlan::Database => prepare::ready(state, unit, probe).await,
        ReadyPlan::Backing => limited(backing(state, unit)).await,
    }
}

async fn backing(state: &AgentState, unit: &str) -> Result<(), NotReady> {
    match state.context.backing.get(unit) {
        Some(Kind::Redis(declared)) => redis::ready(state, unit, declared).await,
        Some(Kind::S3(declared)) => s3::ready(state, unit, declared).await,
        None => Err(NotReady::permanent(format!("the agent knows no backing service {unit}"))),
    }
}

async fn limited(attempt: impl Future<Output = Result<(), NotReady>>) -> Result<(), NotReady> {
    patiently(ATTEMPT, attempt).await.unwrap_or_else(|end| Err(NotReady::temporary(end.to_string())))
}

async fn tcp(state: &AgentState, unit: &str, port: u16) -> Result<(), NotReady> {
    let to = http::authority(&state.host_of(unit), port);
    net::connect(&to, CONNECT).await.map(drop).map_err(|why| NotReady::temporary(format!("{unit}:{port}: {why}")))
}

async fn http(state: &AgentState, target: Target) -> Result<(), NotReady> {
    let question = format!("GET {}://{}{}", if target.tls { "https" } else { "http" }, target.authority(), target.path);
    match http::exchange(&state.tls, &target, Outgoing { method: "GET", ..Outgoing::default() }, (CONNECT, ATTEMPT))
        .await
    {
        Ok(answer) if answer.status.is_success() => Ok(()),
        Ok(answer) => Err(NotReady::temporary(format!("{question}: {}", answer.status))),
        Err(NoAnswer::Broken(why) | NoAnswer::Busy(why)) => Err(NotReady::temporary(format!("{question}: {why}"))),
        Err(NoAnswer::Unsendable(why)) => Err(NotReady::permanent(format!("{question}: {why}"))),
    }
}

fn expectation(state: &AgentState, unit: &str, ready: &ReadyPlan) -> String {
    match ready {
        ReadyPlan::StayUp { .. } => format!("{unit} to run"),
        ReadyPlan::Completes { .. } => format!("{unit} to end"),
        ReadyPlan::Exec { .. } => format!("the command of {unit} to exit with code 0"),
        ReadyPlan::Tcp { port } => format!("{unit} to accept connections on port {port}"),
        ReadyPlan::Http { path, .. } => format!("{unit} to answer {path} with a status from 200 to 299"),
        ReadyPlan::Consumers { vhost, queue, .. } => {
            format!("queue {queue} in virtual host {vhost} to have a consumer")
        }
        ReadyPlan::Broker => format!("every user of {unit} to log in, and its exchanges and queues to exist"),
        ReadyPlan::Backing => match state.context.backing.get(unit) {
            Some(kind) => format!("{unit}: {}", kind.name().about().ready),
            None => format!("{unit} to be ready"),
        },
        ReadyPlan::Database => format!("every role of {unit} to answer a query after its SQL files have run"),
    }
}
