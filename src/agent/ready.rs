//! Waits until a unit is ready: polls tightly, tells what it sees, ends with the last thing seen.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::http::{self, NoAnswer, Outgoing, Target};
use super::protocol::{Answer, StepFailure};
use super::world::{ATTEMPT, AgentState, CONNECT, Progress};
use super::{net, prepare, topology};
use crate::plan::ReadyPlan;

/// First pause between attempts; each is longer than the one before, up to `SLOWEST`.
const FASTEST: Duration = Duration::from_millis(10);
const SLOWEST: Duration = Duration::from_millis(100);

/// Why an attempt was not the last.
pub(super) struct NotYet {
    pub got: String,
    /// Waiting would not help.
    pub final_word: bool,
}

impl NotYet {
    pub fn again(got: impl Into<String>) -> Self {
        Self { got: got.into(), final_word: false }
    }

    pub fn never(got: impl Into<String>) -> Self {
        Self { got: got.into(), final_word: true }
    }
}

/// What was seen last; told whenever it changes.
pub(super) struct Sight<'a> {
    last: String,
    progress: &'a Progress,
}

impl Sight<'_> {
    pub fn saw(&mut self, now: String) {
        if now != self.last {
            self.progress.waiting(now.clone());
            self.last = now;
        }
    }
}

/// Polls until ready, until nothing can help, or until the time is over.
pub(super) async fn wait(
    world: &AgentState,
    unit: &str,
    ready: &ReadyPlan,
    within_ms: u64,
    progress: &Progress,
) -> Answer {
    let start = Instant::now();
    let end = start + Duration::from_millis(within_ms);
    let mut pause = FASTEST;
    let mut sight = Sight { last: String::new(), progress };
    loop {
        // The time limit cuts the last attempt short; what the one before saw says more than that.
        let failed = match timeout_at(end, attempt(world, unit, ready, &mut sight)).await {
            Ok(Ok(())) => return Answer::Ready,
            Ok(Err(now)) => Some(now),
            Err(_) => None,
        };
        let over = failed.as_ref().is_none_or(|now| now.final_word) || Instant::now() + pause >= end;
        if let Some(now) = failed {
            sight.saw(now.got);
        }
        if over {
            let got = if sight.last.is_empty() { "no answer yet".into() } else { sight.last };
            let waited_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
            return Answer::Failed(StepFailure {
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

async fn attempt(world: &AgentState, unit: &str, ready: &ReadyPlan, sight: &mut Sight<'_>) -> Result<(), NotYet> {
    match ready {
        ReadyPlan::Running => Ok(()),
        ReadyPlan::Tcp { port } => tcp(world, unit, *port).await,
        ReadyPlan::Http { port, path, tls } => {
            http(
                world,
                Target { tls: *tls, host: unit.into(), port: *port, path: path.clone(), at: Some(world.host_of(unit)) },
            )
            .await
        }
        ReadyPlan::Consumers { vhost, queue, user } => limited(topology::consumers(world, vhost, queue, user)).await,
        ReadyPlan::Broker => limited(topology::ready(world)).await,
        // SQL files may take longer than one attempt should.
        ReadyPlan::Database => prepare::ready(world, unit, sight).await,
    }
}

async fn limited(attempt: impl Future<Output = Result<(), NotYet>>) -> Result<(), NotYet> {
    match timeout(ATTEMPT, attempt).await {
        Ok(done) => done,
        Err(_) => Err(NotYet::again(format!("no whole answer within {} ms", ATTEMPT.as_millis()))),
    }
}

async fn tcp(world: &AgentState, unit: &str, port: u16) -> Result<(), NotYet> {
    let to = http::authority(&world.host_of(unit), port);
    net::connect(&to, CONNECT).await.map(drop).map_err(|why| NotYet::again(format!("{unit}:{port}: {why}")))
}

async fn http(world: &AgentState, target: Target) -> Result<(), NotYet> {
    let question = format!("GET {}://{}{}", if target.tls { "https" } else { "http" }, target.authority(), target.path);
    match http::exchange(&world.tls, &target, Outgoing { method: "GET", ..Outgoing::default() }, ATTEMPT).await {
        Ok(answer) if answer.status.is_success() => Ok(()),
        Ok(answer) => Err(NotYet::again(format!("{question}: {}", answer.status))),
        Err(NoAnswer::Broken(why)) => Err(NotYet::again(format!("{question}: {why}"))),
        Err(NoAnswer::Unsendable(why)) => Err(NotYet::never(format!("{question}: {why}"))),
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
