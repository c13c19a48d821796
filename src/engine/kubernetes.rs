//! The Kubernetes engine: one namespace for each environment.
//!
//! It sends the objects that `render::kubernetes` renders from a plan, and reports what the cluster holds. It decides
//! nothing, prints nothing, and touches no namespace without dayfly's label.
//!
//! The cluster is the only store. The process keeps in memory, and may lose at any time:
//!
//! - pinned images (`client::PinnedImage`): resolved again, or read from the namespace's annotation;
//! - a watch cache for each environment in use (`cache::EnvironmentCache`): a new watch lists everything again;
//! - one `client::run_state::RunState` for each run: whether this process claimed it and in place (the lease in the
//!   namespace decides who owns it; without the mark, a later process never replaces pods), the inputs of its pods (read
//!   again from Secret and Services), and locks that only save requests.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use tokio::time::Instant;

use super::{
    AttachedCommand, Claim, ClaimPolicy, Comparison, Engine, EngineError, EngineEvent, EngineInfo, EngineKind,
    Execution, ImageArchive, LogEvent, LogLine, ObservedEnvironment, OnLine, OnProgress, RemovalScope, Residual,
    RunningContainer, SuiteExit, TerminalSize,
};
use crate::agent::AgentLink;
use crate::lease::{Lease, RetentionChange, RetentionUpdate};
use crate::model::ImageFact;
use crate::plan::{Plan, Position, ScannedImage, SuitePlan};
use crate::secrets::Secrets;

mod cache;
mod client;
pub(crate) mod explain;
mod image_archive;
mod images;
mod logs;
mod namespace;
mod observe;
mod outages;
mod pods;
mod prepare;
mod registry;
mod suites;
mod update;
pub(crate) mod waiting_reason;

pub use cache::watch_with_relist;
pub use client::permissions::NEEDED_PERMISSIONS;
pub use client::{KubernetesEngine, Options, ServiceAccountRef, connect};
pub(crate) use namespace::termination;
pub use outages::Outages;

use client::{exec, info};
use namespace::{claim, owner, remove, requester, retention, secrets};
use observe::{environments, events};
use pods::{agents, attach, command, units};

#[async_trait]
impl Engine for KubernetesEngine {
    fn kind(&self) -> EngineKind {
        EngineKind::Kubernetes
    }

    fn info(&self) -> EngineInfo {
        self.product()
    }

    async fn gaps(&self) -> Result<Vec<String>, EngineError> {
        Ok(info::gaps())
    }

    fn gaps_of(&self, plan: &Plan) -> Vec<String> {
        info::gaps_of(plan)
    }

    async fn infrastructure_endpoints(&self, environment: &str) -> Result<Vec<String>, EngineError> {
        info::infrastructure_endpoints(self, environment).await
    }

    async fn resolve_images(
        &self,
        references: &[String],
        progress: OnProgress<'_>,
    ) -> Result<BTreeMap<String, ImageFact>, EngineError> {
        images::resolve_all(self, references, progress).await
    }

    async fn claim(&self, lease: &Lease, policy: ClaimPolicy) -> Result<Claim, EngineError> {
        claim::claim(self, lease, policy).await
    }

    async fn compare(&self, _: &Lease, lease: &Lease, secrets: &Secrets) -> Result<Comparison, EngineError> {
        update::compare(self, lease, secrets).await
    }

    async fn lease(&self, environment: &str) -> Result<Option<Lease>, EngineError> {
        owner::lease(self, environment).await
    }

    async fn update_retention(
        &self,
        environment: &str,
        run: crate::model::RunId,
        change: &RetentionChange,
    ) -> Result<RetentionUpdate, EngineError> {
        retention::update(self, environment, run, change).await
    }

    async fn prepare(&self, lease: &Lease, secrets: &Secrets) -> Result<(), EngineError> {
        prepare::prepare(self, lease, secrets).await
    }

    async fn secrets(&self, environment: &str) -> Result<Secrets, EngineError> {
        secrets::read(self, environment).await
    }

    fn replaces_ended(&self) -> bool {
        true
    }

    async fn start(&self, lease: &Lease, unit: &str) -> Result<(), EngineError> {
        units::start(self, lease, unit).await
    }

    async fn stop(&self, lease: &Lease, unit: &str) -> Result<(), EngineError> {
        units::stop(self, lease, unit).await
    }

    async fn exec(
        &self,
        lease: &Lease,
        unit: &str,
        command: &[String],
        limit: Duration,
    ) -> Result<Execution, EngineError> {
        command::run(self, lease, unit, command, limit).await
    }

    async fn attach(
        &self,
        lease: &Lease,
        unit: &str,
        command: &[String],
        terminal: Option<TerminalSize>,
    ) -> Result<AttachedCommand, EngineError> {
        attach::attach(self, lease, unit, command, terminal).await
    }

    async fn start_agent(&self, lease: &Lease, position: &Position) -> Result<AgentLink, EngineError> {
        agents::start(self, lease, position).await
    }

    async fn unit_address(&self, lease: &Lease, unit: &str) -> Option<std::net::IpAddr> {
        units::address(self, lease, unit).await
    }

    async fn port_forward(&self, lease: &Lease, unit: &str, port: u16) -> Result<AgentLink, EngineError> {
        exec::port_forward(self, lease, unit, port).await
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

    /// A kubelet looks at its containers once a second, and reports what it finds within another one or two.
    fn report_lag(&self) -> Duration {
        Duration::from_secs(3)
    }

    async fn watch(&self, environment: &str) -> Result<BoxStream<'static, EngineEvent>, EngineError> {
        events::watch(self, environment).await
    }

    async fn observe(&self, environment: &str) -> Result<Option<ObservedEnvironment>, EngineError> {
        environments::one(self, environment).await
    }

    async fn list(&self) -> Result<Vec<ObservedEnvironment>, EngineError> {
        environments::all(self).await
    }

    async fn logs(
        &self,
        environment: &str,
        unit: Option<&str>,
        tail: Option<usize>,
        follow: bool,
    ) -> Result<BoxStream<'static, Result<LogLine, EngineError>>, EngineError> {
        logs::units::lines(self, environment, unit, tail, follow).await
    }

    async fn follow_log(&self, environment: &str, unit: &str) -> Result<BoxStream<'static, LogEvent>, EngineError> {
        logs::units::follow(self, environment, unit).await
    }

    async fn image_archive(&self, lease: &Lease, image: &ScannedImage) -> Result<ImageArchive, EngineError> {
        image_archive::send(self, lease, image).await
    }

    async fn running_containers(&self, environment: &str) -> Result<Vec<RunningContainer>, EngineError> {
        environments::running(self, environment).await
    }

    async fn diagnostics(&self, environment: &str) -> Result<BTreeMap<String, Vec<u8>>, EngineError> {
        environments::diagnostics(self, environment).await
    }

    fn has_credentials(&self, image: &str) -> bool {
        self.options().pull_secret.as_deref().is_some_and(|text| registry::has_credentials(text, image))
    }

    fn outage_since(&self, moment: Instant) -> Option<String> {
        self.outages().since(moment)
    }

    async fn account(&self) -> Option<String> {
        info::account(self).await
    }

    async fn notify_requester(&self, lease: &Lease, why: &str) -> Result<(), EngineError> {
        requester::notify_removed(self, lease, why).await
    }

    async fn remove(&self, environment: &str, scope: RemovalScope) -> Result<Vec<Residual>, EngineError> {
        remove::remove(self, environment, scope).await
    }
}
