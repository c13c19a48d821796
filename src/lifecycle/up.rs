//! Performs the steps that `decide` names until every unit is ready, one has failed, or the run must stop.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use futures::StreamExt;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::decide::{self, Phase, Progress, Step};
use super::{Journal, RunEvent};
use crate::agent::client::{AgentClient, AgentLost};
use crate::agent::protocol::{Answer, Ask};
use crate::engine::{Claim, Engine, EngineError, EngineEvent, Older, Running};
use crate::lease::Lease;
use crate::lifecycle::session::Session;
use crate::plan::{Limits, Plan, Position, Unit};
use crate::report::facts::{Cause, CauseKind};
use crate::secrets::Secrets;

/// How many lines of a failed unit's log are shown and kept.
const LAST_LINES: usize = 20;

/// Exit code of a process that SIGKILL ended.
const KILLED: i64 = 137;

/// Why a unit did not become ready, with the end of its log.
struct UnitFailure {
    kind: CauseKind,
    reason: String,
    log: Vec<String>,
}

/// What a unit's start came to.
type Started = (String, Result<u64, UnitFailure>);

/// Brings the environment of `lease` up. The cause says why it could not; what was made stays for `remove`.
pub async fn bring_up(
    engine: Arc<dyn Engine>,
    lease: Lease,
    older: Older,
    journal: Journal,
    stop: CancellationToken,
) -> Result<Session, Cause> {
    let (again, lease_again) = (engine.clone(), lease.clone());
    let work = async {
        let began = Instant::now();
        journal.note(RunEvent::Engine { info: engine.info() });
        let (session, running) = take_and_start(engine.clone(), lease, older, &journal, &stop).await?;
        journal.note(RunEvent::Up { took_ms: millis(began) });
        journal.note(RunEvent::Running { digests: running.into_iter().map(|r| (r.unit, r.image_digest)).collect() });
        Ok(session)
    };
    let (engine, lease) = (again, lease_again);
    tokio::select! {
        biased;
        () = stop.cancelled() => Err(interrupted()),
        done = work => match done {
            // Whatever failed, when a newer run has the environment, that is why.
            Err(cause) => Err(overtaken(engine.as_ref(), &lease).await.unwrap_or(cause)),
            up => up,
        },
    }
}

async fn overtaken(engine: &dyn Engine, ours: &Lease) -> Option<Cause> {
    let owner = engine.lease(&ours.environment).await.ok().flatten()?;
    (owner.run > ours.run).then(|| superseded(owner.run, &owner.commit))
}

/// The cause of a run that was stopped from outside.
pub fn interrupted() -> Cause {
    Cause { kind: CauseKind::Interrupted, text: "stopped by a signal before it was done".into() }
}

/// The cause that a failed engine operation gives.
pub fn cause_of(error: &EngineError) -> Cause {
    let kind = match error {
        EngineError::Capacity(_) => CauseKind::NoCapacity,
        EngineError::Unrenderable(_) => CauseKind::Invalid,
        EngineError::Missing(_)
        | EngineError::Unreachable { .. }
        | EngineError::NoCluster { .. }
        | EngineError::Images(_)
        | EngineError::Start { .. } => CauseKind::NotReady,
        EngineError::Api { .. } => CauseKind::Unexpected,
    };
    Cause { kind, text: format!("failed to {error}") }
}

async fn take_and_start(
    engine: Arc<dyn Engine>,
    lease: Lease,
    older: Older,
    journal: &Journal,
    stop: &CancellationToken,
) -> Result<(Session, Vec<Running>), Cause> {
    let secrets = take(engine.as_ref(), &lease, older, journal).await?;
    let session = Session::new(engine, lease, secrets, journal.clone(), stop.clone());
    start_all(&session).await?;
    let running = session.engine.running(&session.lease.environment).await.map_err(|e| cause_of(&e))?;
    Ok((session, running))
}

