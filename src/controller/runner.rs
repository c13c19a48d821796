//! Performs one run for the controller, in its own pod: claims the run that the object's status names, does what `dayfly run`
//! does, and reports progress in the status.
//!
//! A run is claimed once: of two runners, or of one that restarts, only the first performs it.

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

use super::run_request::{self, Unresolved};
use crate::advisories::scan::Opened;
use crate::crd::{RunStatus, Stage, TestEnvironment, TestEnvironmentSpec};
use crate::engine::Engine;
use crate::evidence::SigningKey;
use crate::evidence::configmap_store::ConfigMapStore;
use crate::lease::{Lease, Owner};
use crate::lifecycle::{Journal, RunEvent, facts};
use crate::model::{Outcome, RunId};
use crate::plan::Plan;
use crate::report::facts::{Cause, CauseKind};
use crate::report::{Facts, exit_code};
use crate::run;
use crate::run::{Run, RunRequest};
use crate::suite::dependencies::ScanInput;

pub mod progress;
pub mod requester;

/// Shortest time between two writes of the status.
const REPORT_INTERVAL: Duration = Duration::from_millis(500);

/// Time limit to write the result of a run.
const LAST_WRITE_LIMIT: Duration = Duration::from_secs(600);

/// A runner.
pub struct Runner {
    /// Client of the cluster.
    pub client: Client,
    /// dayfly's namespace, which holds the operator's policy.
    pub namespace: String,
    /// Engine of the same cluster.
    pub engine: Arc<dyn Engine>,
    /// Namespace and name of the object.
    pub object: (String, String),
    /// The run to perform.
    pub run: RunId,
    /// Uid of this pod.
    pub pod_uid: String,
    /// Signing key.
    pub key: Arc<SigningKey>,
    /// Working folder for evidence.
    pub evidence: PathBuf,
    /// Cancelled when the run must stop.
    pub stop: CancellationToken,
}

/// Why a run is not performed; messages complete "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum RunnerError {
    /// The run belongs to another pod, or has ended.
    #[error("claim run {run}: {why}")]
    NotClaimed {
        /// Run id.
        run: RunId,
        /// Why.
        why: String,
    },
    /// The API server refused.
    #[error("{doing}: {source}")]
    Api {
        /// The attempted action.
        doing: &'static str,
        /// The API server's answer.
        source: kube::Error,
    },
}

fn failed(doing: &'static str) -> impl FnOnce(kube::Error) -> RunnerError {
    move |source| RunnerError::Api { doing, source }
}

impl Runner {
    /// Claims the run and performs it to its end; returns its exit code.
    pub async fn perform(self, screen: impl FnMut(&RunEvent) + Send + 'static) -> Result<u8, RunnerError> {
        let object = self.claim().await?;
        let status = object.status.as_ref().and_then(|s| s.run.clone()).unwrap_or_default();
        tracing::Span::current().record("environment", &status.environment);
        tracing::info!("claimed the run");
        let ended = match run_request::resolve(&self.client, &object, &self.namespace, Some(self.engine.as_ref())).await
        {
            Ok(request) => match difference(&object.spec, &status, &request.plan) {
                None => self.run(&object, status, request, screen).await,
                Some(what) => failed_early(
                    status,
                    &format!(
                        "{what} changed after the controller checked it; nothing was created. Increment spec.attempt to run what is there now"
                    ),
                ),
            },
            // The controller does not know the credentials for registries, and the policy may have changed since its check.
            Err(Unresolved::NotAllowed(why)) => failed_early(status, &why),
            Err(e) => failed_early(status, &format!("the description changed after it was checked: {e}")),
        };
        self.write_last(&ended).await?;
        Ok(ended.exit_code.unwrap_or(exit_code::UNEXPECTED))
    }

    fn api(&self) -> Api<TestEnvironment> {
        Api::namespaced(self.client.clone(), &self.object.0)
    }

    /// Writes this pod into the run, unless another pod is there.
    async fn claim(&self) -> Result<TestEnvironment, RunnerError> {
        let not_claimed = |why: &str| RunnerError::NotClaimed { run: self.run, why: why.to_owned() };
        loop {
            let object = self.api().get(&self.object.1).await.map_err(failed("read the TestEnvironment"))?;
            let run = object.status.as_ref().and_then(|s| s.run.as_ref());
            let run = run
                .filter(|r| r.id == self.run.to_string())
                .ok_or_else(|| not_claimed("the TestEnvironment asks for another run"))?;
            if object.metadata.deletion_timestamp.is_some() {
                return Err(not_claimed("its TestEnvironment is being deleted"));
            }
            if run.stage == Stage::Ended || run.pod_uid.as_ref().is_some_and(|pod| *pod != self.pod_uid) {
                return Err(not_claimed("another pod performs it, or it has ended"));
            }
            let patch = json!([
                {"op": "replace", "path": "/metadata/resourceVersion", "value": object.resource_version()},
                {"op": "add", "path": "/status/run/podUid", "value": self.pod_uid},
            ]);
            match self.patch(patch).await {
                Ok(claimed) => return Ok(claimed),
                // The object changed meanwhile: read it again.
                Err(e) if refused(&e) => {}
                Err(e) => return Err(failed("claim the run")(e)),
            }
        }
    }

