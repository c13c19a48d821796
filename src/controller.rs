//! The controller: a `TestEnvironment` object asks for a run, and this makes it come about.
//!
//! `decide`, `queue` and `status` are pure. A run itself is performed by a runner, a pod that does what `dayfly run` does:
//! so no restart of the controller, at whatever moment, repeats or loses one. The controller makes runners, follows what
//! they write into the object's status, and takes away what has outlived its purpose, which it records. It never judges.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::runtime::reflector::Store;
use kube::runtime::{Controller, watcher};
use kube::{Api, Client};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::crd::summary::TestEnvironmentSummary;
use crate::engine::kubernetes::KubernetesEngine;
use crate::evidence::SigningKey;
use crate::evidence::predicate::Remover;

mod actions;
pub mod decide;
pub mod events;
pub mod http_server;
pub mod leader_election;
pub mod metrics;
pub mod queue;
mod reconcile;
pub mod run_request;
pub mod runner;
pub mod runner_pod;
pub mod status;
mod watches;

use metrics::Metrics;
use watches::Followed;

/// Field manager of everything that the controller writes.
pub const MANAGER: &str = "dayfly-controller";
/// Held by every TestEnvironment for which something was made.
pub const FINALIZER: &str = "dayfly.dev/release";
/// Label of a runner's pod: the run.
pub const RUN: &str = "dayfly.dev/run";
/// Label of a runner's pod: the uid of the object; as an annotation, its namespace and name.
pub const TEST_ENVIRONMENT: &str = "dayfly.dev/test-environment";
/// Component and container name of runners.
pub const RUNNER: &str = "runner";
/// Name of the Lease by which replicas agree.
const LEASE: &str = "dayfly-controller";
/// How many objects are asked for at once when all are listed.
const PAGE: u32 = 50;

/// What the controller is told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its own namespace, where runners and the signing key are.
    pub namespace: String,
    /// Runs that may go on at once.
    pub limit: usize,
    /// How long objects stay when all is over; for good, when this is none.
    pub retain: Option<jiff::SignedDuration>,
    /// dayfly's own image.
    pub agent_image: String,
    /// Service account of runners.
    pub runner_account: String,
    /// Secret with `key.pem`, and `passphrase` where it has one.
    pub key_secret: String,
    /// Secret with credentials for registries.
    pub pull_secret: Option<String>,
    /// Registry that images are pulled through.
    pub registry_mirror: Option<String>,
    /// Where probes and metrics are served.
    pub address: SocketAddr,
    /// This replica's name, another for each start.
    pub identity: String,
    /// In whose name it removes; the cluster's name for it comes to that.
    pub remover: Remover,
}

/// Why the controller ends; messages complete "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum ControllerError {
    /// The CRD is not there, or may not be read.
    #[error("list TestEnvironments: {0}; install them with `dayfly install`")]
    NoResource(
        /// The API server's answer.
        kube::Error,
    ),
    /// Its address is not to be had.
    #[error("serve at {address}: {source}")]
    Address {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// It does not lead any more: another replica may act now, so this one must not.
    #[error("keep the lease {LEASE}: another replica acts from now on")]
    Deposed,
}

/// What all steps share.
pub struct Context {
    client: Client,
    engine: KubernetesEngine,
    settings: Settings,
    /// What is counted.
    pub metrics: Metrics,
    objects: OnceLock<Store<TestEnvironmentSummary>>,
    followed: OnceLock<Followed>,
    /// Runs that were begun and are not seen yet, by the object's uid.
    begun: Mutex<HashMap<String, String>>,
    /// Failures in a row, by the object's uid.
    failures: Mutex<HashMap<String, u32>>,
    /// Objects that had a run under way when they were last looked at.
    running: Mutex<HashSet<String>>,
    /// The signing key, and the version of the Secret that it is of.
    key: tokio::sync::Mutex<Option<(String, Arc<SigningKey>)>>,
    /// Held while it is decided whose turn it is.
    turns: tokio::sync::Mutex<()>,
    /// Makes everybody look again.
    nudge: mpsc::Sender<()>,
    started: Instant,
    contact: OnceLock<()>,
    first: OnceLock<()>,
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Context {
    /// All objects as they are known now; none before this replica leads.
    pub fn objects(&self) -> Vec<Arc<TestEnvironmentSummary>> {
        self.objects.get().map(Store::state).unwrap_or_default()
    }

    /// Why it is not ready; none when it is.
    pub fn unready(&self) -> Option<&'static str> {
        self.contact.get().is_none().then_some("the API server was not reached yet")
    }

