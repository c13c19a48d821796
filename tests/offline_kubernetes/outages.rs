//! An API server that is silent or stays away, and nodes that are: nothing waits without a limit, and the outage is remembered.

use std::time::Duration;

use dayfly::engine::Engine;
use http::Method;
use serde_json::json;
use tokio::time::{Instant, timeout};

use super::api_server::{Answer, ApiServer};
use super::watches::Break;
use super::{ENVIRONMENT, NAMESPACE, POD, PODS, engine, prepared};

#[tokio::test(start_paused = true)]
async fn gives_up_on_a_silent_request_and_repeats_it() {
    let (server, began) = (ApiServer::default(), Instant::now());
    server.once(Method::GET, NAMESPACE, |_| Some(Answer::Silent));
    let engine = engine(&server);
    assert_eq!(engine.outage_since(began), None);
    assert_eq!(engine.lease(ENVIRONMENT).await.unwrap(), None);
    assert_eq!(server.asked(Method::GET, NAMESPACE).len(), 2);
    assert!(began.elapsed() < Duration::from_secs(40), "{:?}", began.elapsed());
    assert!(engine.outage_since(began).is_some_and(|text| text.contains("API server")));
    assert_eq!(engine.outage_since(Instant::now() + Duration::from_secs(1)), None);
}

#[tokio::test(start_paused = true)]
async fn gives_up_on_an_answer_that_stalls_and_repeats_the_request() {
    let (server, began) = (ApiServer::default(), Instant::now());
    server.once(Method::GET, NAMESPACE, |_| Some(Answer::Stalled));
    let engine = engine(&server);
    assert_eq!(engine.lease(ENVIRONMENT).await.unwrap(), None);
    assert!(engine.outage_since(began).is_some_and(|text| text.contains("API server")));
    assert!(began.elapsed() < Duration::from_secs(40), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_no_outage() {
    let (server, began) = (ApiServer::default(), Instant::now());
    server.once(Method::GET, NAMESPACE, |_| Some(Answer::Status(403, "Forbidden", "no")));
    server.once(Method::GET, NAMESPACE, |_| Some(Answer::Busy(429, None)));
    let engine = engine(&server);
    engine.lease(ENVIRONMENT).await.unwrap_err();
    engine.lease(ENVIRONMENT).await.unwrap();
    assert_eq!(engine.outage_since(began), None);
}

#[tokio::test(start_paused = true)]
async fn a_start_ends_when_the_server_stays_away() {
    let server = ApiServer::default();
    let (engine, lease) = prepared(&server).await;
    let mut starting = std::pin::pin!(engine.start(&lease, "api"));
    // The pod exists, but does not run yet.
    tokio::select! {
        ended = &mut starting => panic!("{ended:?}"),
        () = server.until(|world| world.asked.iter().any(|a| a.method == Method::POST && a.path == PODS)) => {}
    }
    let began = Instant::now();
    {
        let mut world = server.world();
        world.away = true;
        world.watches.end(Break::Disconnects);
    }
    let error = timeout(Duration::from_secs(180), &mut starting).await.expect("it waits on").unwrap_err();
    assert!(error.to_string().contains("the API server has not answered for 60 s"), "{error}");
    assert!(engine.outage_since(began).is_some());
    assert!(server.world().get(POD).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_start_goes_on_after_an_outage() {
    let server = ApiServer::default();
    let (engine, lease) = prepared(&server).await;
    let mut starting = std::pin::pin!(engine.start(&lease, "api"));
    tokio::select! {
        ended = &mut starting => panic!("{ended:?}"),
        () = server.until(|world| world.asked.iter().any(|a| a.method == Method::POST && a.path == PODS)) => {}
    }
    {
        let mut world = server.world();
        world.away = true;
        world.watches.end(Break::Disconnects);
    }
    let early = timeout(Duration::from_secs(20), &mut starting).await;
    assert!(early.is_err(), "{early:?}");
    let back = Instant::now();
    {
        let mut world = server.world();
        world.away = false;
        super::all_run(&mut world, POD);
    }
    starting.await.unwrap();
    assert!(back.elapsed() < Duration::from_secs(5), "{:?}", back.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_not_ready_is_an_outage() {
    let (server, began) = (ApiServer::default(), Instant::now());
    let (engine, _lease) = prepared(&server).await;
    let _feed = engine.watch(ENVIRONMENT).await.unwrap();
    server.until(|world| world.asked.iter().any(|a| a.path.ends_with("/events") && a.watches())).await;
    let event = |reason: &str| {
        let now = jiff::Timestamp::now().to_string();
        json!({
            "metadata": {"name": format!("api.{reason}")}, "involvedObject": {"kind": "Pod", "name": "api"},
            "reason": reason, "type": "Warning", "message": "Node is not ready", "lastTimestamp": now,
        })
    };
    server.world().put(&format!("{NAMESPACE}/events/api.1"), event("Unhealthy"));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(engine.outage_since(began), None);
    server.world().put(&format!("{NAMESPACE}/events/api.2"), event("NodeNotReady"));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(engine.outage_since(began).is_some_and(|text| text.contains("Node is not ready")));
}