    async fn patch(&self, operations: serde_json::Value) -> Result<TestEnvironment, kube::Error> {
        let patch: json_patch::Patch = serde_json::from_value(operations).map_err(kube::Error::SerdeError)?;
        self.api().patch_status(&self.object.1, &PatchParams::default(), &Patch::Json::<()>(patch)).await
    }

    /// Writes the result; for ten minutes, while the API server is away or in trouble: nobody else knows it.
    async fn write_last(&self, run: &RunStatus) -> Result<(), RunnerError> {
        let until = tokio::time::Instant::now() + LAST_WRITE_LIMIT;
        loop {
            match self.write(run).await {
                Err(RunnerError::Api { source, .. }) if !is_final(&source) && tokio::time::Instant::now() < until => {
                    tracing::warn!("the result is not written yet: {source}");
                    tokio::time::sleep(REPORT_INTERVAL).await;
                }
                written => return written,
            }
        }
    }

    /// Writes the run into the status, unless another run replaced it or it was marked lost.
    async fn write(&self, run: &RunStatus) -> Result<(), RunnerError> {
        let patch = json!([
            {"op": "test", "path": "/status/run/id", "value": run.id},
            {"op": "test", "path": "/status/run/podUid", "value": self.pod_uid},
            {"op": "replace", "path": "/status/run", "value": run},
        ]);
        match self.patch(patch).await {
            Ok(_) => Ok(()),
            Err(e) if refused(&e) => {
                tracing::info!("not writing the status: another run replaced this one, or it was marked lost");
                Ok(())
            }
            Err(e) => Err(failed("write the status of the TestEnvironment")(e)),
        }
    }

    async fn run(
        &self,
        object: &TestEnvironment,
        status: RunStatus,
        request: RunRequest,
        mut screen: impl FnMut(&RunEvent) + Send + 'static,
    ) -> RunStatus {
        let RunRequest { valid, plan, change, runner, policy, dependencies, proof } = request;
        let lease = match run::lease(plan, self.run, &change.commit) {
            Ok(lease) => Lease {
                repository: change.repository.clone(),
                requester: Some(self.object.0.clone() + "/" + &self.object.1),
                owner: Some(Owner::namespace(&self.object.0, change.repository.as_deref())),
                ..lease
            },
            Err(e) => return failed_early(status, &e),
        };
        let mut facts = facts::initial(&lease, &valid.path, change, runner, self.engine.kind());
        facts.policy = policy;
        facts.not_selected = lease.plan.not_selected(&object.spec.suites);
        if let Some(requester) = &mut facts.requester {
            requester.uid.clone_from(&object.metadata.uid);
            requester.user = requester::user(&self.client, object).await;
            requester.proven = proof;
        }
        let configmap_store =
            ConfigMapStore::new(self.client.clone(), &self.object.0, object.owner_ref(&()).unwrap_or_default());
        let first = match self.open(&facts, &lease, &configmap_store, status.clone()).await {
            Ok(first) => first,
            Err(e) => {
                facts
                    .causes
                    .push(Cause { kind: CauseKind::NoEvidence, text: format!("failed to {e}; nothing was started") });
                return finished(status, &facts, true);
            }
        };
        let (told, seen) = watch::channel(first);
        let told = Arc::new(told);
        let (events, plan) = (told.clone(), lease.plan.clone());
        let journal = Journal::new(
            facts,
            Some(self.evidence.clone()),
            Box::new(move |event| {
                screen(event);
                events.send_if_modified(|run| progress::apply(run, event, &plan, Timestamp::now()));
            }),
        );
        let scans = Arc::new(ScanInput::of_run(&valid, Opened::None, dependencies, vec![]));
        let run = Run {
            engine: self.engine.clone(),
            kept_reason: kept_reason(&object.metadata, object.spec.keep),
            lease,
            journal,
            key: Some(self.key.clone()),
            log: None,
            evidence: self.evidence.clone(),
            configmap_store: Some(configmap_store),
            scans,
            take_over: false,
            keep: object.spec.keep,
        };
        let (sources, over) = (valid.sources(), CancellationToken::new());
        let performing = async {
            run.perform(&object.spec.suites, &sources, self.stop.clone()).await;
            over.cancel();
        };
        tokio::join!(performing, self.report(seen, &over));
        let mut status = told.borrow().clone();
        status.evidence = run.configmap_store.as_ref().and_then(ConfigMapStore::last);
        finished(status, &run.journal.facts(), false)
    }