    /// Makes everybody look again; one such call that waits is enough.
    fn nudge(&self) {
        self.nudge.try_send(()).ok();
    }
}

/// Runs until `stop`. `plain` is a client that does not repeat requests: a lease must be renewed in time or not at all.
pub async fn run(
    engine: KubernetesEngine,
    plain: Client,
    settings: Settings,
    started: Instant,
    stop: CancellationToken,
) -> Result<(), ControllerError> {
    let (nudge, nudged) = mpsc::channel(1);
    let context = Arc::new(Context {
        client: engine.client(),
        metrics: Metrics::new(settings.limit),
        engine,
        objects: OnceLock::new(),
        followed: OnceLock::new(),
        begun: Mutex::default(),
        failures: Mutex::default(),
        running: Mutex::default(),
        key: tokio::sync::Mutex::default(),
        turns: tokio::sync::Mutex::default(),
        nudge,
        started,
        contact: OnceLock::new(),
        first: OnceLock::new(),
        settings,
    });
    let settings = &context.settings;
    let candidate = leader_election::Candidate::new(plain, &settings.namespace, LEASE, &settings.identity);
    let acting = async {
        let objects: Api<TestEnvironmentSummary> = Api::all(context.client.clone());
        objects.list_metadata(&ListParams::default().limit(1)).await.map_err(ControllerError::NoResource)?;
        context.contact.set(()).ok();
        if !candidate.wins(&stop).await {
            return Ok(());
        }
        tracing::info!("this replica, {}, acts from now on", settings.identity);
        context.metrics.leads(true);
        tokio::select! {
            // What is under way when it is told to end is brought to its end, and only then may another act.
            () = act(context.clone(), objects, nudged, stop.clone()) => {
                candidate.gives_back().await;
                Ok(())
            }
            () = candidate.holds() => Err(ControllerError::Deposed),
        }
    };
    let address = settings.address;
    tokio::select! {
        done = acting => done,
        Err(source) = http_server::serve(address, context.clone()) => Err(ControllerError::Address { address, source }),
    }
}

/// The image of this pod, which is dayfly's own as nodes have it; none where the pod cannot be looked at.
pub async fn own_image(client: &Client, namespace: &str, pod: &str) -> Option<String> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    match pods.get(pod).await {
        Ok(pod) => pod.spec?.containers.into_iter().next()?.image,
        Err(e) => {
            tracing::warn!("failed to look which image this pod has: {e}");
            None
        }
    }
}

/// Acts on every object until `stop`, and then ends what is under way.
async fn act(
    context: Arc<Context>,
    objects: Api<TestEnvironmentSummary>,
    nudged: mpsc::Receiver<()>,
    stop: CancellationToken,
) {
    let (followed, following) = watches::follow(&context);
    let followed = context.followed.get_or_init(|| followed);
    let acting = async {
        if !followed.is_complete().await {
            return;
        }
        let page = watcher::Config::default().page_size(PAGE);
        let controller = Controller::new(objects, page);
        context.objects.set(controller.store()).ok();
        let nudges = futures::stream::unfold(nudged, |mut n| async move { n.recv().await.map(|()| ((), n)) });
        let mut steps = std::pin::pin!(
            controller.reconcile_all_on(nudges).graceful_shutdown_on(stop.clone().cancelled_owned()).run(
                reconcile::step,
                reconcile::again,
                context.clone()
            )
        );
        while let Some(done) = steps.next().await {
            if let Err(e) = done {
                tracing::debug!("{e}");
            }
        }
    };
    tokio::select! {
        () = acting => {}
        () = following => {}
    }
}
