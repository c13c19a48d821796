//! Brings an environment up: performs the actions of `decide` until every unit is ready, one fails, or the run must stop.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::clock::elapsed_ms;
use super::decide::{self, Action, Phase, Progress};
use super::exit_text::exit_reason;
use super::failure::{self, UnitFailure};
use super::session::Session;
use super::update::{self, Update};
use super::usage::record_use;
use super::{Journal, RunEvent, causes};
use crate::engine::{Claim, ClaimPolicy, Engine, EngineError, EngineEvent, ReplacePolicy, RunningContainer};
use crate::lease::Lease;
use crate::lease::retention::USE_APART;
use crate::plan::{Position, Unit, UnitKind};
use crate::report::facts::{Cause, CauseKind};
use crate::secrets::Secrets;
use crate::spec::model::Restart;

/// Attempts to claim an environment that others change meanwhile.
const COMPARISONS: u8 = 5;

/// A unit and the result of its start: the elapsed milliseconds, or the failure.
type StartResult = (String, Result<u64, UnitFailure>);

/// Brings the environment of `lease` up. On failure, the objects made so far stay for `remove`.
pub async fn bring_up(
    engine: Arc<dyn Engine>,
    lease: Lease,
    policy: ClaimPolicy,
    journal: Journal,
    stop: CancellationToken,
) -> Result<Session, Cause> {
    let work = async {
        let start = Instant::now();
        journal.record(RunEvent::Engine { info: engine.info() });
        let (session, running) = claim_and_start(engine.clone(), lease.clone(), policy, &journal, &stop).await?;
        journal.record(RunEvent::Up { took_ms: elapsed_ms(start) });
        journal.record(RunEvent::Running { digests: running.into_iter().map(|r| (r.unit, r.image_digest)).collect() });
        Ok::<Session, Cause>(session)
    };
    tokio::select! {
        biased;
        () = stop.cancelled() => Err(causes::interrupted()),
        result = work => match result {
            Err(cause) if cause.kind == CauseKind::OwnedByOther => Err(cause),
            // A newer run explains any other failure.
            Err(cause) => Err(superseded(engine.as_ref(), &lease).await.unwrap_or(cause)),
            up => up,
        },
    }
}

async fn superseded(engine: &dyn Engine, ours: &Lease) -> Option<Cause> {
    let owner = engine.lease(&ours.environment).await.ok().flatten()?;
    (owner.run > ours.run).then(|| causes::superseded(owner.run, &owner.commit))
}

async fn claim_and_start(
    engine: Arc<dyn Engine>,
    lease: Lease,
    policy: ClaimPolicy,
    journal: &Journal,
    stop: &CancellationToken,
) -> Result<(Session, Vec<RunningContainer>), Cause> {
    let Prepared { lease, secrets, staying } = claim_and_prepare(engine.as_ref(), &lease, policy, journal).await?;
    let session = Session::new(engine, lease, secrets, journal.clone(), stop.clone());
    start_all(&session, &staying).await?;
    let running = session.engine.running_containers(&session.lease.environment).await;
    let running = running.map_err(|e| causes::from_engine_error(&e))?;
    session.remember_processes(&running);
    Ok((session, running))
}

/// An environment before its first process starts.
struct Prepared {
    lease: Lease,
    secrets: Secrets,
    /// Units that an update left in place.
    staying: BTreeSet<String>,
}

/// Does everything before the first process starts: images, claim, secrets, objects.
async fn claim_and_prepare(
    engine: &dyn Engine,
    lease: &Lease,
    policy: ClaimPolicy,
    journal: &Journal,
) -> Result<Prepared, Cause> {
    let failed = |e: EngineError| causes::from_engine_error(&e);
    let on_pull = |reference: &str, status: &str| {
        journal.record(RunEvent::Pulling { reference: reference.into(), status: status.into() })
    };
    let images = update::resolve_images(engine, lease, &on_pull).await?;
    journal.record(RunEvent::Images { images });
    let (lease, update) = claim(engine, lease, policy, journal).await?;
    let (secrets, staying) = match update {
        Some(update) => (update.secrets, update.changes.staying()),
        None => {
            let secrets = crate::secrets::generate(&lease.plan, None);
            (secrets.map_err(|e| causes::unexpected(format!("failed to {e}")))?, BTreeSet::new())
        }
    };
    // Pulling images may have taken so long that the run would seem to have stopped.
    if lease.attended && Timestamp::now().duration_since(lease.created) >= USE_APART {
        record_use(engine, &lease).await;
    }
    let redactor = secrets.redactor().map_err(|e| causes::unexpected(format!("failed to {e}")))?;
    journal.redact(redactor);
    engine.prepare(&lease, &secrets).await.map_err(failed)?;
    journal.record(RunEvent::Prepared);
    Ok(Prepared { lease, secrets, staying })
}

