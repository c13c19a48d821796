//! Performs one run for the controller, in a pod of its own: takes the run that the object's status names, does what
//! `dayfly run` does, and writes into the status how it goes.
//!
//! A run is taken once and for all: of two runners, or of one that is started again, only the first ever performs it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use kube::core::ObjectMeta;
use kube::{Api, Client, Resource, ResourceExt};
use serde_json::json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::run_request;
use crate::crd::{RunStatus, Stage, TestEnvironment};
use crate::engine::Engine;
use crate::evidence::SigningKey;
use crate::evidence::configmap_store::ConfigMapStore;
use crate::lease::Lease;
use crate::lifecycle::{Journal, RunEvent, facts};
use crate::model::Outcome;
use crate::report::facts::{Cause, CauseKind};
use crate::report::{Facts, exit_code};
use crate::run;
use crate::run::{Run, RunRequest};

pub mod progress;

/// Pause between two reports of how it goes.
const PAUSE: Duration = Duration::from_millis(500);

/// What a runner is given.
pub struct Runner {
    /// How the cluster is reached.
    pub client: Client,
    /// Where environments are made: the same cluster.
    pub engine: Arc<dyn Engine>,
    /// Namespace and name of the object.
    pub object: (String, String),
    /// The run to perform.
    pub run: Uuid,
    /// Uid of the pod that this is.
    pub pod: String,
    /// What signs.
    pub key: Arc<SigningKey>,
    /// A folder for evidence on its way.
    pub evidence: PathBuf,
    /// Cancelled when the run must stop.
    pub stop: CancellationToken,
}

/// Why a run is not performed; messages complete "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum RunnerError {
    /// Somebody else's, or nobody's any more.
    #[error("take run {run}: {why}")]
    NotOurs {
        /// Run id.
        run: Uuid,
        /// Why.
        why: String,
    },
    /// The API server refused.
    #[error("{doing}: {source}")]
    Api {
        /// What was done.
        doing: &'static str,
        /// Its answer.
        source: kube::Error,
    },
}

fn failed(doing: &'static str) -> impl FnOnce(kube::Error) -> RunnerError {
    move |source| RunnerError::Api { doing, source }
}

impl Runner {
    /// Takes the run and performs it to its end. The number is its exit code.
    pub async fn perform(self, screen: impl FnMut(&RunEvent) + Send + 'static) -> Result<u8, RunnerError> {
        let object = self.take().await?;
        let status = object.status.as_ref().and_then(|s| s.run.clone()).unwrap_or_default();
        tracing::Span::current().record("environment", &status.environment);
        tracing::info!("this runner performs the run");
        let ended = match run_request::resolve(&self.client, &object).await {
            Ok(request) => self.run(&object, status, request, screen).await,
            // It was valid when the controller looked.
            Err(e) => faulty(status, &format!("the description is not what it was when it was checked: {e}")),
        };
        self.write(&ended).await?;
        Ok(ended.exit_code.unwrap_or(exit_code::UNEXPECTED))
    }

    fn api(&self) -> Api<TestEnvironment> {
        Api::namespaced(self.client.clone(), &self.object.0)
    }

    /// Writes this pod into the run, as long as nobody else is there.
    async fn take(&self) -> Result<TestEnvironment, RunnerError> {
        let not_ours = |why: &str| RunnerError::NotOurs { run: self.run, why: why.to_owned() };
        loop {
            let object = self.api().get(&self.object.1).await.map_err(failed("read the TestEnvironment"))?;
            let run = object.status.as_ref().and_then(|s| s.run.as_ref());
            let run = run.filter(|r| r.id == self.run.to_string()).ok_or_else(|| not_ours("another one is wanted"))?;
            if object.metadata.deletion_timestamp.is_some() {
                return Err(not_ours("its TestEnvironment is being deleted"));
            }
            if run.stage == Stage::Ended || run.pod.as_ref().is_some_and(|pod| *pod != self.pod) {
                return Err(not_ours("it was performed already, or is by another pod"));
            }
            let patch = json!([
                {"op": "replace", "path": "/metadata/resourceVersion", "value": object.resource_version()},
                {"op": "add", "path": "/status/run/pod", "value": self.pod},
            ]);
            match self.patch(patch).await {
                Ok(taken) => return Ok(taken),
                // The object changed meanwhile: look again.
                Err(e) if refused(&e) => {}
                Err(e) => return Err(failed("take the run")(e)),
            }
        }
    }

    async fn patch(&self, operations: serde_json::Value) -> Result<TestEnvironment, kube::Error> {
        let patch: json_patch::Patch = serde_json::from_value(operations).map_err(kube::Error::SerdeError)?;
        self.api().patch_status(&self.object.1, &PatchParams::default(), &Patch::Json::<()>(patch)).await
    }

