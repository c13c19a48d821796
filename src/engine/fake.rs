//! A fake engine, for tests of the layers above engines. Its results are never signed.
//!
//! Its agents are real ones, over pipes in this process; its containers are entries in a table.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::io::AsyncReadExt;
use tokio::sync::broadcast;
use tokio::time::Instant;

use super::{
    AttachedCommand, Claim, ClaimPolicy, Comparison, Engine, EngineError, EngineEvent, EngineInfo, EngineKind,
    Execution, Leftover, LogEvent, LogLine, ObservedEnvironment, OnLine, OnProgress, RemovalScope, Residual,
    RunningContainer, SuiteExit, TerminalSize, UnitState,
};
use crate::agent::AgentLink;
use crate::lease::{Inherited, Lease, Retention, RetentionChange, RetentionUpdate, TakenOver};
use crate::model::ImageFact;
use crate::plan::changes::{Fate, Fates};
use crate::plan::{Position, SuitePlan, Unit};
use crate::secrets::Secrets;

mod stage;

pub use stage::Stage;

/// Size of a pipe to an agent, in bytes.
const PIPE: usize = 1 << 16;

/// The failures to simulate.
#[derive(Debug, Clone, Default)]
pub struct Script {
    /// Images that do not exist.
    pub missing_images: Vec<String>,
    /// Units whose start the engine refuses, with the reason.
    pub refused: BTreeMap<String, String>,
    /// Units that end with this code as soon as they are started.
    pub exits: BTreeMap<String, i64>,
    /// Units that never become ready.
    pub hangs: BTreeSet<String>,
    /// Objects that a removal leaves.
    pub residual: Vec<Residual>,
    /// Results of container suites, by name.
    pub suites: BTreeMap<String, SuiteExit>,
    /// Text that a unit writes into the stream of the agent inside it.
    pub forged: BTreeMap<String, String>,
    /// What the logs of units give while they are followed.
    pub logs: BTreeMap<String, Vec<LogEvent>>,
    /// What commands in a unit do, or in which words the connection breaks.
    pub executions: BTreeMap<String, Result<Execution, String>>,
    /// The number of agents at a position that never answer, before one does.
    pub silent: BTreeMap<Position, usize>,
    /// The engine is away all the time, in these words.
    pub outage: Option<String>,
    /// The folder with the cues of another process.
    pub stage: Option<Stage>,
}

/// The engine.
pub struct FakeEngine {
    script: Script,
    state: Mutex<State>,
    events: broadcast::Sender<EngineEvent>,
}

#[derive(Default)]
struct State {
    lease: Option<Lease>,
    retention: Option<Retention>,
    units: BTreeMap<String, UnitState>,
    secrets: Secrets,
    done: Vec<String>,
    /// Agents that were started, by position.
    agents: BTreeMap<Position, usize>,
}

impl FakeEngine {
    /// Creates an empty engine.
    pub fn new(script: Script) -> Self {
        Self { script, state: Mutex::default(), events: broadcast::channel(64).0 }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns all changing operations, in order.
    pub fn done(&self) -> Vec<String> {
        self.state().done.clone()
    }

    /// Returns the number of agents that were started at a position.
    pub fn agents(&self, position: &Position) -> usize {
        self.state().agents.get(position).copied().unwrap_or_default()
    }

    /// Lets another run take over the environment.
    pub fn take_over(&self, lease: Lease) {
        let mut state = self.state();
        state.retention = Some(Retention::from_lease(&lease));
        state.lease = Some(lease);
        // Without a watcher, nobody needs the event.
        let _ = self.events.send(EngineEvent::LeaseChanged);
    }

    /// Ends the process of a unit.
    pub fn end(&self, unit: &str, code: i64) {
        self.state().units.insert(unit.into(), UnitState::Exited { code, oom_killed: false });
        self.report_end(unit, code);
    }

    fn report_end(&self, unit: &str, code: i64) {
        // Without a watcher, nobody needs the event.
        let _ = self.events.send(EngineEvent::Exited { unit: unit.into(), copy: unit.into(), code, oom_killed: false });
    }

    /// Waits for the cue of an operation, if there is one.
    async fn cue(&self, operation: &str) -> Option<i64> {
        match &self.script.stage {
            Some(stage) => stage.cue(operation).await,
            None => None,
        }
    }

    fn observed(&self) -> Option<ObservedEnvironment> {
        let state = self.state();
        let lease = state.lease.clone()?;
        Some(ObservedEnvironment {
            environment: lease.environment.clone(),
            lease: Some(lease),
            retention: state.retention.clone(),
            unreadable_lease: false,
            units: state.units.clone(),
            objects: vec![],
            terminating: false,
        })
    }
}

#[async_trait]
impl Engine for FakeEngine {
    fn kind(&self) -> EngineKind {
        EngineKind::Fake
    }

