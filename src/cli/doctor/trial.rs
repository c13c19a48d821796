//! A trial environment of dayfly's own image: a service, its one caller, and a stranger. Tries everything that suites rely
//! on, and is always removed.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use futures::StreamExt;
use tokio_util::sync::CancellationToken;

use super::check::Check;
use crate::agent::protocol::{AgentRequest, AgentResponse};
use crate::cli::request;
use crate::engine::kubernetes::KubernetesEngine;
use crate::engine::{Engine, EngineError, EngineKind, RemovalScope, ReplacePolicy};
use crate::lifecycle::session::Session;
use crate::lifecycle::{Journal, facts};
use crate::model::Verdict;
use crate::plan::{Confinement, Limits, Plan, Position, Unit, UnitKind};
use crate::report::facts::{Change, Runner};
use crate::secrets::Secrets;
use crate::spec::model::{Action, Confined, NoWayOut};
use crate::suite::host_steps;

/// Port of the service.
const PORT: u16 = 8080;
const LIMITS: Limits = Limits { memory: 64 << 20, cpu_millis: 500, pids: 64 };

/// Starts the environment, tries it and removes it. On a cluster, also checks which traffic it lets in.
pub async fn run(engine: Arc<dyn Engine>, image: &str, cluster: Option<&KubernetesEngine>) -> Vec<Check> {
    let lease = match request::new_lease(plan(image), "") {
        Ok(lease) => lease,
        Err(e) => return vec![Check::failed("containers start", format!("{e:#}"), "check this host's clock")],
    };
    let facts = facts::initial(&lease, Path::new(""), Change::default(), Runner::default(), engine.kind());
    let journal = Journal::new(facts, None, Box::new(|_| ()));
    let session = Session::new(engine, lease, Secrets::default(), journal, CancellationToken::new());
    let mut checks = vec![];
    let began = Instant::now();
    match bring_up(&session).await {
        Ok(()) => {
            checks.push(Check::passed(
                "containers start",
                format!("3 created and started in {:.1} s", began.elapsed().as_secs_f64()),
            ));
            if let Some(cluster) = cluster {
                checks.push(pod_security(cluster, &session.lease.environment).await);
            }
            checks.extend(try_out(&session).await);
        }
        Err(e) => checks.push(Check::failed(
            "containers start",
            format!("failed to {e}"),
            "see the engine's message above; `podman run` or `docker run` of any image should fail in the same way",
        )),
    }
    session.release_agents().await;
    checks.push(removed(&session).await);
    checks
}

fn plan(image: &str) -> Plan {
    let id = uuid::Uuid::now_v7().simple().to_string();
    Plan {
        environment: format!("dayfly-doctor-{}", &id[24..]),
        description: "dayfly-doctor".into(),
        pr: 0,
        description_digest: String::new(),
        ttl_secs: 600,
        units: vec![unit("service", image, &["caller"]), unit("caller", image, &[]), unit("stranger", image, &[])],
        secrets: BTreeMap::new(),
        keys: BTreeMap::new(),
        broker: None,
        databases: BTreeMap::new(),
        backing: BTreeMap::new(),
        suites: BTreeMap::new(),
    }
}

fn unit(name: &str, image: &str, callers: &[&str]) -> Unit {
    Unit {
        port: Some(PORT),
        command: vec!["/dayfly".into(), "agent".into(), "rest".into()],
        callers: callers.iter().map(|c| (*c).to_owned()).collect(),
        within_ms: 10_000,
        confinement: Confinement { user: Some("65532:65532".into()), ..Confinement::default() },
        ..Unit::new(name, UnitKind::Service, image, LIMITS, 0)
    }
}

/// A pod that asks for everything must be refused.
async fn pod_security(cluster: &KubernetesEngine, environment: &str) -> Check {
    match cluster.refuses_privileged(environment).await {
        Ok(true) => Check::passed("pod security", "a privileged pod is refused in an environment"),
        Ok(false) => Check::failed(
            "pod security",
            "a privileged pod would be let into an environment",
            "enable the PodSecurity admission plugin, which every conformant cluster has",
        ),
        Err(e) => Check::failed("pod security", format!("failed to {e}"), ""),
    }
}

async fn bring_up(session: &Session) -> Result<(), EngineError> {
    session.engine.claim(&session.lease, ReplacePolicy::Recreate.into()).await?;
    session.engine.resolve_images(&session.lease.plan.images().into_iter().collect::<Vec<_>>(), &|_, _| ()).await?;
    session.engine.prepare(&session.lease, &session.secrets).await?;
    for unit in &session.lease.plan.units {
        session.engine.start(&session.lease, &unit.name).await?;
    }
    Ok(())
}

