//! Removes an environment: deletes its namespace, and concurrently its pods and Jobs; ends when the namespace is gone.

use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::core::v1::Namespace;
use kube::ResourceExt;
use kube::api::{DeleteParams, Preconditions};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{Config, Event};
use tokio::time::Instant;

use super::{owner, termination};
use crate::engine::kubernetes::cache::{ShortPauses, watch_with_relist};
use crate::engine::kubernetes::client::{KubernetesEngine, api};
use crate::engine::kubernetes::explain;
use crate::engine::{EngineError, Leftover, RemovalScope, Residual};
use crate::render::kubernetes::{Kind, lease};

/// Grace period of processes, in seconds.
pub const GRACE_SECS: u32 = 1;
/// Time before the namespace controller begins to delete contents.
const EMPTYING_LIMIT: Duration = Duration::from_secs(4);
/// Time limit for the namespace to disappear; then the objects that hold it are reported.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// Returns true if the removal includes the namespace. An unreadable lease is still a lease.
fn includes(scope: RemovalScope, namespace: &Namespace) -> bool {
    match scope {
        RemovalScope::All => true,
        RemovalScope::Run(run) => lease::owner(namespace.annotations()).is_some_and(|(owner, _)| owner == run),
        RemovalScope::Remnants => !namespace.annotations().contains_key(lease::LEASE),
    }
}

/// Removes an environment that `scope` includes.
pub async fn remove(
    engine: &KubernetesEngine,
    environment: &str,
    scope: RemovalScope,
) -> Result<Vec<Residual>, EngineError> {
    let until = Instant::now() + TIME_LIMIT;
    loop {
        let failed = |e| explain::failed(&format!("look for namespace {environment}"), &e, Leftover::Unknown);
        let Some(namespace) = engine.namespaces().get_opt(environment).await.map_err(failed)? else {
            return Ok(vec![]);
        };
        owner::require_dayfly(&namespace)?;
        if !includes(scope, &namespace) {
            return Ok(vec![]);
        }
        if namespace.metadata.deletion_timestamp.is_some() || delete(engine, &namespace).await? {
            break;
        }
        if Instant::now() > until {
            let words = "other clients keep changing it; try again";
            return Err(explain::refused(&format!("remove namespace {environment}"), words, Leftover::Removable));
        }
    }
    // A failure here does not matter: the namespace controller deletes what is left.
    let params = api::with_grace_period(GRACE_SECS);
    let emptying = async {
        tokio::join!(
            engine.delete_all(Kind::Job, environment, &params),
            engine.delete_all(Kind::Pod, environment, &params)
        )
    };
    // Bounded by the time for which the namespace surely exists: the next one of that name may belong to a newer run.
    match tokio::time::timeout(EMPTYING_LIMIT, emptying).await {
        Ok((jobs, pods)) => {
            [jobs, pods].into_iter().filter_map(Result::err).for_each(|e| tracing::debug!("failed to {e}"));
        }
        Err(_) => tracing::debug!(environment, "the namespace controller deletes the remaining pods"),
    }
    engine.release_cache(environment);
    if wait_until_gone(engine, environment, until).await {
        Ok(vec![])
    } else {
        termination::remaining_objects(engine, environment).await
    }
}

/// Deletes the namespace in the version that was read; false if it changed meanwhile.
async fn delete(engine: &KubernetesEngine, namespace: &Namespace) -> Result<bool, EngineError> {
    let seen = Preconditions { uid: namespace.uid(), resource_version: namespace.resource_version() };
    let name = namespace.name_any();
    match engine.namespaces().delete(&name, &DeleteParams::background().preconditions(seen)).await {
        Ok(_) => Ok(true),
        Err(e) if explain::is_missing(&e) => Ok(true),
        Err(e) if explain::is_conflict(&e) => Ok(false),
        Err(e) => Err(explain::failed(&format!("remove namespace {name}"), &e, Leftover::Removable)),
    }
}

/// Waits until the terminating namespace is gone; false after the deadline. kube's `await_condition` fails at the first
/// error of its watch, for example when the API server restarts.
async fn wait_until_gone(engine: &KubernetesEngine, environment: &str, until: Instant) -> bool {
    let itself = Config::default().fields(&format!("metadata.name={environment}"));
    let mut watched = std::pin::pin!(watch_with_relist(engine.namespaces(), itself).backoff(ShortPauses::default()));
    let waiting = async {
        let mut there = false;
        while let Some(seen) = watched.next().await {
            match seen {
                Ok(Event::Init) => there = false,
                // A namespace that is not terminating was created meanwhile.
                Ok(Event::InitApply(namespace)) => there = namespace.metadata.deletion_timestamp.is_some(),
                Ok(Event::InitDone) if there => {}
                Ok(Event::InitDone | Event::Delete(_)) => return true,
                Ok(Event::Apply(_)) => {}
                Err(e) => tracing::debug!("watching the namespace again: {e}"),
            }
        }
        false
    };
    tokio::time::timeout_at(until, waiting).await.unwrap_or(false)
}

/// Waits until a terminating namespace is gone, so that it can be created again.
pub async fn until_gone(engine: &KubernetesEngine, environment: &str, until: Instant) -> Result<(), EngineError> {
    if wait_until_gone(engine, environment, until).await {
        return Ok(());
    }
    let left = termination::remaining_objects(engine, environment).await?;
    let left: Vec<String> = left.iter().map(|r| format!("  {}: {}", r.object, r.reason)).collect();
    Err(explain::refused(
        &format!("take environment {environment}"),
        &format!("its namespace is still being removed; it is held by:\n{}", left.join("\n")),
        Leftover::None,
    ))
}
