//! The Kubernetes engine: one namespace for each environment.
//!
//! It sends what `render::kubernetes` made of a plan and reports what it finds; it decides nothing, prints nothing, and
//! keeps no state of its own: everything is found again in the cluster. It touches no namespace without dayfly's label.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use async_trait::async_trait;
use futures::stream::BoxStream;
use kube::Client;

use super::{
    Claim, Engine, EngineError, EngineEvent, EngineInfo, EngineKind, LogLine, Observed, Older, OnLine, OnProgress,
    Residual, Running, SuiteExit,
};
use crate::agent::AgentLink;
use crate::lease::{Lease, RetentionChange, RetentionUpdate};
use crate::model::ImageFact;
use crate::plan::{Position, SuitePlan};
use crate::render::kubernetes::{Stage, Templates};
use crate::secrets::Secrets;

mod agents;
mod api;
mod claim;
pub mod connect;
pub(crate) mod explain;
mod feed;
mod images;
mod info;
mod inside;
mod link;
mod logs;
mod observe;
mod patient;
pub mod permissions;
mod pods;
mod prepare;
mod registry;
pub(crate) mod remaining;
mod remove;
pub mod requester;
mod results;
mod retention;
pub mod rights;
mod sight;
mod suite_log;
mod suites;
mod units;
mod view;
mod watch;

pub use connect::Options;
pub use feed::watched;

/// How much is asked of the API server at once.
const ABREAST: usize = 12;

/// A reached cluster. Clones share the connection and what is known of images.
#[derive(Clone)]
pub struct KubernetesEngine(Arc<Inner>);

struct Inner {
    client: Client,
    info: EngineInfo,
    options: Options,
    templates: Templates,
    /// Images by reference, as they were when first looked at: what was checked is what runs.
    images: Mutex<BTreeMap<String, images::Held>>,
    /// What is watched now, by environment; it ends with the last who uses it.
    feeds: Mutex<HashMap<String, Weak<feed::Feed>>>,
    /// What pods stand on, by run.
    grounds: Mutex<HashMap<uuid::Uuid, Arc<prepare::Ground>>>,
    /// Whose turn it is to make a pod, by run and name.
    turns: Mutex<HashMap<(uuid::Uuid, String), Turn>>,
    /// Runs of this process.
    claimed: Mutex<BTreeSet<uuid::Uuid>>,
    /// The feeds of environments that this process claimed: they go on until it removes them.
    held: Mutex<HashMap<String, Arc<feed::Feed>>>,
    /// Environments that this process took over with all that is in them.
    in_place: Mutex<BTreeSet<String>>,
}

/// Held by whoever makes a pod.
type Turn = Arc<tokio::sync::Mutex<()>>;

/// A lock that a panic elsewhere cannot poison for good: what it guards is always whole.
fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl KubernetesEngine {
    /// The connection; whatever is asked through it outlasts an API server that is away for a while.
    pub fn client(&self) -> Client {
        self.0.client.clone()
    }

    /// dayfly's own image, as pods are given it.
    pub fn agent_image(&self) -> &str {
        &self.0.options.agent_image
    }

    /// Performs `work` with what objects of this environment are rendered from.
    fn staged<T>(&self, lease: &Lease, work: impl FnOnce(&Stage<'_>) -> T) -> T {
        let images = images::as_run(self);
        work(&Stage {
            lease,
            templates: &self.0.templates,
            images: &images,
            agent_image: self.agent_image(),
            pull_secret: self.0.options.pull_secret.is_some(),
        })
    }
}

#[async_trait]
impl Engine for KubernetesEngine {
    fn kind(&self) -> EngineKind {
        EngineKind::Kubernetes
    }

    fn info(&self) -> EngineInfo {
        self.0.info.clone()
    }

    async fn gaps(&self) -> Result<Vec<String>, EngineError> {
        Ok(info::gaps())
    }

    async fn off_limits(&self, environment: &str) -> Result<Vec<String>, EngineError> {
        info::off_limits(self, environment).await
    }

    async fn images(
        &self,
        references: &[String],
        progress: OnProgress<'_>,
    ) -> Result<BTreeMap<String, ImageFact>, EngineError> {
        images::find_all(self, references, progress).await
    }

    async fn claim(&self, lease: &Lease, older: Older) -> Result<Claim, EngineError> {
        claim::claim(self, lease, older).await
    }

    async fn lease(&self, environment: &str) -> Result<Option<Lease>, EngineError> {
        claim::lease(self, environment).await
    }

    async fn amend(
        &self,
        environment: &str,
        run: uuid::Uuid,
        change: &RetentionChange,
    ) -> Result<RetentionUpdate, EngineError> {
        retention::amend(self, environment, run, change).await
    }

    async fn prepare(&self, lease: &Lease, secrets: &Secrets) -> Result<(), EngineError> {
        prepare::prepare(self, lease, secrets).await
    }

    async fn secrets(&self, environment: &str) -> Result<Secrets, EngineError> {
        prepare::kept(self, environment).await
    }

    async fn start(&self, lease: &Lease, unit: &str) -> Result<(), EngineError> {
        units::start(self, lease, unit).await
    }

    async fn stop(&self, lease: &Lease, unit: &str) -> Result<(), EngineError> {
        units::stop(self, lease, unit).await
    }

    async fn agent(&self, lease: &Lease, position: &Position) -> Result<AgentLink, EngineError> {
        agents::start(self, lease, position).await
    }

    async fn address(&self, lease: &Lease, unit: &str) -> Option<std::net::IpAddr> {
        units::address(self, lease, unit).await
    }

    async fn dial(&self, lease: &Lease, unit: &str, port: u16) -> Result<AgentLink, EngineError> {
        link::dial(self, lease, unit, port).await
    }

    async fn run_suite(
        &self,
        lease: &Lease,
        suite: &SuitePlan,
        secrets: &Secrets,
        on_line: OnLine<'_>,
    ) -> Result<SuiteExit, EngineError> {
        suites::run(self, lease, suite, secrets, on_line).await
    }

    async fn watch(&self, environment: &str) -> Result<BoxStream<'static, EngineEvent>, EngineError> {
        watch::watch(self, environment).await
    }

    async fn observe(&self, environment: &str) -> Result<Option<Observed>, EngineError> {
        observe::one(self, environment).await
    }

    async fn list(&self) -> Result<Vec<Observed>, EngineError> {
        observe::all(self).await
    }

    async fn logs(
        &self,
        environment: &str,
        unit: Option<&str>,
        tail: Option<usize>,
        follow: bool,
    ) -> Result<BoxStream<'static, Result<LogLine, EngineError>>, EngineError> {
        logs::lines(self, environment, unit, tail, follow).await
    }

    async fn running(&self, environment: &str) -> Result<Vec<Running>, EngineError> {
        observe::running(self, environment).await
    }

    async fn traces(&self, environment: &str) -> Result<BTreeMap<String, Vec<u8>>, EngineError> {
        observe::traces(self, environment).await
    }

    async fn account(&self) -> Option<String> {
        info::account(self).await
    }

    async fn notify_requester(&self, lease: &Lease, why: &str) -> Result<(), EngineError> {
        requester::tell(self, lease, why).await
    }

    async fn remove_remnants(&self, environment: &str) -> Result<Vec<Residual>, EngineError> {
        remove::remove(self, environment, remove::Whose::Nobodys).await
    }

    async fn remove(&self, environment: &str, run: Option<uuid::Uuid>) -> Result<Vec<Residual>, EngineError> {
        remove::remove(self, environment, run.map_or(remove::Whose::Anyones, remove::Whose::Of)).await
    }
}
