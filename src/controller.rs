//! The controller: starts a runner for every `TestEnvironment` that asks for a run, and removes what runs leave behind.
//!
//! The pipeline for one object is observe → decide → act (`reconcile`). `decide`, `queue`, `status` and `events` are pure. A
//! runner, a pod that does what `dayfly run` does, performs the run: no restart of the controller repeats or loses one. The
//! controller creates runners, reads their progress from the object's status, and records every environment that it removes.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::runtime::controller::{Action, Config, applier};
use kube::runtime::{WatchStreamExt, reflector, watcher};
use kube::{Api, Client};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use crate::crd::summary::TestEnvironmentSummary;
use crate::engine::kubernetes::{KubernetesEngine, watch_with_relist};

mod actions;
mod context;
pub mod decide;
pub mod events;
pub mod http_server;
mod labels;
pub mod leader_election;
pub mod metrics;
mod objects;
mod proof;
pub mod queue;
mod reconcile;
pub mod run_request;
pub mod runner;
pub mod runner_pod;
mod settings;
pub mod status;
mod triggers;
mod watches;

use actions::ReconcileError;
use context::Context;
pub use labels::RUNNER;
pub use settings::Settings;
use triggers::{Reference, Triggers};

/// Name of the Lease by which replicas elect a leader.
const LEASE: &str = "dayfly-controller";
/// Page size of the initial list of objects.
const PAGE_SIZE: u32 = 50;

/// Why the controller ends.
#[derive(Debug, thiserror::Error)]
pub enum ControllerError {
    /// The CRD is not installed, or may not be read.
    #[error("failed to list TestEnvironments: {0}; install the CRD with `dayfly install`")]
    NoResource(
        /// The API server's answer.
        kube::Error,
    ),
    /// The address is not available.
    #[error("failed to serve at {address}: {source}")]
    Address {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Another replica may lead now, so this one must not act.
    #[error("lost leader lease {LEASE}; exiting")]
    LostLease,
}

/// Runs until `stop`. `plain` is a client that does not retry requests: a lease is renewed in time or not at all.
pub async fn run(
    engine: KubernetesEngine,
    plain: Client,
    settings: Settings,
    started: Instant,
    stop: CancellationToken,
) -> Result<(), ControllerError> {
    let (triggers, requests) = Triggers::new();
    let context = Arc::new(Context::new(engine, settings, started, triggers));
    let settings = &context.settings;
    let candidate = leader_election::Candidate::new(plain, &settings.namespace, LEASE, &settings.identity);
    let leading = async {
        let objects: Api<TestEnvironmentSummary> = Api::all(context.client.clone());
        objects.list_metadata(&ListParams::default().limit(1)).await.map_err(ControllerError::NoResource)?;
        context.connected.set(()).ok();
        if !candidate.acquire(&stop).await {
            return Ok(());
        }
        tracing::info!("{} acquired leader lease {LEASE}", settings.identity);
        context.metrics.set_leader(true);
        tokio::select! {
            // A reconcile that has started finishes before another replica may lead.
            () = reconcile_all(context.clone(), objects, requests, stop.clone()) => {
                candidate.release().await;
                Ok(())
            }
            () = candidate.renew_until_lost() => Err(ControllerError::LostLease),
        }
    };
    let address = settings.address;
    tokio::select! {
        done = leading => done,
        Err(source) = http_server::serve(address, context.clone()) => Err(ControllerError::Address { address, source }),
    }
}

/// The image of this pod, which nodes can pull; none if the pod cannot be read.
pub async fn own_image(client: &Client, namespace: &str, pod: &str) -> Option<String> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    match pods.get(pod).await {
        Ok(pod) => pod.spec?.containers.into_iter().next()?.image,
        Err(e) => {
            tracing::warn!("failed to read the image of pod {namespace}/{pod}: {e}");
            None
        }
    }
}

/// Reconciles every object when it is requested, until `stop`; then finishes what has started.
async fn reconcile_all(
    context: Arc<Context>,
    objects: Api<TestEnvironmentSummary>,
    requests: mpsc::UnboundedReceiver<Reference>,
    stop: CancellationToken,
) {
    let (store, writer) = reflector::store();
    let events = watch_with_relist(objects, watcher::Config::default().page_size(PAGE_SIZE));
    let events = reflector::reflector(writer, events).default_backoff();
    let following = objects::follow(events, &store, &context.triggers);
    let (watches, watching) = watches::start(&context.client, &context.settings.namespace, &store, &context.triggers);
    let watches = context.watches.get_or_init(|| watches);
    let reconciling = async {
        if !watches.wait_until_ready().await || store.wait_until_ready().await.is_err() {
            return;
        }
        context.objects.set(store.clone()).ok();
        let requests = futures::stream::unfold(requests, |mut r| async move {
            r.recv().await.map(|object| (Ok::<_, Infallible>(object), r))
        });
        let requests = requests.take_until(stop.clone().cancelled_owned());
        let mut reconciles = std::pin::pin!(applier(
            |object, context| Box::pin(spawned(object, context)),
            reconcile::error_policy,
            context.clone(),
            store.clone(),
            requests,
            Config::default(),
        ));
        while let Some(done) = reconciles.next().await {
            if let Err(e) = done {
                tracing::debug!("{e}");
            }
        }
    };
    tokio::select! {
        () = reconciling => {}
        () = following => {}
        () = watching => {}
    }
}

/// Reconciles in a task of its own, so that a long check delays nothing else.
async fn spawned(object: Arc<TestEnvironmentSummary>, context: Arc<Context>) -> Result<Action, ReconcileError> {
    let task = AbortOnDropHandle::new(tokio::spawn(reconcile::reconcile(object, context).in_current_span()));
    match task.await {
        Ok(done) => done,
        Err(e) if e.is_panic() => std::panic::resume_unwind(e.into_panic()),
        // Cancelled by the end of the runtime.
        Err(_) => std::future::pending().await,
    }
}