async fn try_out(session: &Session) -> Vec<Check> {
    let everyone = || NoWayOut { services: vec![] };
    let update = "update the engine; until then treat these services as able to reach what is named here";
    vec![
        names(session).await.unwrap_or_else(|why| {
            Check::failed(
                "networks and names",
                why,
                "look at the engine's log; a firewall on this host may drop what bridges carry",
            )
        }),
        step(session, "no way out", Action::NoWayOut(everyone()), update).await,
        step(session, "no neighbour", Action::NoNeighbour(everyone()), update).await,
        step(
            session,
            "confinement",
            Action::Confined(Confined { services: vec![], aspects: vec![] }),
            "check seccomp, capabilities and user namespaces of the engine",
        )
        .await,
        limits(session).await,
    ]
}

/// The same step that suites perform.
async fn step(session: &Session, what: &'static str, action: Action, todo: &str) -> Check {
    match host_steps::perform(session, &action, None).await {
        Some(done) if done.verdict == Verdict::Passed => Check::passed(what, done.saw),
        Some(done) => Check::failed(
            what,
            format!("expected {}; {}", done.failure.expected, done.failure.got),
            if done.verdict == Verdict::Failed { todo } else { "" },
        ),
        None => Check::failed(what, "unknown step", ""),
    }
}

/// Checks that the caller reaches the service by name and by address, and the stranger by neither.
async fn names(session: &Session) -> Result<Check, String> {
    let at = |unit: &str| Position::Inside(unit.to_owned());
    let addresses = match session.ask(&at("service"), AgentRequest::Listen { port: PORT }).await? {
        AgentResponse::Listening { addresses, .. } => {
            addresses.into_iter().map(|a| format!("{a}:{PORT}")).collect::<Vec<_>>()
        }
        other => return Err(format!("the service does not listen: {other:?}")),
    };
    let name = format!("service:{PORT}");
    let tried: Vec<String> = addresses.iter().cloned().chain([name.clone()]).collect();
    let by_caller = reached(session, &at("caller"), &tried).await?;
    let by_stranger = reached(session, &at("stranger"), &tried).await?;
    if !by_caller.contains(&name) || by_caller.len() < 2 {
        return Err(format!("a declared caller reaches only {by_caller:?} of {tried:?}"));
    }
    if !by_stranger.is_empty() {
        return Err(format!("a service that is no caller reaches {by_stranger:?}"));
    }
    Ok(Check::passed("networks and names", "a caller reaches its service by name and address, a stranger by neither"))
}

async fn reached(session: &Session, at: &Position, addresses: &[String]) -> Result<Vec<String>, String> {
    match session.ask(at, AgentRequest::Reach { addresses: addresses.to_vec(), timeout_ms: 1500 }).await? {
        AgentResponse::Reached { reached, .. } => Ok(reached),
        other => Err(format!("{other:?}")),
    }
}

/// Checks the limits that the service printed when it started.
async fn limits(session: &Session) -> Check {
    let todo = "delegate the cpu, memory and pids controllers to the user that runs the engine (systemd: `Delegate=yes`), or run the engine as root";
    let said = match session.engine.logs(&session.lease.environment, Some("service"), None, false).await {
        Ok(lines) => lines.filter_map(|l| async { l.ok().map(|l| l.text) }).collect::<Vec<_>>().await,
        Err(e) => return Check::failed("limits", format!("failed to {e}"), ""),
    };
    let mut wanted = vec![format!("memory={}", LIMITS.memory), format!("cpu-millis={}", LIMITS.cpu_millis)];
    let mut kinds = "memory and processors";
    // A cluster limits processes for all pods alike, if at all.
    if session.engine.kind() != EngineKind::Kubernetes {
        wanted.push(format!("pids={}", LIMITS.pids));
        kinds = "memory, processors and processes";
    }
    let lacking: Vec<_> = wanted.iter().filter(|w| !said.contains(w)).map(String::as_str).collect();
    if lacking.is_empty() {
        return Check::passed("limits", format!("{kinds} are limited as asked"));
    }
    Check::failed(
        "limits",
        format!(
            "not as asked: {}; inside: {}",
            lacking.join(", "),
            if said.is_empty() { "nothing".into() } else { said.join(", ") }
        ),
        todo,
    )
}

async fn removed(session: &Session) -> Check {
    let began = Instant::now();
    match session.engine.remove(&session.lease.environment, RemovalScope::All).await {
        Ok(left) if left.is_empty() => {
            Check::passed("removal", format!("nothing is left after {:.1} s", began.elapsed().as_secs_f64()))
        }
        Ok(left) => Check::failed(
            "removal",
            left.iter().map(|r| format!("{}: {}", r.object, r.reason)).collect::<Vec<_>>().join("\n"),
            format!("run `dayfly down {}`; restart the engine if that does not help", session.lease.environment),
        ),
        Err(e) => Check::failed(
            "removal",
            format!("failed to {e}"),
            format!("run `dayfly down {}`", session.lease.environment),
        ),
    }
}