    fn info(&self) -> EngineInfo {
        EngineInfo { product: "fake".into(), version: "0".into(), endpoint: "memory".into(), gaps: vec![] }
    }

    async fn gaps(&self) -> Result<Vec<String>, EngineError> {
        Ok(vec!["It does not run anything.".into()])
    }

    fn outage_since(&self, _: Instant) -> Option<String> {
        self.script.outage.clone()
    }

    async fn resolve_images(
        &self,
        references: &[String],
        _: OnProgress<'_>,
    ) -> Result<BTreeMap<String, ImageFact>, EngineError> {
        let missing: Vec<_> = references
            .iter()
            .filter(|r| self.script.missing_images.contains(r))
            .map(|r| (r.clone(), "it does not exist".to_owned()))
            .collect();
        if !missing.is_empty() {
            return Err(EngineError::Images(missing));
        }
        let fact = |r: &String| ImageFact {
            reference: r.clone(),
            digest: format!("sha256:{}", "1".repeat(64)),
            platform: "linux/amd64".into(),
            user: Some("1000".into()),
            built_from: None,
        };
        Ok(references.iter().map(|r| (r.clone(), fact(r))).collect())
    }

    async fn claim(&self, lease: &Lease, policy: ClaimPolicy) -> Result<Claim, EngineError> {
        let mut state = self.state();
        let other = state.lease.as_ref().filter(|found| !lease.has_same_owner(found.owner.as_ref()));
        if let Some(other) = other {
            let held = state.retention.as_ref().and_then(Retention::kept).filter(|_| policy.take_over);
            if !policy.take_over || held.is_some() {
                let owner = other.owner.clone().map(Box::new);
                return Ok(Claim::OwnedByOther { run: Some(other.run), owner, held: held.map(str::to_owned) });
            }
        }
        let taken_over = other.map(|l| Box::new(TakenOver { run_id: Some(l.run), owner: l.owner.clone() }));
        let replaced = match &state.lease {
            Some(other) if other.run > lease.run => {
                return Ok(Claim::HeldByNewer { run: other.run, commit: other.commit.clone() });
            }
            other => other.as_ref().map(|l| l.run),
        };
        if policy.compared.is_some() && policy.compared != replaced {
            return Ok(Claim::ChangedMeanwhile);
        }
        state.done.push("claim".into());
        state.retention = Some(Retention::from_lease(lease));
        state.lease = Some(lease.clone());
        Ok(Claim::Acquired { replaced, taken_over })
    }

    async fn compare(&self, before: &Lease, lease: &Lease, _: &Secrets) -> Result<Comparison, EngineError> {
        // It compares descriptions, as there is nothing else.
        let plan = &lease.plan;
        let fate = |unit: &Unit| match before.plan.unit(&unit.name) {
            None => Fate::Missing,
            Some(old) if old == unit => Fate::Stays,
            Some(_) => Fate::Differs,
        };
        let mut fates: Fates = plan.units.iter().map(|u| (u.name.clone(), fate(u))).collect();
        let gone = before.plan.units.iter().filter(|u| plan.unit(&u.name).is_none());
        fates.extend(gone.map(|u| (u.name.clone(), Fate::Differs)));
        Ok(Comparison { fates, inherited: Inherited::default() })
    }