    /// Writes how the run is; nothing when another run took its place, or it counts as lost.
    async fn write(&self, run: &RunStatus) -> Result<(), RunnerError> {
        let patch = json!([
            {"op": "test", "path": "/status/run/id", "value": run.id},
            {"op": "test", "path": "/status/run/pod", "value": self.pod},
            {"op": "replace", "path": "/status/run", "value": run},
        ]);
        match self.patch(patch).await {
            Ok(_) => Ok(()),
            Err(e) if refused(&e) => {
                tracing::info!("the status is another run's by now, or this one counts as lost");
                Ok(())
            }
            Err(e) => Err(failed("write how the run is into the TestEnvironment")(e)),
        }
    }

    async fn run(
        &self,
        object: &TestEnvironment,
        status: RunStatus,
        request: RunRequest,
        mut screen: impl FnMut(&RunEvent) + Send + 'static,
    ) -> RunStatus {
        let RunRequest { valid, plan, change, runner } = request;
        let lease = match run::lease(plan, self.run, &change.commit) {
            Ok(lease) => Lease {
                repository: change.repository.clone(),
                requester: Some(self.object.0.clone() + "/" + &self.object.1),
                ..lease
            },
            Err(e) => return faulty(status, &e),
        };
        let facts = facts::initial(&lease, &valid.path, change, runner, self.engine.kind());
        if let Err(e) = run::open(&facts, &lease, &self.key, &self.evidence) {
            let mut facts = facts;
            facts
                .causes
                .push(Cause { kind: CauseKind::NoEvidence, text: format!("failed to {e}; nothing was started") });
            return finished(status, &facts, true);
        }
        let mut first = status;
        first.expires = Some(lease.expires);
        let (told, seen) = watch::channel(first);
        let told = Arc::new(told);
        let (notices, plan) = (told.clone(), lease.plan.clone());
        let journal = Journal::new(
            facts,
            Some(self.evidence.clone()),
            Box::new(move |notice| {
                screen(notice);
                notices.send_if_modified(|run| progress::take(run, notice, &plan, Timestamp::now()));
            }),
        );
        let shelf = ConfigMapStore::new(self.client.clone(), &self.object.0, object.owner_ref(&()).unwrap_or_default());
        let run = Run {
            engine: self.engine.clone(),
            kept: kept(&object.metadata, object.spec.keep),
            lease,
            journal,
            key: self.key.clone(),
            evidence: self.evidence.clone(),
            shelf: Some(shelf),
            keep: object.spec.keep,
        };
        let (sources, over) = (run::sources(&valid), CancellationToken::new());
        let performing = async {
            run.perform(&object.spec.suites, &sources, self.stop.clone()).await;
            over.cancel();
        };
        tokio::join!(performing, self.report(seen, &over));
        let mut status = told.borrow().clone();
        status.evidence = run.shelf.as_ref().and_then(ConfigMapStore::last);
        finished(status, &run.journal.facts(), false)
    }

    /// Writes what changes into the status, not more often than people read it, until the run is over. What is being
    /// written then is written to its end: it must not arrive after what comes last.
    async fn report(&self, mut seen: watch::Receiver<RunStatus>, over: &CancellationToken) {
        loop {
            let now = seen.borrow_and_update().clone();
            if let Err(e) = self.write(&now).await {
                tracing::warn!("failed to {e}");
            }
            let changed = async {
                tokio::time::sleep(PAUSE).await;
                seen.changed().await.is_ok()
            };
            match over.run_until_cancelled(changed).await {
                Some(true) => {}
                _ => return,
            }
        }
    }
}

/// A test in a JSON patch failed, or the object is not there any more.
fn refused(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(s) if matches!(s.code, 404 | 409 | 422))
}

fn kept(metadata: &ObjectMeta, keep: crate::model::Keep) -> String {
    let name = metadata.name.as_deref().unwrap_or_default();
    format!("keep: {keep:?}; it goes with TestEnvironment {name}, or when its time is over")
}

/// A run that ended before it could begin.
fn faulty(mut status: RunStatus, why: &str) -> RunStatus {
    let now = Timestamp::now();
    status.stage = Stage::Ended;
    status.outcome = Some(Outcome::Error);
    status.exit_code = Some(exit_code::USAGE);
    status.causes = vec![progress::short(why)];
    (status.finished, status.released) = (Some(now), Some(now));
    status
}

fn finished(mut status: RunStatus, facts: &Facts, nothing_made: bool) -> RunStatus {
    let now = Timestamp::now();
    progress::end(&mut status, facts, exit_code::from_facts(facts), now);
    if nothing_made {
        status.released = Some(now);
    }
    status
}
