//! The local engine: any Docker-compatible socket, podman or Docker.
//!
//! It sends the requests that `render` renders from a plan, and reports what exists. It decides nothing, prints nothing,
//! and keeps no state: labels find everything again.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;

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

pub mod agent_image;
mod agents;
mod anchor;
mod attach;
mod claim;
mod client;
mod command;
pub mod connect;
mod containers;
mod ends;
mod explain;
mod export;
mod images;
mod info;
mod link;
mod log_follower;
mod logs;
mod name;
mod networks;
mod observe;
mod options;
mod raw;
mod remove;
mod retention;
mod suites;
mod units;
mod update;
mod users;
mod volumes;
mod watch;

pub use client::LocalEngine;
pub use options::{Options, SocketVariables};

impl LocalEngine {
    /// Returns the reference of the agent image, which is built if the engine does not have it.
    pub async fn agent_image(&self) -> Result<String, EngineError> {
        agent_image::ensure(self).await
    }

    /// Begins to send the archive of an image that the engine has. Nothing is pulled.
    pub async fn export(&self, reference: &str) -> Result<ImageArchive, EngineError> {
        export::export(self, reference).await
    }

    /// Returns a local image, if the engine has it. Pulls nothing.
    pub async fn image(&self, reference: &str) -> Result<Option<ImageFact>, EngineError> {
        images::find_local(self, reference).await
    }

    /// Returns the engine's data folder, as a path on its host.
    pub async fn data_root(&self) -> Result<Option<std::path::PathBuf>, EngineError> {
        info::data_root(self).await
    }
}

#[async_trait]
impl Engine for LocalEngine {
    fn kind(&self) -> EngineKind {
        EngineKind::Local
    }

    async fn image_archive(&self, lease: &Lease, image: &ScannedImage) -> Result<ImageArchive, EngineError> {
        match image.units.as_slice() {
            [] => export::export(self, &image.image).await,
            units => export::export_running(self, &lease.environment, &image.image, units).await,
        }
    }

    fn info(&self) -> EngineInfo {
        info::engine_info(self)
    }

    async fn gaps(&self) -> Result<Vec<String>, EngineError> {
        info::gaps(self).await
    }

    fn gaps_of(&self, plan: &Plan) -> Vec<String> {
        info::gaps_of(plan)
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

    async fn compare(&self, before: &Lease, lease: &Lease, secrets: &Secrets) -> Result<Comparison, EngineError> {
        update::compare(self, before, lease, secrets).await
    }

    async fn lease(&self, environment: &str) -> Result<Option<Lease>, EngineError> {
        anchor::lease(self, environment).await
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
        units::prepare(self, lease, secrets).await
    }

    async fn secrets(&self, environment: &str) -> Result<Secrets, EngineError> {
        volumes::read_secrets(self, environment).await
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

    async fn port_forward(&self, lease: &Lease, unit: &str, port: u16) -> Result<AgentLink, EngineError> {
        agents::port_forward(self, lease, unit, port).await
    }

    async fn run_suite(
        &self,
        lease: &Lease,
        suite: &SuitePlan,
        secrets: &Secrets,
        _: OnLine<'_>,
    ) -> Result<SuiteExit, EngineError> {
        suites::run(self, lease, suite, secrets).await
    }

    /// An event follows the end of a process within milliseconds, once the engine has cleaned up.
    fn report_lag(&self) -> Duration {
        Duration::from_millis(100)
    }

    async fn watch(&self, environment: &str) -> Result<BoxStream<'static, EngineEvent>, EngineError> {
        watch::watch(self, environment).await
    }

    async fn observe(&self, environment: &str) -> Result<Option<ObservedEnvironment>, EngineError> {
        observe::one(self, environment).await
    }

    async fn list(&self) -> Result<Vec<ObservedEnvironment>, EngineError> {
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

    async fn follow_log(&self, environment: &str, unit: &str) -> Result<BoxStream<'static, LogEvent>, EngineError> {
        log_follower::follow(self, environment, unit).await
    }

    async fn running_containers(&self, environment: &str) -> Result<Vec<RunningContainer>, EngineError> {
        observe::running(self, environment).await
    }

    async fn remove(&self, environment: &str, scope: RemovalScope) -> Result<Vec<Residual>, EngineError> {
        remove::remove(self, environment, scope).await
    }
}
