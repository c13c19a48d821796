//! Watches that break: every event in the meantime is reported.

use std::time::Duration;

use dayfly::engine::{Engine, EngineEvent};
use futures::StreamExt;
use http::Method;
use serde_json::json;

use super::api_server::{ApiServer, World};
use super::watches::Break;
use super::{ENVIRONMENT, POD, PODS, all_run, in_state, prepared, running};

/// Breaks every watch while a process ends, and expects to be told of that, and of nothing else. Returns how often all
/// pods were listed because of it.
async fn told_despite(gap: impl FnOnce(&mut World)) -> usize {
    let server = ApiServer::default();
    server.kubelet(all_run);
    let (engine, lease) = prepared(&server).await;
    let before = server.world().asked.len();
    let mut happened = engine.watch(ENVIRONMENT).await.unwrap();
    engine.start(&lease, "api").await.unwrap();
    server.until(|world| world.asked[before..].iter().any(|a| a.path == PODS && a.watches())).await;
    let known = lists(&server);
    gap(&mut server.world());
    let end = EngineEvent::Exited { unit: "api".into(), copy: "api".into(), code: 3, oom_killed: true };
    let told = tokio::time::timeout(Duration::from_secs(600), happened.next()).await;
    assert_eq!(told.expect("it is never told"), Some(end));
    let more = tokio::time::timeout(Duration::from_secs(600), happened.next()).await;
    assert!(more.is_err(), "{more:?}");
    lists(&server) - known
}

fn ends(world: &mut World) {
    let end = json!({"exitCode": 3, "reason": "OOMKilled", "containerID": "containerd://1", "finishedAt": "2024-01-01T00:00:09Z"});
    world.merge(
        POD,
        &json!({"status": {"containerStatuses": in_state(json!({"terminated": end}))["status"]["containerStatuses"]}}),
    );
}

fn lists(server: &ApiServer) -> usize {
    server.asked(Method::GET, PODS).iter().filter(|a| !a.watches()).count()
}

#[tokio::test(start_paused = true)]
async fn tells_why_a_unit_waits_for_a_node_and_starts_it_when_there_is_one() {
    let server = ApiServer::default();
    server.kubelet(|world, pod| {
        let refused = json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "1 node(s) were unschedulable"});
        world.merge(pod, &json!({"status": {"phase": "Pending", "conditions": [refused]}}));
    });
    let (engine, lease) = prepared(&server).await;
    let mut events = engine.watch(ENVIRONMENT).await.unwrap();
    let starting = tokio::spawn(async move { engine.start(&lease, "api").await });
    let Some(EngineEvent::WaitsForRoom { unit, why }) = events.next().await else { panic!("it says nothing") };
    assert_eq!((unit.as_str(), why.as_str()), ("api", "no node has room for it yet: 1 node(s) were unschedulable"));
    server.world().merge(POD, &json!({"status": {"conditions": null}}));
    server.world().merge(POD, &running());
    starting.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn reports_an_end_after_the_watch_expired() {
    let lists = told_despite(|world| {
        world.watches.end(Break::Gone);
        ends(world);
        world.watches.forget();
    });
    assert_eq!(lists.await, 1);
}

#[tokio::test(start_paused = true)]
async fn reports_an_end_when_the_watch_cannot_resume() {
    let lists = told_despite(|world| {
        world.watches.end(Break::Ends);
        ends(world);
        world.watches.forget();
    });
    assert_eq!(lists.await, 1);
}

#[tokio::test(start_paused = true)]
async fn reports_an_end_after_a_connection_broke_in_the_middle_of_a_line() {
    let lists = told_despite(|world| {
        world.watches.end(Break::Disconnects);
        ends(world);
    });
    assert_eq!(lists.await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_list_without_the_pod_does_not_end_the_wait() {
    let server = ApiServer::default();
    let (engine, lease) = prepared(&server).await;
    let feed = engine.watch(ENVIRONMENT).await.unwrap();
    server.until(|world| world.asked.iter().any(|a| a.path == PODS && a.watches())).await;
    server.world().watches.silent = true;
    let mut starting = std::pin::pin!(engine.start(&lease, "api"));
    let early = tokio::time::timeout(Duration::from_secs(120), &mut starting).await;
    assert!(early.is_err(), "{early:?}");
    assert_eq!(server.asked(Method::POST, PODS).len(), 1);
    {
        let mut world = server.world();
        world.merge(POD, &running());
        world.watches.silent = false;
        world.watches.end(Break::Ends);
    }
    starting.await.unwrap();
    drop(feed);
}
