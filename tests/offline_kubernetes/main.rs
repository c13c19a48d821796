//! The Kubernetes engine's conversation with the API server: what it asks, and what it makes of every kind of answer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod api_server;
mod claim;
mod controller;
mod logs;
mod lost;
mod outages;
mod permissions;
mod reap;
mod reconciles;
mod released;
mod remove;
mod requester;
mod requests;
mod retention;
mod start;
mod watch;
mod watches;

use dayfly::engine::kubernetes::{KubernetesEngine, Options, Outages, ServiceAccountRef, connect};
use dayfly::engine::{Claim, Engine, EngineError, EngineInfo, ReplacePolicy};
use dayfly::evidence::{KeyKind, SigningKey};
use dayfly::lease::Lease;
use dayfly::plan::Unit;
use dayfly::render::kubernetes::Templates;
use dayfly::secrets::Secrets;
use dayfly::testing;
use kube::client::ClientBuilder;
use serde_json::{Value, json};

use api_server::{ApiServer, World};

const NAMESPACES: &str = "/api/v1/namespaces";
const ENVIRONMENT: &str = "sample-pr-1";
const NAMESPACE: &str = "/api/v1/namespaces/sample-pr-1";
const PODS: &str = "/api/v1/namespaces/sample-pr-1/pods";
const POD: &str = "/api/v1/namespaces/sample-pr-1/pods/api";

fn engine(server: &ApiServer) -> KubernetesEngine {
    engine_of(server, None)
}

/// The engine of an account that has rights in environments only as it gives them to itself.
fn engine_of(server: &ApiServer, account: Option<ServiceAccountRef>) -> KubernetesEngine {
    let info =
        EngineInfo { product: "kubernetes".into(), version: "1.36.0".into(), endpoint: "memory".into(), gaps: vec![] };
    let options = Options {
        context: None,
        agent_image: "localhost/dayfly:1".into(),
        registry_mirror: None,
        pull_secret: None,
        account,
    };
    let outages = Outages::default();
    let client = connect::with_retries(ClientBuilder::new(server.clone(), "default"), outages.clone());
    KubernetesEngine::with_client(client, outages, info, options, Templates::new(&Default::default()).unwrap())
}

/// The key that signs runs and removals.
fn signing_key() -> SigningKey {
    SigningKey::from_seed(KeyKind::P256, &[7; 32]).unwrap()
}

/// The lease of the n-th run; a later one is newer.
fn lease(run: u128) -> Lease {
    let api = Unit { image: "registry.test/api:1".into(), ..testing::unit("api") };
    Lease {
        run: uuid::Uuid::from_u128((0x0190_a000_0000_7000_8000 << 48) + run).into(),
        commit: format!("commit {run}"),
        ..testing::lease(testing::plan(vec![api]))
    }
}

/// The namespace of a run, as that run makes it.
async fn namespace(lease: &Lease) -> Value {
    let elsewhere = ApiServer::default();
    engine(&elsewhere).claim(lease, ReplacePolicy::Recreate.into()).await.unwrap();
    let mut made = elsewhere.world().get(NAMESPACE).unwrap().clone();
    made["metadata"]
        .as_object_mut()
        .unwrap()
        .retain(|field, _| ["name", "labels", "annotations"].contains(&field.as_str()));
    made
}

/// The run that the namespace is labelled with.
fn owner(server: &ApiServer) -> Option<String> {
    server.world().get(NAMESPACE).map(|n| n["metadata"]["labels"]["dayfly.dev/run"].as_str().unwrap().to_owned())
}

/// An environment that was claimed and prepared, and in which nothing was started.
async fn prepared(server: &ApiServer) -> (KubernetesEngine, Lease) {
    let (engine, lease) = (engine(server), lease(1));
    let claimed = engine.claim(&lease, ReplacePolicy::Recreate.into()).await.unwrap();
    assert_eq!(claimed, Claim::Acquired { replaced: None, taken_over: None });
    engine.prepare(&lease, &Secrets::default()).await.unwrap();
    (engine, lease)
}

/// Result of starting `api`.
async fn started(server: &ApiServer) -> Result<(), EngineError> {
    let (engine, lease) = prepared(server).await;
    // The watch for events is open before there are any.
    let before = server.world().asked.len();
    let _heard = engine.watch(ENVIRONMENT).await.unwrap();
    server.until(|world| world.asked[before..].iter().any(|a| a.path.ends_with("/events") && a.watches())).await;
    engine.start(&lease, "api").await
}

/// A pod's status with its one container in this state.
fn in_state(state: Value) -> Value {
    json!({"status": {"phase": "Pending", "podIP": "10.244.0.9", "containerStatuses": [{
        "name": "unit", "image": "registry.test/api:1", "imageID": "", "ready": false, "restartCount": 0, "state": state,
    }]}})
}

fn running() -> Value {
    in_state(json!({"running": {"startedAt": "2024-01-01T00:00:00Z"}}))
}

/// Every pod that is made runs at once.
fn all_run(world: &mut World, pod: &str) {
    world.merge(pod, &running());
}
