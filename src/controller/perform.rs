//! Performs the step that was decided on. Every write names the version of the object that the decision was made on.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ObjectReference, Pod, Secret};
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{DeleteParams, ObjectMeta, Patch, PatchParams, PostParams, Preconditions};
use kube::runtime::controller::Action;
use kube::{Api, Resource, ResourceExt};
use serde_json::json;
use uuid::Uuid;

use super::crd::{KeepPolicy, RunStatus, Stage, TestEnvironment, TestEnvironmentStatus};
use super::decide::{Step, Turn};
use super::events::{self, Told};
use super::lean::Lean;
use super::reconcile::{restated, turn};
use super::request::{self, Unresolved};
use super::status::{self, Checked};
use super::{Context, FINALIZER, MANAGER, lock, pods};
use crate::engine::{Engine, EngineError};
use crate::report::facts::Outcome;

/// After so long it is looked again whether somebody still keeps an environment whose time is over.
const KEPT: jiff::SignedDuration = jiff::SignedDuration::from_hours(1);

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
    #[error("begin the run: there is no Secret {namespace}/{name} with `key.pem`, the signing key")]
    NoKey {
        /// Where it is looked for.
        namespace: String,
        /// Name.
        name: String,
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
            Self::NoKey { .. } => "launch",
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
pub async fn perform(step: &Step, object: &Lean, context: &Context) -> Result<Action, StepError> {
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

fn objects(object: &Lean, context: &Context) -> Api<Lean> {
    Api::namespaced(context.client.clone(), &object.namespace().unwrap_or_default())
}

async fn finalize(object: &Lean, context: &Context, on: bool) -> Result<(), StepError> {
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

async fn unfinalize(object: &Lean, despite: Option<&str>, context: &Context) -> Result<(), StepError> {
    if let Some(despite) = despite {
        tracing::error!("the object goes although {despite}");
        let note = format!("it goes although {despite}; `dayfly reap` finds what is left");
        tell(object, &[events::event(true, "LeftBehind", "Release", &note)], context).await;
    }
    finalize(object, context, false).await?;
    context.nudge();
    Ok(())
}

async fn check(object: &Lean, context: &Context) -> Result<(), StepError> {
    let whole: Api<TestEnvironment> = Api::namespaced(context.client.clone(), &object.namespace().unwrap_or_default());
    let whole = whole.get(&object.name_any()).await.map_err(failed("read the description"))?;
    let found = match request::resolve(&context.client, &whole).await {
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

async fn begin(object: &Lean, context: &Context) -> Result<(), StepError> {
    let (was, now) = (object.status.clone().unwrap_or_default(), Timestamp::now());
    let (Some(input), Some(environment)) = (was.input.clone(), was.environment.clone()) else { return Ok(()) };
    // One after the other, so that no two take the same place.
    let _turn = context.turns.lock().await;
    if !object.is_running() && turn(object, context) != Turn::Now {
        context.nudge();
        return Ok(());
    }
    let run = RunStatus {
        id: Uuid::now_v7().to_string(),
        environment,
        input,
        commit: object.spec.commit.clone(),
        generation: object.metadata.generation.unwrap_or_default(),
        began: Some(now),
        ..RunStatus::default()
    };
    tracing::info!(run = run.id, "a run begins");
    lock(&context.begun).insert(object.uid().to_owned(), run.id.clone());
    let is = restated(object, |s| s.run = Some(run), now);
    let written = write(object, &was, &is, context).await;
    if written.is_err() {
        lock(&context.begun).remove(object.uid());
    }
    context.nudge();
    written
}

async fn launch(object: &Lean, context: &Context) -> Result<(), StepError> {
    let Some(run) = object.run() else { return Ok(()) };
    let settings = &context.settings;
    let secrets: Api<Secret> = Api::namespaced(context.client.clone(), &settings.namespace);
    let key = secrets.get_metadata_opt(&settings.key_secret).await.map_err(failed("look for the signing key"))?;
    if key.is_none() {
        let was = object.status.clone().unwrap_or_default();
        let missing = StepError::NoKey { namespace: settings.namespace.clone(), name: settings.key_secret.clone() };
        let mut is = was.clone();
        is.blocked = Some(format!("failed to {missing}"));
        if is != was {
            write(object, &was, &is, context).await?;
        }
        return Err(missing);
    }
    let pod =
        pods::object(settings, object, run).map_err(kube::Error::SerdeError).map_err(failed("write the runner"))?;
    let runners: Api<Pod> = Api::namespaced(context.client.clone(), &settings.namespace);
    match runners.create(&PostParams { field_manager: Some(MANAGER.into()), dry_run: false }, &pod).await {
        Err(kube::Error::Api(s)) if s.reason == "AlreadyExists" => Ok(()),
        made => made.map(drop).map_err(failed("make the runner")),
    }
}

async fn end_pod(pod: &str, context: &Context) -> Result<(), StepError> {
    let runners: Api<Pod> = Api::namespaced(context.client.clone(), &context.settings.namespace);
    match runners.delete(pod, &DeleteParams::default()).await {
        Err(kube::Error::Api(s)) if s.code == 404 => Ok(()),
        done => done.map(drop).map_err(failed("end the runner")),
    }
}

async fn retire(object: &Lean, context: &Context) -> Result<(), StepError> {
    tracing::info!("the object is deleted: its run ended long ago");
    let seen = Preconditions { uid: object.uid().to_owned().into(), resource_version: object.resource_version() };
    let deleted =
        objects(object, context).delete(&object.name_any(), &DeleteParams::default().preconditions(seen)).await;
    match deleted {
        Err(kube::Error::Api(s)) if s.code == 404 => Ok(()),
        done => done.map(drop).map_err(failed("delete the object")),
    }
}

async fn lose(object: &Lean, why: &str, context: &Context) -> Result<(), StepError> {
    tracing::warn!("the run is lost: {why}");
    let (was, now) = (object.status.clone().unwrap_or_default(), Timestamp::now());
    let lost = |s: &mut TestEnvironmentStatus| {
        let Some(run) = &mut s.run else { return };
        run.stage = Stage::Ended;
        (run.outcome, run.exit_code) = (Some(Outcome::Error), Some(crate::cli::exit::UNEXPECTED));
        (run.finished, run.waiting) = (Some(now), None);
        run.causes.push(format!("the run was lost: {why}"));
        // What no runner ever took has made nothing. A runner that goes on all the same is not heard any more.
        run.released = run.pod.take().is_none().then_some(now);
    };
    write(object, &was, &restated(object, lost, now), context).await
}

async fn release(object: &Lean, context: &Context) -> Result<(), StepError> {
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
        && object.spec.keep != KeepPolicy::Never
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
        (None, true, KeepPolicy::Never) => "unwanted",
        (None, true, _) => "expired",
        (None, false, _) => "unfinished",
    };
    why.to_owned()
}

fn params() -> PatchParams {
    PatchParams { field_manager: Some(MANAGER.into()), ..PatchParams::default() }
}

/// Writes the status over that of the version which the decision was made on, and tells what is new.
pub async fn write(
    object: &Lean,
    was: &TestEnvironmentStatus,
    is: &TestEnvironmentStatus,
    context: &Context,
) -> Result<(), StepError> {
    let operations = json!([
        // Of another version, it is refused as a conflict.
        {"op": "replace", "path": "/metadata/resourceVersion", "value": object.resource_version()},
        {"op": "add", "path": "/status", "value": is},
    ]);
    let unwritten = |e| failed("write the status")(kube::Error::SerdeError(e));
    let patch: json_patch::Patch = serde_json::from_value(operations).map_err(unwritten)?;
    let written = objects(object, context).patch_status(&object.name_any(), &params(), &Patch::Json::<()>(patch)).await;
    match written {
        Ok(_) => {
            tell(object, &events::between(was, is), context).await;
            Ok(())
        }
        // It is gone, and with it whoever would have read this.
        Err(kube::Error::Api(s)) if s.code == 404 => Ok(()),
        Err(e) => Err(failed("write the status")(e)),
    }
}

/// Makes Events about the object. That they are not made stops nothing.
async fn tell(object: &Lean, told: &[Told], context: &Context) {
    let namespace = object.namespace().unwrap_or_default();
    let events: Api<Event> = Api::namespaced(context.client.clone(), &namespace);
    for (i, told) in told.iter().enumerate() {
        let now = Timestamp::now();
        let event = Event {
            metadata: ObjectMeta {
                name: Some(format!("{}.{:x}{i}", object.name_any(), now.as_nanosecond())),
                namespace: Some(namespace.clone()),
                ..ObjectMeta::default()
            },
            action: Some(told.action.clone()),
            reason: Some(told.reason.clone()),
            note: Some(told.note.clone()),
            type_: Some(if told.warning { "Warning" } else { "Normal" }.to_owned()),
            event_time: Some(MicroTime(now)),
            regarding: Some(ObjectReference { ..object.object_ref(&()) }),
            reporting_controller: Some("dayfly.dev/controller".to_owned()),
            reporting_instance: Some(context.settings.identity.clone()),
            ..Event::default()
        };
        if let Err(e) = events.create(&PostParams::default(), &event).await {
            tracing::warn!("failed to make the event {}: {e}", told.reason);
        }
    }
}
