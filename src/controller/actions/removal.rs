//! What is over goes: an environment that its run has left, and an object long after its run.

use jiff::Timestamp;
use kube::ResourceExt;
use kube::api::{DeleteParams, Preconditions};
use uuid::Uuid;

use super::{StepError, failed, objects};
use crate::controller::actions::removal_record;
use crate::controller::actions::status_patch::{restated, tell, write};
use crate::controller::{Context, events};
use crate::crd::{RunStatus, TestEnvironmentStatus, TestEnvironmentSummary};
use crate::engine::{Engine, Observed};
use crate::evidence::predicate::RemovalReason;
use crate::model::Keep;

/// After so long it is looked again whether somebody still keeps an environment whose time is over.
const KEPT: jiff::SignedDuration = jiff::SignedDuration::from_hours(1);

pub async fn release(object: &TestEnvironmentSummary, context: &Context) -> Result<(), StepError> {
    let Some(run) = object.run() else { return Ok(()) };
    let (was, now) = (object.status.clone().unwrap_or_default(), Timestamp::now());
    let there = context.engine.observe(&run.environment).await?;
    let there = there.filter(|o| !o.leaving && o.lease.as_ref().is_some_and(|l| l.run.to_string() == run.id));
    // Somebody may have given it more time, or keep it for a while that nobody knows.
    let retention = there.as_ref().and_then(|o| o.retention.as_ref());
    let again = now.checked_add(KEPT).unwrap_or(now);
    let longer = retention.map(|t| if t.kept().is_some() { again.max(t.expires) } else { t.expires });
    let longer = longer.filter(|e| *e > now && run.kept.is_some());
    let current = was.input.as_ref() == Some(&run.input);
    if let Some(longer) = longer
        && object.deleted().is_none()
        && object.spec.keep != Keep::Never
        && current
    {
        let extended = |s: &mut TestEnvironmentStatus| s.run.iter_mut().for_each(|r| r.expires = Some(longer));
        return write(object, &was, &restated(object, extended, now), context).await;
    }
    let reason = reason(object, run, current);
    let removed = removed(object, run, there.as_ref(), &reason, context).await;
    if let Err(e) = &removed {
        tell(object, &[events::event(true, "NotReleased", "Release", &format!("failed to {e}"))], context).await;
    }
    removed?;
    context.metrics.removed(&reason.kind);
    let released = |s: &mut TestEnvironmentStatus| s.run.iter_mut().for_each(|r| r.released = Some(now));
    write(object, &was, &restated(object, released, now), context).await
}

/// Removes what the run left, with a record. Of what another removes already, that one makes the record.
async fn removed(
    object: &TestEnvironmentSummary,
    run: &RunStatus,
    there: Option<&Observed>,
    reason: &RemovalReason,
    context: &Context,
) -> Result<(), StepError> {
    let Ok(id) = run.id.parse::<Uuid>() else { return Ok(()) };
    let record = match (removal_record::unended(object, run, context).await?, there) {
        (None, Some(there)) => Some(removal_record::begin(object, there, reason.clone(), context).await?),
        (unended, _) => unended,
    };
    let left = context.engine.remove(&run.environment, Some(id)).await?;
    if !left.is_empty() {
        let left = left.iter().map(|r| format!("{}: {}", r.object, r.reason)).collect::<Vec<_>>().join("; ");
        // The record is ended when it is gone, or when the object is let go in spite of it.
        return Err(StepError::Residual { environment: run.environment.clone(), left });
    }
    match record {
        Some(record) => removal_record::end(object, record, Ok(vec![]), context).await,
        None => Ok(()),
    }
}

/// Why an environment is removed that its run has left.
fn reason(object: &TestEnvironmentSummary, run: &RunStatus, current: bool) -> RemovalReason {
    let name = object.key();
    let (kind, text) = match (object.reaped(), object.deleted(), &run.kept) {
        (Some((reaped, why)), ..) if reaped == run.id => (why, "the janitor removed it".to_owned()),
        (_, Some(_), _) => ("deleted", format!("TestEnvironment {name} is deleted")),
        (.., None) => ("unfinished", format!("run {} ended without removing it", run.id)),
        _ if !current => ("replaced", format!("TestEnvironment {name} asks for another environment by now")),
        _ if object.spec.keep == Keep::Never => ("unwanted", format!("TestEnvironment {name} does not keep it")),
        _ => {
            ("expired", run.expires.map_or_else(|| "its time is over".into(), |e| format!("it was to stay until {e}")))
        }
    };
    RemovalReason { kind: kind.to_owned(), text }
}

pub async fn retire(object: &TestEnvironmentSummary, context: &Context) -> Result<(), StepError> {
    tracing::info!("the object is deleted: its run ended long ago");
    let seen = Preconditions { uid: object.uid().to_owned().into(), resource_version: object.resource_version() };
    let deleted =
        objects(object, context).delete(&object.name_any(), &DeleteParams::default().preconditions(seen)).await;
    match deleted {
        Err(kube::Error::Api(s)) if s.code == 404 => Ok(()),
        done => done.map(drop).map_err(failed("delete the object")),
    }
}
