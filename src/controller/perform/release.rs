//! What is over goes: an environment that its run has left, and an object long after its run.

use jiff::Timestamp;
use kube::ResourceExt;
use kube::api::{DeleteParams, Preconditions};
use uuid::Uuid;

use super::write::{tell, write};
use super::{StepError, failed, objects};
use crate::controller::Context;
use crate::controller::crd::{Keep, RunStatus, TestEnvironmentStatus};
use crate::controller::events;
use crate::controller::lean::Lean;
use crate::controller::reconcile::restated;
use crate::engine::Engine;

/// After so long it is looked again whether somebody still keeps an environment whose time is over.
const KEPT: jiff::SignedDuration = jiff::SignedDuration::from_hours(1);

pub async fn release(object: &Lean, context: &Context) -> Result<(), StepError> {
    let Some(run) = object.run() else { return Ok(()) };
    let (was, now) = (object.status.clone().unwrap_or_default(), Timestamp::now());
    let engine = &context.engine;
    let there = engine.observe(&run.environment).await?;
    let there = there.filter(|o| !o.leaving && o.lease.as_ref().is_some_and(|l| l.run.to_string() == run.id));
    // Somebody may have given it more time, or keep it for a while that nobody knows.
    let terms = there.and_then(|o| o.terms);
    let again = now.checked_add(KEPT).unwrap_or(now);
    let longer = terms.map(|t| if t.kept().is_some() { again.max(t.expires) } else { t.expires });
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
    if let Ok(id) = run.id.parse::<Uuid>() {
        let left = engine.remove(&run.environment, Some(id)).await?;
        if !left.is_empty() {
            let left = left.iter().map(|r| format!("{}: {}", r.object, r.reason)).collect::<Vec<_>>().join("; ");
            let environment = run.environment.clone();
            tell(object, &[events::event(true, "NotReleased", "Release", &left)], context).await;
            return Err(StepError::Residual { environment, left });
        }
    }
    context.metrics.removed(&reason(object, run));
    let released = |s: &mut TestEnvironmentStatus| s.run.iter_mut().for_each(|r| r.released = Some(now));
    write(object, &was, &restated(object, released, now), context).await
}

/// Why an environment was removed that its run had left, in one word.
fn reason(object: &Lean, run: &RunStatus) -> String {
    if let Some((_, why)) = object.reaped().filter(|(reaped, _)| *reaped == run.id) {
        return why.to_owned();
    }
    let why = match (object.deleted(), run.kept.is_some(), object.spec.keep) {
        (Some(_), ..) => "deleted",
        (None, true, Keep::Never) => "unwanted",
        (None, true, _) => "expired",
        (None, false, _) => "unfinished",
    };
    why.to_owned()
}

pub async fn retire(object: &Lean, context: &Context) -> Result<(), StepError> {
    tracing::info!("the object is deleted: its run ended long ago");
    let seen = Preconditions { uid: object.uid().to_owned().into(), resource_version: object.resource_version() };
    let deleted =
        objects(object, context).delete(&object.name_any(), &DeleteParams::default().preconditions(seen)).await;
    match deleted {
        Err(kube::Error::Api(s)) if s.code == 404 => Ok(()),
        done => done.map(drop).map_err(failed("delete the object")),
    }
}