/// Everything before the first process: images, claim, secrets, objects.
async fn take(engine: &dyn Engine, lease: &Lease, older: Older, journal: &Journal) -> Result<Secrets, Cause> {
    let failed = |e: EngineError| cause_of(&e);
    let wanted: Vec<String> = lease.plan.images().into_iter().collect();
    let pulling = |reference: &str, status: &str| {
        journal.note(RunEvent::Pulling { reference: reference.into(), status: status.into() })
    };
    let images = engine.images(&wanted, &pulling).await.map_err(failed)?;
    let roots = crate::plan::users::check(&lease.plan, &images);
    if !roots.is_empty() {
        return Err(Cause { kind: CauseKind::Invalid, text: roots.join("\n") });
    }
    journal.note(RunEvent::Images { images });
    let (replaced, kept) = match engine.claim(lease, older).await.map_err(failed)? {
        Claim::Ours { replaced, kept } => (replaced, kept),
        Claim::Newer { run, commit } => return Err(superseded(run, &commit)),
    };
    journal.note(RunEvent::Claimed { environment: lease.environment.clone(), run: lease.run, replaced });
    let secrets = crate::secrets::generate(&lease.plan, kept.as_deref())
        .map_err(|e| Cause { kind: CauseKind::Unexpected, text: format!("failed to {e}") })?;
    journal.hide(&secrets.values);
    engine.prepare(lease, &secrets).await.map_err(failed)?;
    journal.note(RunEvent::Prepared);
    Ok(secrets)
}

/// The cause of a run that a newer one replaced.
pub fn superseded(run: uuid::Uuid, commit: &str) -> Cause {
    let of = if commit.is_empty() { String::new() } else { format!(" (commit {commit})") };
    Cause {
        kind: CauseKind::Superseded,
        text: format!("a newer run, {run}{of}, has this environment; this one stopped and deletes nothing of it"),
    }
}

async fn start_all(session: &Session) -> Result<(), Cause> {
    let plan = &session.lease.plan;
    let mut progress = decide::beginning(plan);
    let mut happened = session.engine.watch(&session.lease.environment).await.map_err(|e| cause_of(&e))?;
    let mut starting: JoinSet<Started> = JoinSet::new();
    let mut kinds = BTreeMap::new();
    // The agent starts beside the first units. Whoever asks it next waits for it, and hears it if it could not start.
    let mut early = JoinSet::new();
    let ahead = session.clone();
    early.spawn(async move { ahead.agent(&Position::Control).await.map(drop) });
    loop {
        for step in decide::next(plan, &progress) {
            match step {
                Step::Done => return Ok(()),
                Step::GiveUp(unit) => return Err(gave_up(&session.journal, &unit, kinds.get(&unit).copied())),
                Step::Start(unit) => begin(session, plan, &unit, &mut progress, &mut starting),
            }
        }
        tokio::select! {
            Some(done) = starting.join_next() => {
                let (unit, result) = done.map_err(|e| Cause { kind: CauseKind::Unexpected, text: format!("failed to start a service: {e}") })?;
                if let Err(f) = &result {
                    kinds.entry(unit.clone()).or_insert(f.kind);
                }
                settle(session, &mut progress, unit, result);
            }
            Some(event) = happened.next() => match event {
                EngineEvent::Exited { unit, code, oom_killed } if matches!(progress.get(&unit), Some(Phase::Starting | Phase::Ready)) => {
                    let failure = UnitFailure { kind: CauseKind::NotReady, reason: exit_reason(code, oom_killed, plan.unit(&unit).map(|u| u.limits)), log: last_log(session, &unit).await };
                    settle(session, &mut progress, unit, Err(failure));
                }
                EngineEvent::Exited { .. } => {}
                EngineEvent::LeaseChanged => session.still_ours().await?,
            },
            else => return Err(Cause { kind: CauseKind::Unexpected, text: "failed to follow the environment: the engine ended the stream of events".into() }),
        }
    }
}

fn begin(session: &Session, plan: &Plan, name: &str, progress: &mut Progress, starting: &mut JoinSet<Started>) {
    progress.insert(name.to_owned(), Phase::Starting);
    let Some(unit) = plan.unit(name).cloned() else { return };
    session.journal.note(RunEvent::UnitStarting { unit: unit.name.clone() });
    let session = session.clone();
    starting.spawn(async move {
        let began = Instant::now();
        let result = start_and_probe(&session, &unit).await.map(|()| millis(began));
        (unit.name.clone(), result)
    });
}

/// Records what a start came to; the first result of a unit stands.
fn settle(session: &Session, progress: &mut Progress, unit: String, result: Result<u64, UnitFailure>) {
    if progress.get(&unit) == Some(&Phase::Failed) {
        return;
    }
    let (phase, notice) = match result {
        Ok(took_ms) => (Phase::Ready, RunEvent::UnitReady { unit: unit.clone(), took_ms }),
        Err(f) => (Phase::Failed, RunEvent::UnitFailed { unit: unit.clone(), reason: f.reason, log: f.log }),
    };
    progress.insert(unit, phase);
    session.journal.note(notice);
}

