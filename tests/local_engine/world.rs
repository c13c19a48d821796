//! Small environments of a Debian image on a real engine. Each is removed when its test ends, also after a failure.

use std::collections::BTreeMap;
use std::time::Duration;

use dayfly::agent::client::AgentClient;
use dayfly::agent::protocol::{AgentContext, AgentRequest, AgentResponse};
use dayfly::engine::local::{LocalEngine, Options, SocketVariables};
use dayfly::engine::{Engine, EngineError, RemovalScope, ReplacePolicy};
use dayfly::lease::Lease;
use dayfly::plan::{Confinement, ContainerSuite, Limits, Plan, Position, SuiteExecutor, SuitePlan, Unit};
use dayfly::secrets::Secrets;
use dayfly::spec::model::VerdictSource;
use dayfly::testing::{self, Requirement};

pub const IMAGE: &str = "localhost/dayfly/base:1";
/// Time limit of every wait.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub fn options() -> Options {
    let variables = std::env::vars().collect();
    Options {
        socket_variables: SocketVariables::from_variables(&variables),
        executable: env!("CARGO_BIN_EXE_dayfly").into(),
        registry_mirror: None,
    }
}

/// Returns the engine; none if there is none and the test may be skipped.
pub async fn engine() -> Option<LocalEngine> {
    let engine = match LocalEngine::connect(options()).await {
        Ok(engine) => engine,
        Err(e) => {
            testing::skip(Requirement::Engine, &format!("failed to {e}"));
            return None;
        }
    };
    engine
        .resolve_images(&[IMAGE.to_owned()], &|_, _| ())
        .await
        .expect("these tests need an image localhost/dayfly/base:1");
    Some(engine)
}

/// Returns a unit that runs a shell script as user 1000.
pub fn unit(name: &str, script: &str) -> Unit {
    Unit {
        image: IMAGE.into(),
        port: None,
        command: vec!["sh".into(), "-c".into(), script.into()],
        within_ms: 10_000,
        limits: Limits { memory: 64 << 20, cpu_millis: 500, pids: 32 },
        confinement: Confinement { user: Some("1000:1000".into()), ..Confinement::default() },
        ..testing::unit(name)
    }
}

/// A script that runs until it is stopped, and stops at once.
pub fn idle(name: &str, callers: &[&str]) -> Unit {
    Unit {
        callers: callers.iter().map(|c| (*c).into()).collect(),
        ..unit(name, "trap 'exit 0' TERM; sleep infinity & wait")
    }
}

/// Returns a suite that runs a shell script as user 1000.
pub fn suite(name: &str, script: &str, timeout_ms: u64) -> SuitePlan {
    SuitePlan {
        left_out: false,
        files: BTreeMap::new(),
        timeout_ms,
        executor: SuiteExecutor::Container(Box::new(ContainerSuite {
            image: IMAGE.into(),
            command: vec!["sh".into(), "-c".into(), script.into()],
            args: vec![],
            working_dir: None,
            env: BTreeMap::from([("GREETING".to_owned(), "hello there".to_owned())]),
            secret_env: BTreeMap::new(),
            results: "/results".into(),
            verdict: VerdictSource::ExitCode,
            fail_on: Default::default(),
            limits: Limits { memory: 64 << 20, cpu_millis: 1000, pids: 32 },
            confinement: Confinement { user: Some("1000:1000".into()), ..Confinement::default() },
        })),
        ..testing::suite(name, vec![])
    }
}

/// An environment that is removed when dropped.
pub struct World {
    pub engine: LocalEngine,
    pub lease: Lease,
}

impl World {
    /// Creates a lease with a unique name.
    pub async fn of(name: &str, units: Vec<Unit>, suites: Vec<SuitePlan>) -> Option<Self> {
        let engine = engine().await?;
        let id = uuid::Uuid::now_v7().simple().to_string();
        let plan = Plan {
            environment: format!("dayflytest-{name}-{}-pr-1", &id[26..]),
            description: format!("dayflytest-{name}"),
            suites: suites.into_iter().map(|s| (s.name.clone(), s)).collect(),
            ..testing::plan(units)
        };
        Some(Self { engine, lease: lease(plan) })
    }

