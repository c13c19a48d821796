//! An environment that is up (or coming up): its engine, lease, secrets and agents.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tokio::sync::{Mutex, OnceCell};
use tokio_util::sync::CancellationToken;

use super::up::{cause_of, superseded, until_ready};
use super::usage::InUse;
use super::{Journal, RunEvent};
use crate::agent::client::AgentClient;
use crate::agent::protocol::Hello;
use crate::engine::{Engine, EngineError, EngineEvent};
use crate::lease::Lease;
use crate::plan::Position;
use crate::report::facts::{Cause, CauseKind};
use crate::secrets::Secrets;

/// How long an environment may be without an owner while another run takes it.
const TAKE_OVER: Duration = Duration::from_secs(2);

/// Clones share the agents.
#[derive(Clone)]
pub struct Session {
    /// Where it runs.
    pub engine: Arc<dyn Engine>,
    /// Who we are.
    pub lease: Lease,
    /// Its secrets.
    pub secrets: Secrets,
    /// Where everything is recorded.
    pub journal: Journal,
    /// Cancelled when the run must stop.
    pub stop: CancellationToken,
    agents: Arc<Mutex<BTreeMap<Position, Arc<OnceCell<AgentClient>>>>>,
    /// Units that a suite stopped: their end is no surprise.
    stopped: Arc<Mutex<BTreeSet<String>>>,
    /// As long as there is a session, somebody uses the environment.
    _in_use: Arc<InUse>,
}

impl Session {
    /// A session without agents yet; each is started when it is first needed.
    pub fn new(
        engine: Arc<dyn Engine>,
        lease: Lease,
        secrets: Secrets,
        journal: Journal,
        stop: CancellationToken,
    ) -> Self {
        let in_use = Arc::new(InUse::begin(engine.clone(), lease.clone()));
        let (agents, stopped) = Default::default();
        Self { engine, lease, secrets, journal, stop, agents, stopped, _in_use: in_use }
    }

    /// The agent at this position, started at the first call; concurrent callers wait for the same one.
    pub async fn agent(&self, position: &Position) -> Result<AgentClient, EngineError> {
        let cell = self.agents.lock().await.entry(position.clone()).or_default().clone();
        let client = cell
            .get_or_try_init(|| async {
                let link = self.engine.agent(&self.lease, position).await?;
                Ok(AgentClient::connect(link, self.hello(position)))
            })
            .await?;
        Ok(client.clone())
    }

    /// Forgets an agent, so that the next call starts a new one.
    pub async fn forget_agent(&self, position: &Position) {
        self.agents.lock().await.remove(position);
    }

    /// Ends every agent; the environment stays.
    pub async fn release_agents(&self) {
        self.agents.lock().await.clear();
    }

    /// What an agent must know. In a service's own process namespace it holds that service's secrets only:
    /// the service could read them there.
    fn hello(&self, position: &Position) -> Hello {
        match position {
            Position::Inside(unit) => Hello::inside(&self.lease.plan, &self.secrets, unit),
            _ => Hello::of(&self.lease.plan, &self.secrets),
        }
    }

    /// Fails when a newer run has the environment, or when it is gone.
    pub async fn still_ours(&self) -> Result<(), Cause> {
        match self.owner().await? {
            Some(l) if l.run == self.lease.run => Ok(()),
            Some(l) => Err(superseded(l.run, &l.commit)),
            None => Err(Cause {
                kind: CauseKind::Superseded,
                text: "the environment was removed by someone else while the run was under way".into(),
            }),
        }
    }

    /// The present owner. A newer run takes an environment by removing the older claim and making its own: for that
    /// moment there is none, so none is believed only when it stays so.
    async fn owner(&self) -> Result<Option<Lease>, Cause> {
        let given_up = tokio::time::Instant::now() + TAKE_OVER;
        loop {
            let owner = self.engine.lease(&self.lease.environment).await.map_err(|e| cause_of(&e))?;
            if owner.is_some() || tokio::time::Instant::now() > given_up {
                return Ok(owner);
            }
            tokio::time::sleep(TAKE_OVER / 40).await;
        }
    }

    /// Watches over the environment while suites run: ends, with the cause, when it is no longer ours. A unit that
    /// ends although nobody stopped it is noted.
    pub async fn overtaken(&self) -> Cause {
        let mut happened = match self.engine.watch(&self.lease.environment).await {
            Ok(happened) => happened,
            Err(e) => return cause_of(&e),
        };
        // Whatever happened before the watch began is not told by it.
        loop {
            if let Err(cause) = self.still_ours().await {
                return cause;
            }
            loop {
                match happened.next().await {
                    Some(EngineEvent::LeaseChanged) => break,
                    Some(EngineEvent::Exited { unit, code, oom_killed }) => self.ended(unit, code, oom_killed).await,
                    // Without a watch, the checks between suites remain.
                    None => std::future::pending().await,
                }
            }
        }
    }

    async fn ended(&self, unit: String, code: i64, oom_killed: bool) {
        if !self.stopped.lock().await.contains(&unit) {
            self.journal.note(RunEvent::UnitEnded { unit, code, oom_killed });
        }
    }

    /// Stops a unit on a suite's behalf.
    pub async fn stop_unit(&self, unit: &str) -> Result<(), String> {
        self.stopped.lock().await.insert(unit.to_owned());
        self.forget_agent(&Position::Inside(unit.to_owned())).await;
        self.engine.stop(&self.lease, unit).await.map_err(|e| format!("failed to {e}"))?;
        self.journal.note(RunEvent::UnitStopped { unit: unit.to_owned() });
        Ok(())
    }

    /// Starts a unit on a suite's behalf and waits until it is ready; returns the milliseconds it took.
    pub async fn start_unit(&self, unit: &str) -> Result<u64, String> {
        let began = std::time::Instant::now();
        let planned = self.lease.plan.unit(unit).ok_or_else(|| format!("there is no service {unit}"))?;
        self.forget_agent(&Position::Inside(unit.to_owned())).await;
        self.journal.note(RunEvent::UnitStarting { unit: unit.to_owned() });
        self.engine.start(&self.lease, unit).await.map_err(|e| format!("failed to {e}"))?;
        self.stopped.lock().await.remove(unit);
        until_ready(self, planned).await?;
        let took_ms = super::up::millis(began);
        self.journal.note(RunEvent::UnitReady { unit: unit.to_owned(), took_ms });
        Ok(took_ms)
    }
}
