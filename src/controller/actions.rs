//! Performs the action that `decide` chose. Every write names the version of the object that the decision was made on.

use kube::runtime::controller::Action;

use super::context::Context;
use super::decide::NextAction;
use crate::crd::TestEnvironmentSummary;

mod api;
mod description;
mod error;
mod evidence;
mod extension;
mod finalizer;
mod removal;
mod removal_record;
mod run;
mod status_patch;

pub use error::{ReconcileError, api_error};
pub use finalizer::FINALIZER;
pub use status_patch::write as write_status;

/// Performs an action.
pub async fn perform(
    action: &NextAction,
    object: &TestEnvironmentSummary,
    context: &Context,
) -> Result<Action, ReconcileError> {
    match action {
        NextAction::AddFinalizer => finalizer::add(object, context).await?,
        NextAction::RemoveFinalizer { leftover } => finalizer::remove(object, leftover.as_deref(), context).await?,
        NextAction::CheckDescription => description::check(object, context).await?,
        NextAction::StartRun => run::start(object, context).await?,
        NextAction::CreateRunner => run::create_runner(object, context).await?,
        NextAction::StopRunner { pod } | NextAction::DeletePod { pod } => run::delete_pod(pod, context).await?,
        NextAction::AwaitLostRunner => run::await_lost_runner(object, context).await?,
        NextAction::MarkLost { reason } => run::mark_lost(object, reason, context).await?,
        NextAction::ExtendEnvironment { until } => extension::extend(object, *until, context).await?,
        NextAction::RemoveEnvironment => removal::remove_environment(object, context).await?,
        NextAction::DeleteExpired => removal::delete_expired(object, context).await?,
        NextAction::WaitInQueue | NextAction::Requeue { .. } => {}
    }
    Ok(Action::await_change())
}
