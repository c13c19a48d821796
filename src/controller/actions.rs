//! Performs the step that was decided on. Every write names the version of the object that the decision was made on.

use jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use kube::runtime::controller::Action;
use kube::{Api, ResourceExt};
use serde_json::json;

use super::decide::{Step, Turn};
use super::status::{self, Checked};
use super::{Context, FINALIZER, MANAGER, events, lock};
use crate::controller::run_request;
use crate::controller::run_request::Unresolved;
use crate::crd::{TestEnvironment, TestEnvironmentSummary};
use crate::engine::EngineError;
use crate::evidence::EvidenceError;

mod removal;
mod removal_record;
mod run;
mod status_patch;

use removal::{release, retire};
use run::{begin, end_pod, launch, lose};
use status_patch::tell;

pub use run::turn;
pub use status_patch::write;

/// Why a step was not made; messages complete "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The API server refused.
    #[error("{doing}: {source}")]
    Api {
        /// What was done.
        doing: &'static str,
        /// Its answer.
        source: Box<kube::Error>,
    },
    /// Somebody else changed the object first.
    #[error("write what was decided: the object changed meanwhile")]
    Changed,
    /// The environment could not be removed.
    #[error("{0}")]
    Engine(#[from] EngineError),
    /// Something of it is still there.
    #[error("remove environment {environment}: {left} is still there")]
    Residual {
        /// Environment.
        environment: String,
        /// What, and why.
        left: String,
    },
    /// There is nothing to sign with.
    #[error("{doing}: {why} in Secret {namespace}/{name}, where the signing key should be")]
    NoKey {
        /// What it is needed for.
        doing: &'static str,
        /// What is wrong with it.
        why: String,
        /// Where it is looked for.
        namespace: String,
        /// Name.
        name: String,
    },
    /// A removal that cannot be recorded is not made.
    #[error("record the removal of environment {environment}: {source}")]
    Unrecorded {
        /// Environment.
        environment: String,
        /// Why.
        source: EvidenceError,
    },
    /// The description may still come.
    #[error("read the description: {0}")]
    NoDescription(String),
}

impl StepError {
    /// For the count of failures.
    pub fn step(&self) -> &'static str {
        match self {
            Self::Api { doing, .. } => doing,
            Self::Changed => "write",
            Self::Engine(_) | Self::Residual { .. } => "release",
            Self::NoKey { .. } | Self::Unrecorded { .. } => "sign",
            Self::NoDescription(_) => "check",
        }
    }
}

/// What a refusal of the API server means.
pub fn failed(doing: &'static str) -> impl FnOnce(kube::Error) -> StepError {
    move |source| match &source {
        kube::Error::Api(s) if s.code == 409 && s.reason == "Conflict" => StepError::Changed,
        _ => StepError::Api { doing, source: Box::new(source) },
    }
}

/// Performs a step.
pub async fn perform(step: &Step, object: &TestEnvironmentSummary, context: &Context) -> Result<Action, StepError> {
    match step {
        Step::Finalize => finalize(object, context, true).await?,
        Step::Unfinalize { despite } => unfinalize(object, despite.as_deref(), context).await?,
        Step::Check => check(object, context).await?,
        Step::Begin => begin(object, context).await?,
        Step::Launch => launch(object, context).await?,
        Step::Stop { pod } | Step::Tidy { pod } => end_pod(pod, context).await?,
        Step::Lose { why } => lose(object, why, context).await?,
        Step::Release => release(object, context).await?,
        Step::Retire => retire(object, context).await?,
        Step::Wait | Step::Rest { .. } => {}
    }
    Ok(Action::await_change())
}

fn objects(object: &TestEnvironmentSummary, context: &Context) -> Api<TestEnvironmentSummary> {
    Api::namespaced(context.client.clone(), &object.namespace().unwrap_or_default())
}

async fn finalize(object: &TestEnvironmentSummary, context: &Context, on: bool) -> Result<(), StepError> {
    let mut finalizers: Vec<&str> =
        object.finalizers().iter().map(String::as_str).filter(|f| *f != FINALIZER).collect();
    if on {
        finalizers.push(FINALIZER);
    }
    let patch = json!({"metadata": {"resourceVersion": object.resource_version(), "finalizers": finalizers}});
    let done = objects(object, context).patch(&object.name_any(), &params(), &Patch::Merge(&patch)).await;
    match done {
        // It is gone: nothing holds it any more.
        Err(kube::Error::Api(s)) if s.code == 404 && !on => Ok(()),
        done => done.map(drop).map_err(failed("change the finalizer")),
    }
}

async fn unfinalize(
    object: &TestEnvironmentSummary,
    despite: Option<&str>,
    context: &Context,
) -> Result<(), StepError> {
    if let Some(despite) = despite {
        tracing::error!("the object goes although {despite}");
        let note = format!("it goes although {despite}; `dayfly reap` finds what is left");
        tell(object, &[events::event(true, "LeftBehind", "Release", &note)], context).await;
        give_up(object, despite, context).await;
    }
    finalize(object, context, false).await?;
    lock(&context.running).remove(object.uid());
    context.nudge();
    Ok(())
}

/// Says in the record of the removal, where it was begun, that it is not waited for any more. That this cannot be written
/// holds nothing up: a record that was never ended says as much.
async fn give_up(object: &TestEnvironmentSummary, despite: &str, context: &Context) {
    let Some(run) = object.run() else { return };
    let ended = async {
        match removal_record::unended(object, run, context).await? {
            Some(record) => removal_record::end(object, record, Err(despite.to_owned()), context).await,
            None => Ok(()),
        }
    };
    if let Err(e) = ended.await {
        tracing::warn!("failed to {e}");
    }
}

async fn check(object: &TestEnvironmentSummary, context: &Context) -> Result<(), StepError> {
    let whole: Api<TestEnvironment> = Api::namespaced(context.client.clone(), &object.namespace().unwrap_or_default());
    let whole = whole.get(&object.name_any()).await.map_err(failed("read the description"))?;
    let found = match run_request::resolve(&context.client, &whole).await {
        Ok(request) => Checked::Valid {
            text: format!("{} services, {} suites", request.plan.units.len(), request.plan.suites.len()),
            environment: request.plan.environment,
            input: whole.spec.input(),
        },
        Err(Unresolved::Invalid(why)) => Checked::Invalid(why),
        Err(Unresolved::Source(why)) => Checked::Missing(why),
        Err(Unresolved::Api(e)) => return Err(failed("read the description")(e)),
    };
    let missing = if let Checked::Missing(why) = &found { Some(why.clone()) } else { None };
    let (was, now) = (object.status.clone().unwrap_or_default(), Timestamp::now());
    let generation = whole.metadata.generation.unwrap_or_default();
    let is = status::checked(was.clone(), generation, &whole.spec.commit, found, now);
    let is = status::of(&is, object.spec.keep, &[], &Turn::Now, now);
    if is != was {
        write(object, &was, &is, context).await?;
    }
    missing.map_or(Ok(()), |why| Err(StepError::NoDescription(why)))
}

fn params() -> PatchParams {
    PatchParams { field_manager: Some(MANAGER.into()), ..PatchParams::default() }
}
