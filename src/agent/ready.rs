//! Waits until a unit is ready: polls tightly, tells what it sees, ends with the last thing seen.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::http::{self, NoAnswer, Outgoing, Target};
use super::probe::{NotReady, ProbeProgress};
use super::protocol::{AgentResponse, StepFailure};
use super::state::{AgentState, Progress};
use super::timeouts::{ATTEMPT, CONNECT};
use super::{net, prepare, topology};
use crate::plan::ReadyPlan;

/// First pause between attempts; each is longer than the one before, up to `SLOWEST`.
const FASTEST: Duration = Duration::from_millis(10);
const SLOWEST: Duration = Duration::from_millis(100);

/// Polls until ready, until nothing can help, or until the time is over.
pub(super) async fn wait(
    state: &AgentState,
    unit: &str,
    ready: &ReadyPlan,
    within_ms: u64,
    progress: &Progress,
) -> AgentResponse {
    let start = Instant::now();
    let end = start + Duration::from_millis(within_ms);
    let mut pause = FASTEST;
    let mut probe = ProbeProgress { last: String::new(), progress };
    loop {
        // The time limit cuts the last attempt short; what the one before saw says more than that.
        let failed = match timeout_at(end, attempt(state, unit, ready, &mut probe)).await {
            Ok(Ok(())) => return AgentResponse::Ready,
            Ok(Err(now)) => Some(now),
            Err(_) => None,
        };
        let over = failed.as_ref().is_none_or(|now| now.permanent) || Instant::now() + pause >= end;
        if let Some(now) = failed {
            probe.saw(now.got);
        }
        if over {
            let got = if probe.last.is_empty() { "no answer yet".into() } else { probe.last };
            let waited_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
            return AgentResponse::Failed(StepFailure {
                expected: expectation(unit, ready),
                got,
                waited_ms,
                inconclusive: false,
            });
        }
        sleep(pause).await;
        pause = (pause * 3 / 2).min(SLOWEST);
    }
}

async fn attempt(
    state: &AgentState,
    unit: &str,
    ready: &ReadyPlan,
    probe: &mut ProbeProgress<'_>,
) -> Result<(), NotReady> {
    match ready {
        ReadyPlan::Running => Ok(()),
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
        // SQL files may take longer than one attempt should.
        ReadyPlan::Database => prepare::ready(state, unit, probe).await,
    }
}

async fn limited(attempt: impl Future<Output = Result<(), NotReady>>) -> Result<(), NotReady> {
    match timeout(ATTEMPT, attempt).await {
        Ok(done) => done,
        Err(_) => Err(NotReady::again(format!("no whole answer within {} ms", ATTEMPT.as_millis()))),
    }
}

async fn tcp(state: &AgentState, unit: &str, port: u16) -> Result<(), NotReady> {
    let to = http::authority(&state.host_of(unit), port);
    net::connect(&to, CONNECT).await.map(drop).map_err(|why| NotReady::again(format!("{unit}:{port}: {why}")))
}

async fn http(state: &AgentState, target: Target) -> Result<(), NotReady> {
    let question = format!("GET {}://{}{}", if target.tls { "https" } else { "http" }, target.authority(), target.path);
    match http::exchange(&state.tls, &target, Outgoing { method: "GET", ..Outgoing::default() }, ATTEMPT).await {
        Ok(answer) if answer.status.is_success() => Ok(()),
        Ok(answer) => Err(NotReady::again(format!("{question}: {}", answer.status))),
        Err(NoAnswer::Broken(why)) => Err(NotReady::again(format!("{question}: {why}"))),
        Err(NoAnswer::Unsendable(why)) => Err(NotReady::never(format!("{question}: {why}"))),
    }
}

fn expectation(unit: &str, ready: &ReadyPlan) -> String {
    match ready {
        ReadyPlan::Running => format!("{unit} runs"),
        ReadyPlan::Tcp { port } => format!("{unit} accepts connections on port {port}"),
        ReadyPlan::Http { path, .. } => format!("{unit} answers {path} with a status from 200 to 299"),
        ReadyPlan::Consumers { vhost, queue, .. } => format!("queue {queue} in virtual host {vhost} has a consumer"),
        ReadyPlan::Broker => format!("every user of {unit} logs in, and its exchanges and queues are there"),
        ReadyPlan::Database => format!("every role of {unit} answers a query, after its SQL files were run"),
    }
}