    async fn lease(&self, _: &str) -> Result<Option<Lease>, EngineError> {
        Ok(self.state().lease.clone())
    }

    async fn update_retention(
        &self,
        _: &str,
        run: crate::model::RunId,
        change: &RetentionChange,
    ) -> Result<RetentionUpdate, EngineError> {
        let mut state = self.state();
        let (Some(lease), Some(retention)) = (&state.lease, &state.retention) else {
            return Ok(RetentionUpdate::NotFound);
        };
        if lease.run != run {
            return Ok(RetentionUpdate::OwnedBy(lease.run));
        }
        let now = if retention.is_changed_by(change) { retention.clone().with(change) } else { retention.clone() };
        state.retention = Some(now.clone());
        Ok(RetentionUpdate::Current(now))
    }

    async fn prepare(&self, lease: &Lease, secrets: &Secrets) -> Result<(), EngineError> {
        let mut state = self.state();
        state.units = lease.plan.units.iter().map(|u| (u.name.clone(), UnitState::Created)).collect();
        state.secrets = secrets.clone();
        state.done.push("prepare".into());
        Ok(())
    }

    async fn secrets(&self, _: &str) -> Result<Secrets, EngineError> {
        Ok(self.state().secrets.clone())
    }

    async fn start(&self, _: &Lease, unit: &str) -> Result<(), EngineError> {
        self.state().done.push(format!("start {unit}"));
        if let Some(reason) = self.script.refused.get(unit) {
            return Err(EngineError::Start {
                unit: unit.into(),
                reason: reason.clone(),
                leftover: Leftover::Removable,
            });
        }
        let cued = self.cue(&format!("start {unit}")).await;
        let exits = cued.or(self.script.exits.get(unit).copied());
        let state = match exits {
            Some(code) => {
                self.report_end(unit, code);
                UnitState::Exited { code, oom_killed: false }
            }
            None => UnitState::Running,
        };
        self.state().units.insert(unit.into(), state);
        if self.script.hangs.contains(unit) || exits.is_some() {
            std::future::pending::<()>().await;
        }
        Ok(())
    }

    async fn stop(&self, _: &Lease, unit: &str) -> Result<(), EngineError> {
        let mut state = self.state();
        state.done.push(format!("stop {unit}"));
        state.units.insert(unit.into(), UnitState::Exited { code: 0, oom_killed: false });
        drop(state);
        self.report_end(unit, 0);
        Ok(())
    }

    async fn exec(
        &self,
        _: &Lease,
        unit: &str,
        command: &[String],
        _: std::time::Duration,
    ) -> Result<Execution, EngineError> {
        self.state().done.push(format!("exec {unit} {}", command.join(" ")));
        self.script.executions.get(unit).cloned().unwrap_or_else(|| Err("it breaks off".into())).map_err(|detail| {
            EngineError::Api { what: format!("run a command in {unit}"), detail, leftover: Leftover::None }
        })
    }

    async fn attach(
        &self,
        _: &Lease,
        unit: &str,
        _: &[String],
        _: Option<TerminalSize>,
    ) -> Result<AttachedCommand, EngineError> {
        Err(EngineError::Missing(unit.into()))
    }

    async fn start_agent(&self, _: &Lease, position: &Position) -> Result<AgentLink, EngineError> {
        let (ours, theirs) = tokio::io::duplex(PIPE);
        let (mut input, output) = tokio::io::split(theirs);
        let started = {
            let mut state = self.state();
            let number = state.agents.entry(position.clone()).or_default();
            *number += 1;
            *number
        };
        let is_silent = self.script.silent.get(position).is_some_and(|silent| started <= *silent);
        tokio::spawn(async move {
            if is_silent {
                tokio::io::copy(&mut input, &mut tokio::io::sink()).await.ok();
                drop(output);
            } else {
                // Tests see the end of an agent in its answers.
                crate::agent::serve(input, output).await.ok();
            }
        });
        let (output, input) = tokio::io::split(ours);
        let forged = match position {
            Position::Inside(unit) => self.script.forged.get(unit).cloned().unwrap_or_default(),
            _ => String::new(),
        };
        let output = std::io::Cursor::new(forged.into_bytes()).chain(output);
        Ok(AgentLink { input: Box::pin(input), output: Box::pin(output) })
    }