/// Claims the environment; an update of a running one is compared, and told, before it begins.
async fn claim(
    engine: &dyn Engine,
    lease: &Lease,
    policy: ClaimPolicy,
    journal: &Journal,
) -> Result<(Lease, Option<Update>), Cause> {
    for _ in 0..COMPARISONS {
        let update = match policy.older {
            ReplacePolicy::InPlace => update::compare(engine, lease).await?,
            ReplacePolicy::Recreate => None,
        };
        let inherited = update.as_ref().map(|u| u.inherited.clone()).unwrap_or_default();
        let (lease, policy) = (
            Lease { inherited, ..lease.clone() },
            ClaimPolicy { compared: update.as_ref().map(|u| u.before), ..policy },
        );
        if let Some(update) = &update {
            journal.record(RunEvent::Update { changes: update.changes.clone() });
        }
        match engine.claim(&lease, policy).await.map_err(|e| causes::from_engine_error(&e))? {
            Claim::Acquired { replaced, taken_over } => {
                let environment = lease.environment.clone();
                journal.record(RunEvent::Claimed { environment, run: lease.run, replaced, taken_over });
                return Ok((lease, update));
            }
            Claim::HeldByNewer { run, commit } => return Err(causes::superseded(run, &commit)),
            Claim::OwnedByOther { run, owner, held } => {
                return Err(causes::owned_by_other(&lease, run, owner.as_deref(), held.as_deref()));
            }
            Claim::ChangedMeanwhile => {}
        }
    }
    Err(causes::unexpected(format!("other runs keep changing {}; run again when they have ended", lease.environment)))
}

async fn start_all(session: &Session, staying: &BTreeSet<String>) -> Result<(), Cause> {
    let plan = &session.lease.plan;
    let mut progress = decide::initial_progress(plan);
    let mut starting: JoinSet<StartResult> = JoinSet::new();
    let mut kinds = BTreeMap::new();
    // The agent starts at the same time as the first units. The next caller gets its error, if any.
    let mut early = JoinSet::new();
    let ahead = session.clone();
    early.spawn(async move { ahead.agent(&Position::Control).await.map(drop) });
    loop {
        let mut is_settled = true;
        for action in decide::next_actions(plan, &progress) {
            match action {
                Action::Finish => return Ok(()),
                Action::Abort(unit) => return Err(unit_cause(&session.journal, &unit, kinds.get(&unit).copied())),
                // A job that stays has done its work; a second start would do it again.
                Action::Start(unit) if staying.contains(&unit) && session.is_job(&unit) => {
                    record_result(session, &mut progress, unit, Ok(0));
                    is_settled = false;
                }
                Action::Start(unit) => {
                    if !staying.contains(&unit) {
                        session.journal.record(RunEvent::UnitStarting { unit: unit.clone() });
                    }
                    spawn_start(session, &unit, &mut progress, &mut starting);
                }
            }
        }
        // What waits for a job that stays can start now.
        if !is_settled {
            continue;
        }
        tokio::select! {
            Some(done) = starting.join_next() => {
                let (unit, result) = done.map_err(|e| causes::unexpected(format!("failed to start a service: {e}")))?;
                if let Err(f) = &result {
                    kinds.entry(unit.clone()).or_insert(f.kind);
                }
                record_result(session, &mut progress, unit, result);
            }
            event = session.next_event() => {
                if let Some((unit, failure)) = handle(session, &progress, event?).await? {
                    record_result(session, &mut progress, unit, Err(failure));
                }
            }
        }
    }
}

