//! The `Engine` trait: where environments run. An engine acts and reports; it decides no policy.
//!
//! `local` uses any Docker-compatible socket, and `kubernetes` a cluster. `fake` is for tests of the layers above.

use std::collections::BTreeMap;

use async_trait::async_trait;
use futures::stream::BoxStream;
use tokio::time::Instant;

use crate::agent::AgentLink;
use crate::lease::{Lease, RetentionChange, RetentionUpdate};
use crate::model::ImageFact;
use crate::plan::{Plan, Position, ScannedImage, SuitePlan};
use crate::secrets::Secrets;

mod attachment;
pub mod error;
pub mod execution;
#[cfg(any(test, feature = "testing"))]
pub mod fake;
mod image_archive;
pub mod kubernetes;
pub mod lines;
pub mod local;
pub mod model;
mod tail;
mod words;

pub use attachment::{AttachedCommand, OutputPiece, TerminalSize};
pub use error::{EngineError, Leftover};
pub use execution::{CommandOutput, Execution, ExecutionEnd};
pub use image_archive::{ArchiveReader, ImageArchive, Pieces};
pub use model::*;

/// Receives the lines of a suite's log while it runs.
pub type OnLine<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// Receives the progress of image pulls: the reference and its status.
pub type OnProgress<'a> = &'a (dyn Fn(&str, &str) + Send + Sync);

/// Where environments run.
#[async_trait]
pub trait Engine: Send + Sync {
    // Identity

    /// Returns the kind of engine.
    fn kind(&self) -> EngineKind;

    /// Returns product, version and endpoint without a request; `gaps` is empty.
    fn info(&self) -> EngineInfo;

    /// Returns sentences that say what the engine does not enforce. Slow on some engines, so only reports ask.
    async fn gaps(&self) -> Result<Vec<String>, EngineError>;

    /// Returns sentences that say what the engine does not enforce, or shows to others, of what this plan asks for.
    fn gaps_of(&self, _plan: &Plan) -> Vec<String> {
        vec![]
    }

    /// Returns the engine's name for the current user, if it has one.
    async fn account(&self) -> Option<String> {
        None
    }

    /// Returns true if the engine has credentials of its own for an image: who names the image then reads what they may.
    fn has_credentials(&self, _image: &str) -> bool {
        false
    }

    /// Returns `host:port` of the engine's own infrastructure, which no environment may reach but a neighbour does.
    async fn infrastructure_endpoints(&self, _environment: &str) -> Result<Vec<String>, EngineError> {
        Ok(vec![])
    }

    /// Returns what was away at this moment or later, if the engine itself or a machine under it was: what failed meanwhile
    /// proves nothing about a service.
    fn outage_since(&self, _moment: Instant) -> Option<String> {
        None
    }

    // Images

    /// Resolves every image and pulls the missing ones; the error lists all that are unavailable.
    async fn resolve_images(
        &self,
        references: &[String],
        progress: OnProgress<'_>,
    ) -> Result<BTreeMap<String, ImageFact>, EngineError>;

    // Ownership

    /// Claims the environment for `lease.run`, unless a newer run or another owner has it.
    async fn claim(&self, lease: &Lease, policy: ClaimPolicy) -> Result<Claim, EngineError>;

    /// Compares the environment of the lease `before` with what a new lease and its secrets ask for. Changes nothing.
    async fn compare(&self, before: &Lease, lease: &Lease, secrets: &Secrets) -> Result<Comparison, EngineError>;

    /// Returns the owner's lease. Cheaper than `observe`, because a run asks for it again and again.
    async fn lease(&self, environment: &str) -> Result<Option<Lease>, EngineError>;

    /// Changes the retention of an environment that `run` owns; writes nothing if it would not change.
    async fn update_retention(
        &self,
        environment: &str,
        run: crate::model::RunId,
        change: &RetentionChange,
    ) -> Result<RetentionUpdate, EngineError>;

    /// Tells the object that requested the environment, if there is one, that it was removed and why.
    async fn notify_requester(&self, _lease: &Lease, _why: &str) -> Result<(), EngineError> {
        Ok(())
    }

    // Units

    /// Creates all objects of the environment without starting any: networks, volumes, secrets, containers. In an environment
    /// that is updated, those that stay are left alone, and those that are not wanted any more are removed.
    async fn prepare(&self, lease: &Lease, secrets: &Secrets) -> Result<(), EngineError>;

