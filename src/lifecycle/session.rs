//! An environment that is up (or coming up): its engine, lease, secrets and agents.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tokio::sync::{Mutex, OnceCell};
use tokio_util::sync::CancellationToken;

use super::usage::InUse;
use super::{Journal, RunEvent, causes};
use crate::agent::client::AgentClient;
use crate::agent::protocol::AgentContext;
use crate::engine::{Engine, EngineError, EngineEvent};
use crate::lease::Lease;
use crate::plan::Position;
use crate::report::facts::Cause;
use crate::secrets::Secrets;

/// Time that an environment may have no owner while another run takes it over.
const TAKEOVER: Duration = Duration::from_secs(2);

/// An environment and the agents in it. Clones share the agents.
#[derive(Clone)]
pub struct Session {
    /// The engine it runs on.
    pub engine: Arc<dyn Engine>,
    /// Our lease.
    pub lease: Lease,
    /// Its secrets.
    pub secrets: Secrets,
    /// The journal of the run.
    pub journal: Journal,
    /// Cancelled when the run must stop.
    pub stop: CancellationToken,
    agents: Arc<Mutex<BTreeMap<Position, Arc<OnceCell<AgentClient>>>>>,
    /// Units that a suite stopped: their exit is expected.
    pub(super) stopped: Arc<Mutex<BTreeSet<String>>>,
    /// Records the environment's use as long as the session lives.
    _in_use: Arc<InUse>,
}

impl Session {
    /// Creates a session. Each agent starts when it is first needed.
    pub fn new(
        engine: Arc<dyn Engine>,
        lease: Lease,
        secrets: Secrets,
        journal: Journal,
        stop: CancellationToken,
    ) -> Self {
        let in_use = Arc::new(InUse::start(engine.clone(), lease.clone()));
        let (agents, stopped) = Default::default();
        Self { engine, lease, secrets, journal, stop, agents, stopped, _in_use: in_use }
    }

    /// Returns the agent at a position, started at the first call; concurrent callers share it.
    pub async fn agent(&self, position: &Position) -> Result<AgentClient, EngineError> {
        let cell = self.agents.lock().await.entry(position.clone()).or_default().clone();
        let client = cell
            .get_or_try_init(|| async {
                let link = self.engine.start_agent(&self.lease, position).await?;
                let context = self.agent_context(position);
                Ok(match position {
                    Position::Inside(unit) => AgentClient::connect_inside(link, context, unit),
                    _ => AgentClient::connect(link, context),
                })
            })
            .await?;
        Ok(client.clone())
    }

    /// Forgets an agent: the next call of `agent` starts a new one. One that was interfered with stays, so that nothing
    /// at its position passes any more.
    pub async fn forget_agent(&self, position: &Position) {
        let mut agents = self.agents.lock().await;
        let interfered = |cell: &Arc<OnceCell<AgentClient>>| cell.get().is_some_and(AgentClient::interfered);
        if !agents.get(position).is_some_and(interfered) {
            agents.remove(position);
        }
    }

    /// Ends every agent; the environment stays.
    pub async fn release_agents(&self) {
        self.agents.lock().await.clear();
    }

    /// Returns the agent's context. Inside a service it holds that service's secrets only, because the service could read them.
    fn agent_context(&self, position: &Position) -> AgentContext {
        match position {
            Position::Inside(unit) => AgentContext::inside(&self.lease.plan, &self.secrets, unit),
            _ => AgentContext::complete(&self.lease.plan, &self.secrets),
        }
    }

    /// Fails if a newer run owns the environment, or if it is gone.
    pub async fn check_ownership(&self) -> Result<(), Cause> {
        match self.owner().await? {
            Some(l) if l.run == self.lease.run => Ok(()),
            Some(l) => Err(causes::superseded(l.run, &l.commit)),
            None => Err(causes::environment_removed()),
        }
    }

    /// Returns the current owner. A newer run first removes the older claim and then makes its own, so "no owner" counts only
    /// after `TAKEOVER`.
    async fn owner(&self) -> Result<Option<Lease>, Cause> {
        let deadline = tokio::time::Instant::now() + TAKEOVER;
        loop {
            let owner = self.engine.lease(&self.lease.environment).await;
            let owner = owner.map_err(|e| causes::from_engine_error(&e))?;
            if owner.is_some() || tokio::time::Instant::now() > deadline {
                return Ok(owner);
            }
            tokio::time::sleep(TAKEOVER / 40).await;
        }
    }

    /// Watches the environment while suites run; returns the cause when we lose it. Records units that exit unexpectedly.
    pub async fn ownership_lost(&self) -> Cause {
        let mut events = match self.engine.watch(&self.lease.environment).await {
            Ok(events) => events,
            Err(e) => return causes::from_engine_error(&e),
        };
        // The watch does not report earlier changes.
        loop {
            if let Err(cause) = self.check_ownership().await {
                return cause;
            }
            loop {
                match events.next().await {
                    Some(EngineEvent::LeaseChanged) => break,
                    Some(EngineEvent::Exited { unit, code, oom_killed }) => {
                        self.record_exit(unit, code, oom_killed).await;
                    }
                    // Without a watch, the checks between suites remain.
                    None => std::future::pending().await,
                }
            }
        }
    }

    async fn record_exit(&self, unit: String, code: i64, oom_killed: bool) {
        if !self.stopped.lock().await.contains(&unit) {
            self.journal.record(RunEvent::UnitEnded { unit, code, oom_killed });
        }
    }
}