/// Handles an event while units start; returns the unit that failed, if one did.
async fn handle(
    session: &Session,
    progress: &Progress,
    event: EngineEvent,
) -> Result<Option<(String, UnitFailure)>, Cause> {
    session.ledger.note(&event);
    let phase = |unit: &str| progress.get(unit).cloned();
    let (unit, reason) = match event {
        EngineEvent::LeaseChanged => return session.check_ownership().await.map(|()| None),
        // Its own task waits for its end; a job that has ended has nothing to lose.
        EngineEvent::Exited { unit, .. } | EngineEvent::Gone { unit, .. } if session.is_job(&unit) => return Ok(None),
        EngineEvent::Exited { unit, code, oom_killed, .. } => {
            let planned = session.lease.plan.unit(&unit);
            let restarts = planned.is_some_and(|u| restarts_after(u.restart, code));
            let reason = exit_reason(code, oom_killed, planned.map(|u| u.limits));
            match phase(&unit) {
                Some(Phase::Starting) if restarts => {
                    session.journal.record(RunEvent::UnitWaiting { unit, last: format!("{reason}; it restarts") });
                    return Ok(None);
                }
                Some(Phase::Ready) if restarts => {
                    session.journal.record(RunEvent::UnitEnded { unit, code, oom_killed });
                    return Ok(None);
                }
                Some(Phase::Starting | Phase::Ready) => (unit, reason),
                _ => return Ok(None),
            }
        }
        EngineEvent::WaitsForRoom { unit, why } => {
            session.journal.record(RunEvent::UnitWaiting { unit, last: why });
            return Ok(None);
        }
        // Until it is ready, its start reports it, or has replaced it.
        EngineEvent::Gone { unit, why, .. } if phase(&unit) == Some(Phase::Ready) => (unit, why),
        EngineEvent::Gone { .. } => return Ok(None),
    };
    let failure = failure::explain(session, &unit, CauseKind::NotReady, reason).await;
    Ok(Some((unit, failure)))
}

fn restarts_after(restart: Restart, code: i64) -> bool {
    match restart {
        Restart::Never => false,
        Restart::OnFailure => code != 0,
        Restart::Always => true,
    }
}

fn spawn_start(session: &Session, name: &str, progress: &mut Progress, starting: &mut JoinSet<StartResult>) {
    progress.insert(name.to_owned(), Phase::Starting);
    let Some(unit) = session.lease.plan.unit(name).cloned() else { return };
    let session = session.clone();
    starting.spawn(async move {
        let start = Instant::now();
        let result = start_and_probe(&session, &unit).await.map(|()| elapsed_ms(start));
        (unit.name.clone(), result)
    });
}

/// Records the result of a start; only the first result of a unit counts.
fn record_result(session: &Session, progress: &mut Progress, unit: String, result: Result<u64, UnitFailure>) {
    if progress.get(&unit) == Some(&Phase::Failed) {
        return;
    }
    let (phase, event) = match result {
        Ok(took_ms) => (Phase::Ready, RunEvent::UnitReady { unit: unit.clone(), took_ms }),
        Err(f) => (Phase::Failed, RunEvent::UnitFailed { unit: unit.clone(), reason: f.reason, log: f.log }),
    };
    progress.insert(unit, phase);
    session.journal.record(event);
}

async fn start_and_probe(session: &Session, unit: &Unit) -> Result<(), UnitFailure> {
    let began = tokio::time::Instant::now();
    let started = match unit.kind {
        UnitKind::Job => session.start_job(unit).await,
        _ => session.engine.start(&session.lease, &unit.name).await,
    };
    let (kind, reason) = match started {
        Err(e @ EngineError::Capacity(_)) => (CauseKind::NoCapacity, format!("failed to {e}")),
        Err(e) => {
            let outage = session.outage_since(began);
            let away = outage.map(|what| format!(". This proves nothing about {}: {what}", unit.name));
            (CauseKind::NotReady, format!("failed to {e}{}", away.unwrap_or_default()))
        }
        Ok(_) => {
            session.follow_log(&unit.name).await;
            match session.wait_until_ready(unit).await {
                Ok(()) => return Ok(()),
                Err(reason) => (CauseKind::NotReady, reason),
            }
        }
    };
    Err(failure::explain(session, &unit.name, kind, reason).await)
}

fn unit_cause(journal: &Journal, unit: &str, kind: Option<CauseKind>) -> Cause {
    let facts = journal.facts();
    let reason = facts.units.iter().find(|u| u.name == unit).and_then(|u| u.failure.clone()).unwrap_or_default();
    Cause { kind: kind.unwrap_or(CauseKind::NotReady), text: format!("{unit}: {reason}") }
}