    /// Returns the secrets of a prepared environment.
    async fn secrets(&self, environment: &str) -> Result<Secrets, EngineError>;

    /// Starts every copy of a unit; returns when their processes run.
    async fn start(&self, lease: &Lease, unit: &str) -> Result<(), EngineError>;

    /// Returns true if `start` puts a new container in the place of one whose process has ended: its log is gone then.
    fn replaces_ended(&self) -> bool {
        false
    }

    /// Stops every copy of a unit; returns when their processes have ended.
    async fn stop(&self, lease: &Lease, unit: &str) -> Result<(), EngineError>;

    /// Runs a command in a unit's first copy, as the unit's user, until it ends or the limit is over. The command may change
    /// the unit, so that nothing is sent twice: after an error it may have run.
    async fn exec(
        &self,
        lease: &Lease,
        unit: &str,
        command: &[String],
        limit: std::time::Duration,
    ) -> Result<Execution, EngineError>;

    /// Runs a command inside a unit's first copy, as its user and with its streams attached, at a terminal of this size if there
    /// is one. It has no time limit.
    async fn attach(
        &self,
        lease: &Lease,
        unit: &str,
        command: &[String],
        terminal: Option<TerminalSize>,
    ) -> Result<AttachedCommand, EngineError>;

    // Connections

    /// Starts an agent at a position and connects to it.
    async fn start_agent(&self, lease: &Lease, position: &Position) -> Result<AgentLink, EngineError>;

    /// Connects to a port of a unit's first copy.
    async fn port_forward(&self, lease: &Lease, unit: &str, port: u16) -> Result<AgentLink, EngineError>;

    /// Returns the address of a unit's first copy, if the engine knows it before the unit's name resolves.
    async fn unit_address(&self, _lease: &Lease, _unit: &str) -> Option<std::net::IpAddr> {
        None
    }

    // Suites

    /// Runs a container suite until it ends or times out, and collects its log and results in both cases. Engines that
    /// can follow the log pass each line to `on_line`.
    async fn run_suite(
        &self,
        lease: &Lease,
        suite: &SuitePlan,
        secrets: &Secrets,
        on_line: OnLine<'_>,
    ) -> Result<SuiteExit, EngineError>;

    /// Begins to send the archive of an image that an environment runs: the one that its units run, whatever its name means by
    /// now; for an image of container suites alone, the one that these run.
    async fn image_archive(&self, _lease: &Lease, image: &ScannedImage) -> Result<ImageArchive, EngineError> {
        Err(EngineError::Images(vec![(image.image.clone(), "this engine does not send images".into())]))
    }

    // Observation

    /// Returns the longest time after which the end of a process is reported on a machine that is not overloaded.
    fn report_lag(&self) -> std::time::Duration;

    /// Watches the environment for events from now on. Units that have ended already, and do not run again, are reported at
    /// once.
    async fn watch(&self, environment: &str) -> Result<BoxStream<'static, EngineEvent>, EngineError>;

    /// Returns one environment, or its remnants; `None` if nothing of that name exists.
    async fn observe(&self, environment: &str) -> Result<Option<ObservedEnvironment>, EngineError>;

    /// Returns all environments of this engine, including remnants.
    async fn list(&self) -> Result<Vec<ObservedEnvironment>, EngineError>;

    /// Returns the log of one unit, or of all: the last `tail` lines (all if `None`), then new ones while `follow`.
    async fn logs(
        &self,
        environment: &str,
        unit: Option<&str>,
        tail: Option<usize>,
        follow: bool,
    ) -> Result<BoxStream<'static, Result<LogLine, EngineError>>, EngineError>;

    /// Follows the logs of all copies of a unit from their first lines, over restarts; ends when their containers are gone.
    /// Lines that cannot be read are reported as gaps.
    async fn follow_log(&self, environment: &str, unit: &str) -> Result<BoxStream<'static, LogEvent>, EngineError>;

    /// Returns the containers of all units, as the engine reports them.
    async fn running_containers(&self, environment: &str) -> Result<Vec<RunningContainer>, EngineError>;

    /// Returns the engine's own files about an environment, by name: object states and events, without secrets.
    async fn diagnostics(&self, _environment: &str) -> Result<BTreeMap<String, Vec<u8>>, EngineError> {
        Ok(BTreeMap::new())
    }

    // Removal

    /// Removes the objects in `scope`. Continues after errors; returns the objects that are left.
    async fn remove(&self, environment: &str, scope: RemovalScope) -> Result<Vec<Residual>, EngineError>;
}
