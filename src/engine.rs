//! The one trait: where environments run. An engine executes and observes; it never decides policy.
//!
//! `local` speaks to any Docker-compatible socket, `kubernetes` to a cluster; `fake` is for tests of everything above.

use std::collections::BTreeMap;

use async_trait::async_trait;
use futures::stream::BoxStream;

use crate::agent::AgentLink;
use crate::lease::{Lease, RetentionChange, RetentionUpdate};
use crate::model::ImageFact;
use crate::plan::{Position, SuitePlan};
use crate::secrets::Secrets;

pub mod error;
#[cfg(any(test, feature = "testing"))]
pub mod fake;
pub mod kubernetes;
pub mod local;
pub mod model;
mod words;

pub use error::{EngineError, Leftover};
pub use model::*;

/// Hears the lines of a suite's log while it runs.
pub type OnLine<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// Progress of an image pull, for the screen.
pub type OnProgress<'a> = &'a (dyn Fn(&str, &str) + Send + Sync);

/// Where environments run.
#[async_trait]
pub trait Engine: Send + Sync {
    /// Which engine this is.
    fn kind(&self) -> EngineKind;

    /// Product, version and endpoint, as known since it was reached; `cannot` is left empty.
    fn info(&self) -> EngineInfo;

    /// What it is known not to enforce, in sentences. Some engines take long to tell, so only reports ask.
    async fn gaps(&self) -> Result<Vec<String>, EngineError>;

    /// Finds every image, pulling what is missing; the error names all that cannot be had. Creates nothing else.
    async fn images(
        &self,
        references: &[String],
        progress: OnProgress<'_>,
    ) -> Result<BTreeMap<String, ImageFact>, EngineError>;

    /// `host:port` of the engine's own infrastructure, which no environment may reach and which a neighbour does.
    async fn off_limits(&self, _environment: &str) -> Result<Vec<String>, EngineError> {
        Ok(vec![])
    }

    /// Takes the environment for `lease.run`, unless a newer run has it.
    async fn claim(&self, lease: &Lease, older: Older) -> Result<Claim, EngineError>;

    /// The present owner.
    async fn lease(&self, environment: &str) -> Result<Option<Lease>, EngineError>;

    /// Changes the retention of an environment while this run has it; writes nothing when they are so already.
    async fn amend(
        &self,
        environment: &str,
        run: crate::model::RunId,
        change: &RetentionChange,
    ) -> Result<RetentionUpdate, EngineError>;

    /// Makes everything that does not run: networks, volumes, secrets, containers not yet started.
    async fn prepare(&self, lease: &Lease, secrets: &Secrets) -> Result<(), EngineError>;

    /// The secrets of an environment that is up.
    async fn secrets(&self, environment: &str) -> Result<Secrets, EngineError>;

    /// Starts every copy of a unit; returns when its processes run.
    async fn start(&self, lease: &Lease, unit: &str) -> Result<(), EngineError>;

    /// Stops every copy of a unit; returns when its processes ended.
    async fn stop(&self, lease: &Lease, unit: &str) -> Result<(), EngineError>;

    /// Starts an agent at a position.
    async fn agent(&self, lease: &Lease, position: &Position) -> Result<AgentLink, EngineError>;

    /// The address of a unit's first copy, where it is known before its name leads there.
    async fn address(&self, _lease: &Lease, _unit: &str) -> Option<std::net::IpAddr> {
        None
    }

    /// A raw connection to a port of a unit's first copy, for `forward`.
    async fn dial(&self, lease: &Lease, unit: &str, port: u16) -> Result<AgentLink, EngineError>;

    /// Runs a container suite to its end or time limit, and collects its log and results in any case. Where the engine
    /// can, the log is also told while it is written.
    async fn run_suite(
        &self,
        lease: &Lease,
        suite: &SuitePlan,
        secrets: &Secrets,
        on_line: OnLine<'_>,
    ) -> Result<SuiteExit, EngineError>;

    /// What happens to the environment from now on.
    async fn watch(&self, environment: &str) -> Result<BoxStream<'static, EngineEvent>, EngineError>;

    /// One environment, none if nothing of that name exists.
    async fn observe(&self, environment: &str) -> Result<Option<Observed>, EngineError>;

    /// All environments of this engine, remnants included.
    async fn list(&self) -> Result<Vec<Observed>, EngineError>;

    /// The log of one unit, or of all: the last `tail` lines (all if none), then new ones while `follow`.
    async fn logs(
        &self,
        environment: &str,
        unit: Option<&str>,
        tail: Option<usize>,
        follow: bool,
    ) -> Result<BoxStream<'static, Result<LogLine, EngineError>>, EngineError>;

    /// What runs, for the report and the security checks.
    async fn running(&self, environment: &str) -> Result<Vec<Running>, EngineError>;

    /// What the engine itself keeps about an environment, by file name: object states and events, without secrets.
    async fn traces(&self, _environment: &str) -> Result<BTreeMap<String, Vec<u8>>, EngineError> {
        Ok(BTreeMap::new())
    }

    /// The name under which the engine knows whoever uses it, where it knows one.
    async fn account(&self) -> Option<String> {
        None
    }

    /// Says to whoever asked for the environment, where that is an object of the engine, that it was removed and why.
    async fn notify_requester(&self, _lease: &Lease, _why: &str) -> Result<(), EngineError> {
        Ok(())
    }

    /// Removes what is left of an environment that nobody has, and nothing as soon as somebody has it.
    async fn remove_remnants(&self, environment: &str) -> Result<Vec<Residual>, EngineError>;

    /// Removes the environment, or only what belongs to one run of it. Carries on past errors; returns what is left.
    async fn remove(&self, environment: &str, run: Option<crate::model::RunId>) -> Result<Vec<Residual>, EngineError>;
}