async fn start_and_probe(session: &Session, unit: &Unit) -> Result<(), UnitFailure> {
    let began = session.engine.start(&session.lease, &unit.name).await;
    if let Err(e) = began {
        // What is wrong with one service is why the environment is not ready, unless there was no room.
        let kind = if matches!(e, EngineError::Capacity(_)) { CauseKind::NoCapacity } else { CauseKind::NotReady };
        return Err(UnitFailure { kind, reason: format!("failed to {e}"), log: last_log(session, &unit.name).await });
    }
    if let Err(reason) = until_ready(session, unit).await {
        return Err(UnitFailure { kind: CauseKind::NotReady, reason, log: last_log(session, &unit.name).await });
    }
    Ok(())
}

/// Waits until the unit is ready, as the agent sees it from inside.
pub async fn until_ready(session: &Session, unit: &Unit) -> Result<(), String> {
    let began = Instant::now();
    loop {
        let left = unit.within_ms.saturating_sub(millis(began));
        match asked(session, unit, left).await? {
            // Its connection broke, as when an API server is restarted: another one goes on for the time that is left.
            Err(lost) if left > 0 => {
                tracing::debug!(unit = unit.name, "failed to {lost}");
                session.forget_agent(&Position::Control).await;
            }
            answer => return judged(unit, answer),
        }
    }
}

async fn asked(session: &Session, unit: &Unit, within_ms: u64) -> Result<Result<Answer, AgentLost>, String> {
    let agent: AgentClient = session.agent(&Position::Control).await.map_err(|e| format!("failed to {e}"))?;
    let at = session.engine.address(&session.lease, &unit.name).await;
    let ask = Ask::Ready { unit: unit.name.clone(), ready: unit.ready.clone(), within_ms, at };
    let journal = session.journal.clone();
    let name = unit.name.clone();
    Ok(agent.ask_with_progress(ask, move |last| journal.note(RunEvent::UnitWaiting { unit: name.clone(), last })).await)
}

fn judged(unit: &Unit, answer: Result<Answer, AgentLost>) -> Result<(), String> {
    match answer {
        Ok(Answer::Ready) => Ok(()),
        Ok(Answer::Failed(f)) => Err(format!(
            "not ready within {}: expected {}; last answer: {}",
            seconds(unit.within_ms),
            f.expected,
            f.got
        )),
        Ok(Answer::Error { message }) => Err(message),
        Ok(other) => Err(format!("the agent answered something else: {other:?}")),
        Err(lost) => Err(format!("failed to {lost}")),
    }
}

/// The last lines of a unit's log; when they cannot be read, a line that says so.
async fn last_log(session: &Session, unit: &str) -> Vec<String> {
    match session.engine.logs(&session.lease.environment, Some(unit), Some(LAST_LINES), false).await {
        Ok(lines) => {
            let lines: Vec<_> = lines.filter_map(|l| async move { l.ok().map(|l| l.text) }).collect().await;
            lines[lines.len().saturating_sub(LAST_LINES)..].to_vec()
        }
        Err(e) => vec![format!("(its log could not be read: failed to {e})")],
    }
}

fn exit_reason(code: i64, oom_killed: bool, limits: Option<Limits>) -> String {
    let limit = limits.map(|l| format!(" of {} MiB", l.memory >> 20)).unwrap_or_default();
    match (oom_killed, code) {
        (true, _) => format!(
            "its process was ended for want of memory (limit{limit}, exit code {code}); raise `resources.memory`"
        ),
        // Some engines do not say that it was for want of memory.
        (false, KILLED) => format!(
            "its process was killed (exit code {code}), most likely for want of memory: its limit{limit} may be too small; raise `resources.memory`"
        ),
        (false, _) => format!("its process ended with exit code {code}"),
    }
}

fn gave_up(journal: &Journal, unit: &str, kind: Option<CauseKind>) -> Cause {
    let facts = journal.facts();
    let reason = facts.units.iter().find(|u| u.name == unit).and_then(|u| u.failure.clone()).unwrap_or_default();
    Cause { kind: kind.unwrap_or(CauseKind::NotReady), text: format!("{unit}: {reason}") }
}

/// Milliseconds since then.
pub fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn seconds(ms: u64) -> String {
    if ms.is_multiple_of(1000) { format!("{} s", ms / 1000) } else { format!("{ms} ms") }
}
