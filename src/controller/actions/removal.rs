//! Removes an environment that its run left behind, and deletes an object long after its run.

use jiff::Timestamp;
use kube::ResourceExt;
use kube::api::{DeleteParams, Preconditions};

use super::api::objects;
use super::error::{ReconcileError, api_error};
use super::removal_record;
use super::status_patch::{publish, updated, write};
use crate::controller::context::Context;
use crate::controller::events;
use crate::crd::{self, RunStatus, TestEnvironmentStatus, TestEnvironmentSummary};
use crate::engine::{Engine, ObservedEnvironment, RemovalScope};
use crate::evidence::predicate::RemovalReason;
use crate::model::{Keep, RunId};

/// Time until the next check of an expired environment that somebody holds.
const HOLD_RECHECK: jiff::SignedDuration = jiff::SignedDuration::from_hours(1);

/// Removes the run's environment with a record, unless somebody extended or holds it.
pub async fn remove_environment(object: &TestEnvironmentSummary, context: &Context) -> Result<(), ReconcileError> {
    let Some(run) = object.run() else { return Ok(()) };
    let (before, now) = (object.status.clone().unwrap_or_default(), Timestamp::now());
    let observed = context.engine.observe(&run.environment).await?;
    let observed = observed.filter(|o| !o.terminating && o.lease.as_ref().is_some_and(|l| l.run.to_string() == run.id));
    let retention = observed.as_ref().and_then(|o| o.retention.as_ref());
    let recheck = now.checked_add(HOLD_RECHECK).unwrap_or(now);
    let extended = retention.map(|r| if r.kept().is_some() { recheck.max(r.expires) } else { r.expires });
    let extended = extended.filter(|e| *e > now && run.keep_reason.is_some());
    // An object whose description became invalid asks for nothing else, and keeps what it has.
    let replaced = before.input_digest.as_ref().is_some_and(|wanted| *wanted != run.input_digest);
    if let Some(extended) = extended
        && object.deleted().is_none()
        && object.spec.keep != Keep::Never
        && !replaced
    {
        let extend = |s: &mut TestEnvironmentStatus| s.run.iter_mut().for_each(|r| r.expiration_time = Some(extended));
        return write(object, &before, &updated(object, extend, now), context).await;
    }
    let reason = reason(object, run, replaced);
    let removed = remove_recorded(object, run, observed.as_ref(), &reason, context).await;
    if let Err(e) = &removed {
        publish(object, &[events::event(true, "NotRemoved", "Remove", &format!("failed to {e}"))], context).await;
    }
    let was_reaped = object.reaped().is_some_and(|(reaped, _)| reaped == run.id);
    let reason = if removed? || was_reaped { reason } else { gone(run) };
    context.metrics.count_removal(&reason.kind);
    let reason = crd::RemovalReason { kind: reason.kind, text: reason.text };
    let removed = |s: &mut TestEnvironmentStatus| {
        let Some(run) = &mut s.run else { return };
        (run.removal_time, run.removal_reason) = (Some(now), Some(reason));
    };
    write(object, &before, &updated(object, removed, now), context).await
}

/// The reason if the controller found nothing to remove.
fn gone(run: &RunStatus) -> RemovalReason {
    let text = if run.keep_reason.is_some() {
        "somebody else removed it, or another run took it over"
    } else {
        "nothing of it was left when the controller came to remove it"
    };
    RemovalReason { kind: crd::RemovalReason::GONE.to_owned(), text: text.to_owned() }
}

/// Removes the environment and records it; returns whether there is a record. Whoever else is removing it already makes one.
async fn remove_recorded(
    object: &TestEnvironmentSummary,
    run: &RunStatus,
    observed: Option<&ObservedEnvironment>,
    reason: &RemovalReason,
    context: &Context,
) -> Result<bool, ReconcileError> {
    let unreadable = |_| ReconcileError::UnreadableRun { environment: run.environment.clone(), run: run.id.clone() };
    let id: RunId = run.id.parse().map_err(unreadable)?;
    let record = match (removal_record::unended(object, run, context).await?, observed) {
        (None, Some(observed)) => Some(removal_record::begin(object, observed, reason.clone(), context).await?),
        (unended, _) => unended,
    };
    let left = context.engine.remove(&run.environment, RemovalScope::Run(id)).await?;
    if !left.is_empty() {
        let left = left.iter().map(|r| format!("{}: {}", r.object, r.reason)).collect::<Vec<_>>().join("; ");
        // The record ends when the environment is gone, or when the finalizer is removed although it is not.
        return Err(ReconcileError::Residual { environment: run.environment.clone(), left });
    }
    let Some(record) = record else { return Ok(false) };
    removal_record::end(object, record, Ok(vec![]), context).await?;
    Ok(true)
}

/// Why the run's environment is removed.
fn reason(object: &TestEnvironmentSummary, run: &RunStatus, replaced: bool) -> RemovalReason {
    let name = object.key();
    let (kind, text) = match (object.reaped(), object.deleted(), &run.keep_reason) {
        (Some((reaped, why)), ..) if reaped == run.id => (why, "the reaper removed it".to_owned()),
        (_, Some(_), _) => ("deleted", format!("TestEnvironment {name} was deleted")),
        (.., None) => ("unfinished", format!("run {} ended without removing it", run.id)),
        _ if replaced => ("replaced", format!("TestEnvironment {name} now asks for another environment")),
        _ if object.spec.keep == Keep::Never => ("unwanted", format!("TestEnvironment {name} no longer keeps it")),
        _ => ("expired", run.expiration_time.map_or_else(|| "it expired".into(), |e| format!("it expired at {e}"))),
    };
    RemovalReason { kind: kind.to_owned(), text }
}

/// Deletes the object, with its evidence.
pub async fn delete_expired(object: &TestEnvironmentSummary, context: &Context) -> Result<(), ReconcileError> {
    tracing::info!("deleting the object: its retention time is over");
    let seen = Preconditions { uid: object.uid().to_owned().into(), resource_version: object.resource_version() };
    let deleted =
        objects(object, context).delete(&object.name_any(), &DeleteParams::default().preconditions(seen)).await;
    match deleted {
        Err(kube::Error::Api(s)) if s.code == 404 => Ok(()),
        done => done.map(drop).map_err(api_error("delete the TestEnvironment")),
    }
}