    async fn unit_address(&self, _: &Lease, _: &str) -> Option<std::net::IpAddr> {
        // Probes of a staged environment reach the test.
        self.script.stage.as_ref().map(|_| std::net::Ipv4Addr::LOCALHOST.into())
    }

    async fn port_forward(&self, _: &Lease, unit: &str, _: u16) -> Result<AgentLink, EngineError> {
        Err(EngineError::Missing(unit.into()))
    }

    async fn run_suite(
        &self,
        _: &Lease,
        suite: &SuitePlan,
        _: &Secrets,
        on_line: OnLine<'_>,
    ) -> Result<SuiteExit, EngineError> {
        self.state().done.push(format!("suite {}", suite.name));
        if let Some(log) = self.script.stage.as_ref().and_then(|stage| stage.log(&suite.name)) {
            log.lines().for_each(on_line);
            let code = self.cue(&format!("suite {}", suite.name)).await;
            let (files, lost) = (BTreeMap::new(), vec![]);
            return Ok(SuiteExit { code: code.or(Some(0)), oom_killed: false, timed_out: false, log, files, lost });
        }
        self.script.suites.get(&suite.name).cloned().ok_or_else(|| EngineError::Missing(suite.name.clone()))
    }

    fn report_lag(&self) -> std::time::Duration {
        std::time::Duration::ZERO
    }

    async fn watch(&self, _: &str) -> Result<BoxStream<'static, EngineEvent>, EngineError> {
        let events = self.events.subscribe();
        let next =
            |mut events: broadcast::Receiver<EngineEvent>| async move { events.recv().await.ok().map(|e| (e, events)) };
        Ok(futures::stream::unfold(events, next).boxed())
    }

    async fn observe(&self, _: &str) -> Result<Option<ObservedEnvironment>, EngineError> {
        Ok(self.observed())
    }

    async fn list(&self) -> Result<Vec<ObservedEnvironment>, EngineError> {
        Ok(self.observed().into_iter().collect())
    }

    async fn logs(
        &self,
        _: &str,
        unit: Option<&str>,
        _: Option<usize>,
        _: bool,
    ) -> Result<BoxStream<'static, Result<LogLine, EngineError>>, EngineError> {
        let unit = unit.unwrap_or("all");
        let log = self.script.stage.as_ref().and_then(|stage| stage.log(unit));
        let log = log.unwrap_or_else(|| "its last words".into());
        let line = |text: &str| Ok(LogLine { unit: unit.into(), text: text.into(), cut: false, at: None });
        let lines: Vec<_> = log.lines().map(line).collect();
        Ok(futures::stream::iter(lines).boxed())
    }

    async fn follow_log(&self, _: &str, unit: &str) -> Result<BoxStream<'static, LogEvent>, EngineError> {
        let events = self.script.logs.get(unit).cloned().unwrap_or_default();
        // A log stays open as long as its unit.
        Ok(futures::stream::iter(events).chain(futures::stream::pending()).boxed())
    }

    async fn running_containers(&self, _: &str) -> Result<Vec<RunningContainer>, EngineError> {
        let running = |u: &String| RunningContainer {
            unit: u.clone(),
            image_digest: format!("sha256:{}", "1".repeat(64)),
            process: String::new(),
            inspect: String::new(),
        };
        Ok(self.state().units.keys().map(running).collect())
    }

    async fn remove(&self, _: &str, scope: RemovalScope) -> Result<Vec<Residual>, EngineError> {
        if scope == RemovalScope::Remnants {
            return Ok(vec![]);
        }
        self.cue("remove").await;
        let mut state = self.state();
        state.done.push("remove".into());
        if scope == RemovalScope::All || state.lease.as_ref().map(|l| RemovalScope::Run(l.run)) == Some(scope) {
            state.lease = None;
            state.retention = None;
            state.units.clear();
        }
        Ok(self.script.residual.clone())
    }
}