    /// Creates an environment, and starts every unit.
    pub async fn up(name: &str, units: Vec<Unit>, suites: Vec<SuitePlan>, secrets: &Secrets) -> Option<Self> {
        let world = Self::of(name, units, suites).await?;
        world.engine.claim(&world.lease, ReplacePolicy::Recreate.into()).await.expect("claim");
        world.engine.prepare(&world.lease, secrets).await.expect("prepare");
        for unit in &world.lease.plan.units {
            world.engine.start(&world.lease, &unit.name).await.expect("start");
        }
        Some(world)
    }

    pub fn environment(&self) -> &str {
        &self.lease.environment
    }

    pub async fn agent(&self, position: Position) -> AgentClient {
        let link = self.engine.start_agent(&self.lease, &position).await.unwrap_or_else(|e| panic!("failed to {e}"));
        AgentClient::connect(link, hello())
    }

    /// Returns all log lines of a unit after its process has ended.
    pub async fn said(&self, unit: &str) -> String {
        use futures::StreamExt;
        self.until(|| async {
            let observed = self.engine.observe(self.environment()).await.unwrap().unwrap();
            matches!(observed.units[unit], dayfly::engine::UnitState::Exited { .. })
        })
        .await;
        let lines = self.engine.logs(self.environment(), Some(unit), None, false).await.unwrap();
        lines.map(|l| l.unwrap().text).collect::<Vec<_>>().await.join("\n")
    }

    pub async fn until<F: Future<Output = bool>>(&self, condition: impl Fn() -> F) {
        until(condition).await;
    }

    /// Removes the environment; fails if anything is left.
    pub async fn remove(self) {
        let left = self.engine.remove(self.environment(), RemovalScope::All).await.unwrap();
        assert_eq!(left, []);
        assert_eq!(self.engine.observe(self.environment()).await.unwrap(), None);
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let (engine, environment) = (self.engine.clone(), self.lease.environment.clone());
        let done = std::thread::spawn(move || {
            tokio::runtime::Runtime::new()
                .unwrap()
                .block_on(async { engine.remove(&environment, RemovalScope::All).await })
        });
        if let Ok(Err(e)) = done.join() {
            eprintln!("failed to {e}");
        }
    }
}

/// Polls until the condition holds; fails after `PATIENCE`.
pub async fn until<F: Future<Output = bool>>(condition: impl Fn() -> F) {
    let waiting = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("the condition never held");
}

pub fn hello() -> AgentContext {
    AgentContext {
        ca: String::new(),
        broker: None,
        databases: BTreeMap::new(),
        backing: BTreeMap::new(),
        secrets: BTreeMap::new(),
    }
}

pub fn lease(plan: Plan) -> Lease {
    let created = jiff::Timestamp::now();
    let expires = created + jiff::SignedDuration::from_mins(10);
    Lease { run: dayfly::model::RunId::now(), created, expires, ..testing::lease(plan) }
}

/// Returns the addresses that accept a connection from the agent.
pub async fn reach(agent: &AgentClient, addresses: &[String]) -> Vec<String> {
    let ask = AgentRequest::Reach { addresses: addresses.to_vec(), timeout_ms: 1000 };
    match answer(agent, ask).await {
        AgentResponse::Reached { reached, .. } => reached,
        other => panic!("{other:?}"),
    }
}

/// Starts a listener at an agent; returns its `address:port`s.
pub async fn listen(agent: &AgentClient, port: u16) -> Vec<String> {
    match answer(agent, AgentRequest::Listen { port }).await {
        AgentResponse::Listening { addresses, .. } => {
            addresses.iter().filter(|a| !a.starts_with("127.") && *a != "::1").map(|a| format!("{a}:{port}")).collect()
        }
        other => panic!("{other:?}"),
    }
}

async fn answer(agent: &AgentClient, ask: AgentRequest) -> AgentResponse {
    tokio::time::timeout(PATIENCE, agent.ask(ask))
        .await
        .expect("no answer in time")
        .unwrap_or_else(|e| panic!("failed to {e}"))
}

/// Returns the message of a failure.
pub fn words<T>(result: Result<T, EngineError>) -> String {
    match result {
        Ok(_) => panic!("it should have failed"),
        Err(e) => e.to_string(),
    }
}

/// Returns true if the engine reports OOM kills; podman with cgroup v1 gives only the exit code.
pub async fn tells_of_memory(engine: &LocalEngine) -> bool {
    !engine.gaps().await.unwrap().iter().any(|gap| gap.contains("OOM-killed"))
}