    /// Signs the opening entry, stores it and writes its location into the status, before anything is created: from then on
    /// a run whose runner is killed is known as an unfinished one.
    async fn open(
        &self,
        facts: &Facts,
        lease: &Lease,
        configmap_store: &ConfigMapStore,
        mut status: RunStatus,
    ) -> Result<RunStatus, String> {
        let opened = run::open_in_cluster(facts, lease, &self.key, &self.evidence, configmap_store).await;
        status.opening_entry = opened.map_err(|e| e.to_string())?;
        status.expiration_time = Some(lease.expires);
        self.write(&status).await.map_err(|e| e.to_string())?;
        Ok(status)
    }

    /// Writes changes into the status until the run is over. A write that has started then completes: it must not arrive
    /// after the last one.
    async fn report(&self, mut seen: watch::Receiver<RunStatus>, over: &CancellationToken) {
        loop {
            let now = seen.borrow_and_update().clone();
            if let Err(e) = self.write(&now).await {
                tracing::warn!("failed to {e}");
            }
            let changed = async {
                tokio::time::sleep(REPORT_INTERVAL).await;
                seen.changed().await.is_ok()
            };
            match over.run_until_cancelled(changed).await {
                Some(true) => {}
                _ => return,
            }
        }
    }
}

/// What differs from the run that the controller decided on, if anything does.
fn difference(spec: &TestEnvironmentSpec, decided: &RunStatus, plan: &Plan) -> Option<&'static str> {
    if spec.input_digest() != decided.input_digest || spec.commit != decided.commit {
        return Some("the spec of the TestEnvironment");
    }
    if plan.environment != decided.environment {
        return Some("the name of the environment");
    }
    (decided.description_digest.as_ref() != Some(&plan.description_digest)).then_some("the description")
}

/// A test of the JSON patch failed, or the object is gone.
fn refused(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(s) if matches!(s.code, 404 | 409 | 422))
}

fn kept_reason(metadata: &ObjectMeta, keep: crate::model::Keep) -> String {
    let name = metadata.name.as_deref().unwrap_or_default();
    format!("keep: {keep:?}; removed with TestEnvironment {name}, or when it expires")
}

/// A run that failed before it started.
fn failed_early(mut status: RunStatus, why: &str) -> RunStatus {
    let now = Timestamp::now();
    status.stage = Stage::Ended;
    status.outcome = Some(Outcome::Error);
    status.exit_code = Some(exit_code::USAGE);
    status.causes = vec![progress::short(why)];
    (status.completion_time, status.removal_time) = (Some(now), Some(now));
    status
}

fn finished(mut status: RunStatus, facts: &Facts, nothing_made: bool) -> RunStatus {
    let now = Timestamp::now();
    progress::finish(&mut status, facts, exit_code::from_facts(facts), now);
    if nothing_made {
        status.removal_time = Some(now);
    }
    status
}

/// Reports whether the API server has refused a request for good.
fn is_final(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code < 500 && status.code != 429)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing;

    #[test]
    fn refuses_a_run_that_differs_from_what_the_controller_decided() {
        let plan = Plan { description_digest: "d".into(), ..testing::plan_of(&[("web", &[])]) };
        let text = json!({"description": {"configMap": {"name": "shop"}}, "pullRequest": 7, "commit": "4d1f0c2"});
        let spec: TestEnvironmentSpec = serde_json::from_value(text).unwrap();
        let decided = RunStatus {
            environment: plan.environment.clone(),
            input_digest: spec.input_digest(),
            description_digest: Some("d".into()),
            commit: spec.commit.clone(),
            ..RunStatus::default()
        };
        assert_eq!(difference(&spec, &decided, &plan), None);
        // A ConfigMap that changes after the check gives another plan for the same spec.
        let other = Plan { description_digest: "e".into(), ..plan.clone() };
        assert_eq!(difference(&spec, &decided, &other), Some("the description"));
        let elsewhere = Plan { environment: "victim-pr-7".into(), ..plan.clone() };
        assert_eq!(difference(&spec, &decided, &elsewhere), Some("the name of the environment"));
        let unchecked = RunStatus { description_digest: None, ..decided.clone() };
        assert_eq!(difference(&spec, &unchecked, &plan), Some("the description"));
        let pushed = TestEnvironmentSpec { commit: "4d1f0c3".into(), ..spec };
        assert_eq!(difference(&pushed, &decided, &plan), Some("the spec of the TestEnvironment"));
    }
}
