//! Extends a kept environment as its object asks.

use jiff::Timestamp;

use super::error::ReconcileError;
use super::status_patch::{publish, updated, write};
use crate::controller::context::Context;
use crate::controller::events;
use crate::crd::{TestEnvironmentStatus, TestEnvironmentSummary};
use crate::engine::Engine;
use crate::lease::{RetentionChange, RetentionUpdate};
use crate::model::RunId;

/// Lets the environment expire at this time, in its retention and in the status.
pub async fn extend(
    object: &TestEnvironmentSummary,
    until: Timestamp,
    context: &Context,
) -> Result<(), ReconcileError> {
    let Some((run, id)) = object.run().and_then(|run| Some((run, run.id.parse::<RunId>().ok()?))) else {
        return Ok(());
    };
    let change = RetentionChange::Extended(until);
    // Whoever removed it or took it over meanwhile changed its namespace, which the controller watches.
    let RetentionUpdate::Current(retention) = context.engine.update_retention(&run.environment, id, &change).await?
    else {
        return Ok(());
    };
    let (before, expires) = (object.status.clone().unwrap_or_default(), retention.expires);
    let extend = |s: &mut TestEnvironmentStatus| s.run.iter_mut().for_each(|r| r.expiration_time = Some(expires));
    write(object, &before, &updated(object, extend, Timestamp::now()), context).await?;
    let limited =
        match object.spec.extend_until.as_ref().filter(|asked| asked.parse::<Timestamp>().is_ok_and(|a| a > until)) {
            Some(asked) => format!("; the object asks for {asked}, and the operator's policy allows no longer"),
            None => String::new(),
        };
    let note = format!("the environment expires at {expires}{limited}");
    publish(object, &[events::event(!limited.is_empty(), "Extended", "Extend", &note)], context).await;
    Ok(())
}
