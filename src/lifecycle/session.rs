//! An environment that is up (or coming up): its engine, lease, secrets and agents.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::sync::{Mutex, OnceCell};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::ledger::Ledger;
use super::logbook::Logbook;
use super::usage::InUse;
use super::{Journal, RunEvent, causes};
use crate::agent::client::AgentClient;
use crate::agent::protocol::AgentContext;
use crate::engine::{Engine, EngineError, EngineEvent, RunningContainer, UnitState};
use crate::lease::Lease;
use crate::plan::{Position, UnitKind};
use crate::render::labels;
use crate::report::facts::Cause;
use crate::secrets::Secrets;

/// Time that an environment may have no owner while another run takes it over.
const TAKEOVER: Duration = Duration::from_secs(2);

/// Time limit to read the log of an ended process to its end.
const LOG_END_LIMIT: Duration = Duration::from_secs(20);

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
    /// What its units have logged.
    pub logbook: Logbook,
    followers: Arc<Mutex<BTreeMap<String, AbortOnDropHandle<()>>>>,
    agents: Arc<Mutex<BTreeMap<Position, Arc<OnceCell<AgentClient>>>>>,
    /// The ends of its units.
    pub(super) ledger: Ledger,
    /// The processes of all copies when the suites began, or the environment was up.
    processes: Arc<std::sync::Mutex<BTreeMap<String, String>>>,
    /// The events of the environment, from the first call of `next_event` on.
    events: Arc<Mutex<Option<BoxStream<'static, EngineEvent>>>>,
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
        let logbook = Logbook::new(journal.redactor());
        let (agents, ledger, processes, events, followers) = Default::default();
        Self {
            engine,
            lease,
            secrets,
            journal,
            stop,
            logbook,
            followers,
            agents,
            ledger,
            processes,
            events,
            _in_use: in_use,
        }
    }

    /// Follows the log of a unit that has been started, unless it is followed already.
    pub(super) async fn follow_log(&self, unit: &str) {
        let mut followers = self.followers.lock().await;
        if followers.get(unit).is_none_or(AbortOnDropHandle::is_finished) {
            let following =
                self.logbook.clone().follow(self.engine.clone(), self.lease.environment.clone(), unit.to_owned());
            followers.insert(unit.to_owned(), AbortOnDropHandle::new(tokio::spawn(following)));
        }
    }

    /// Follows the log of a unit no more whose process has ended and whose container goes, once it was read to its end.
    pub(super) async fn unfollow_log(&self, unit: &str) {
        if !self.followers.lock().await.contains_key(unit) {
            return;
        }
        let last = self.engine.logs(&self.lease.environment, Some(unit), Some(1), false).await;
        let last: Vec<_> = match last {
            Ok(lines) => lines.filter_map(|line| async move { line.ok() }).collect().await,
            Err(_) => vec![],
        };
        if !self.logbook.reaches(&last, LOG_END_LIMIT).await {
            self.logbook.note_gap(unit, "its container was replaced before its log was read to the end");
        }
        self.followers.lock().await.remove(unit);
    }

    /// Follows the logs of all units that run from the beginning, as when another process has started them.
    pub async fn follow_logs(&self) {
        for unit in self.lease.plan.units.iter().filter(|u| !u.start_late) {
            self.follow_log(&unit.name).await;
        }
    }

    /// Returns the agent at a position, started at the first call; concurrent callers share it. One that was lost is replaced,
    /// but not one that was interfered with.
    pub async fn agent(&self, position: &Position) -> Result<AgentClient, EngineError> {
        let cell = {
            let mut agents = self.agents.lock().await;
            let cell = agents.entry(position.clone()).or_default();
            if cell.get().is_some_and(|agent| agent.is_lost() && !agent.interfered()) {
                *cell = Arc::default();
            }
            cell.clone()
        };
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

    /// Returns the next event of the environment. The first call begins to watch it.
    pub(super) async fn next_event(&self) -> Result<EngineEvent, Cause> {
        let mut events = self.events.lock().await;
        if events.is_none() {
            let watch = self.engine.watch(&self.lease.environment).await;
            *events = Some(watch.map_err(|e| causes::from_engine_error(&e))?);
        }
        let Some(stream) = events.as_mut() else { return Err(causes::watch_ended()) };
        stream.next().await.ok_or_else(causes::watch_ended)
    }

    /// Watches the environment while suites run; returns the cause when we lose it. Records units that end unasked.
    pub async fn ownership_lost(&self) -> Cause {
        // The watch does not report earlier changes.
        if let Err(cause) = self.check_ownership().await {
            return cause;
        }
        loop {
            match self.next_event().await {
                Ok(event) => {
                    if let Err(cause) = self.handle(event).await {
                        return cause;
                    }
                }
                Err(cause) => return cause,
            }
        }
    }

    /// Remembers the processes of all units, to be compared with those at the end.
    pub(super) fn remember_processes(&self, running: &[RunningContainer]) {
        let mut known = self.processes.lock().unwrap_or_else(PoisonError::into_inner);
        self.ledger.begin();
        *known = running.iter().map(|c| (c.unit.clone(), c.process.clone())).collect();
    }

    async fn running_containers(&self) -> Result<Vec<RunningContainer>, Cause> {
        let running = self.engine.running_containers(&self.lease.environment).await;
        running.map_err(|e| causes::from_engine_error(&e))
    }

    /// Remembers the processes of an environment that another command brought up.
    pub async fn begin_suites(&self) -> Result<(), Cause> {
        let unknown = self.processes.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        if unknown {
            self.remember_processes(&self.running_containers().await?);
        }
        Ok(())
    }

    /// Records the units whose ends are reported only now, or never: an engine's events may be late on a busy machine.
    pub async fn record_late_ends(&self) -> Result<(), Cause> {
        let until = tokio::time::Instant::now() + self.engine.report_lag();
        while let Ok(event) = tokio::time::timeout_at(until, self.next_event()).await {
            self.handle(event?).await?;
        }
        let observed = self.engine.observe(&self.lease.environment).await.map_err(|e| causes::from_engine_error(&e))?;
        for (unit, state) in observed.map(|o| o.units).unwrap_or_default() {
            if let UnitState::Exited { code, oom_killed } = state
                && !self.ledger.knows(&unit)
            {
                self.handle(EngineEvent::Exited { copy: unit.clone(), unit, code, oom_killed }).await?;
            }
        }
        let running = self.running_containers().await?;
        for event in self.replaced(&running) {
            self.handle(event).await?;
        }
        Ok(())
    }

    /// The copies whose process is another one than at the beginning, although nothing was reported.
    fn replaced(&self, running: &[RunningContainer]) -> Vec<EngineEvent> {
        let known = self.processes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut replaced = vec![];
        let lasting = self.lease.plan.units.iter().filter(|u| u.kind != UnitKind::Job);
        for unit in lasting.filter(|u| !self.ledger.has_changed(&u.name)) {
            for copy in (1..=unit.replicas.max(1)).map(|copy| labels::copy_name(&unit.name, copy)) {
                let Some(before) = known.get(&copy).filter(|process| !process.is_empty()) else { continue };
                let why = match running.iter().find(|c| c.unit == copy) {
                    Some(now) if now.process == *before => continue,
                    Some(_) => "it was started again from outside",
                    None => "it is gone",
                };
                replaced.push(EngineEvent::Gone { unit: unit.name.clone(), copy, why: why.into() });
            }
        }
        replaced
    }

    /// Returns true for the name of a job.
    pub(super) fn is_job(&self, unit: &str) -> bool {
        self.lease.plan.unit(unit).is_some_and(|u| u.kind == UnitKind::Job)
    }

    async fn handle(&self, event: EngineEvent) -> Result<(), Cause> {
        let unasked = self.ledger.note(&event);
        match event {
            // A job ends by itself.
            EngineEvent::Exited { unit, .. } | EngineEvent::Gone { unit, .. } if self.is_job(&unit) => {}
            EngineEvent::LeaseChanged => return self.check_ownership().await,
            EngineEvent::Exited { unit, code, oom_killed, .. } if unasked => {
                self.journal.record(RunEvent::UnitEnded { unit, code, oom_killed });
            }
            EngineEvent::Gone { unit, why, .. } if unasked => self.journal.record(RunEvent::UnitGone { unit, why }),
            EngineEvent::Exited { .. } | EngineEvent::Gone { .. } | EngineEvent::WaitsForRoom { .. } => {}
        }
        Ok(())
    }
}
