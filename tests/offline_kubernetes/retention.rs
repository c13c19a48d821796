//! The retention of an environment: changed in the version that was read, in the time of the run that has it.

use dayfly::engine::{Engine, RemovalScope, ReplacePolicy};
use dayfly::lease::{Hold, RetentionChange, RetentionUpdate};
use futures::StreamExt;
use http::Method;
use serde_json::json;

use super::api_server::{Answer, ApiServer};
use super::{ENVIRONMENT, NAMESPACE, engine, lease, namespace, owner, prepared};

fn at(hour: i64) -> jiff::Timestamp {
    lease(1).created + jiff::SignedDuration::from_hours(hour)
}

fn kept(reason: &str) -> RetentionChange {
    RetentionChange::Held(Hold { reason: Some(reason.into()), since: at(1) })
}

/// Takes an annotation off the namespace.
fn without(server: &ApiServer, annotation: &str) {
    let mut namespace = server.world().get(NAMESPACE).unwrap().clone();
    namespace["metadata"]["annotations"].as_object_mut().unwrap().remove(annotation);
    server.world().put(NAMESPACE, namespace);
}

#[tokio::test(start_paused = true)]
async fn concurrent_retention_changes_lose_nothing() {
    let server = ApiServer::default();
    let (ours, lease) = prepared(&server).await;
    ours.update_retention(ENVIRONMENT, lease.run, &kept("for a look")).await.unwrap();
    let theirs = server.world().get(NAMESPACE).unwrap()["metadata"]["annotations"].clone();
    without(&server, "dayfly.dev/retention");
    server.once(Method::PATCH, NAMESPACE, move |world| {
        world.merge(NAMESPACE, &json!({"metadata": {"annotations": theirs}}));
        None
    });
    let amended = ours.update_retention(ENVIRONMENT, lease.run, &RetentionChange::Used(at(2))).await.unwrap();
    let RetentionUpdate::Current(retention) = amended else { panic!("{amended:?}") };
    assert_eq!((retention.kept(), retention.used), (Some("for a look"), at(2)));
    let observed = ours.observe(ENVIRONMENT).await.unwrap().unwrap();
    assert_eq!((observed.retention, observed.lease), (Some(retention), Some(lease)));
}

#[tokio::test(start_paused = true)]
async fn writes_a_change_once_even_if_the_answer_was_lost() {
    let server = ApiServer::default();
    let (engine, lease) = prepared(&server).await;
    server.once(Method::PATCH, NAMESPACE, |_| Some(Answer::Lost));
    for _ in 0..3 {
        let amended = engine.update_retention(ENVIRONMENT, lease.run, &RetentionChange::Extended(at(9))).await.unwrap();
        assert!(matches!(&amended, RetentionUpdate::Current(retention) if retention.expires == at(9)), "{amended:?}");
    }
    // Repeated once, because nobody knew.
    assert!(server.asked(Method::PATCH, NAMESPACE).len() <= 2);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_lost_the_environment_changes_nothing() {
    let server = ApiServer::default();
    let engine = engine(&server);
    let change = RetentionChange::Used(at(2));
    assert_eq!(engine.update_retention(ENVIRONMENT, lease(1).run, &change).await.unwrap(), RetentionUpdate::NotFound);
    let made = namespace(&lease(2)).await;
    server.world().put(NAMESPACE, made);
    assert_eq!(
        engine.update_retention(ENVIRONMENT, lease(1).run, &change).await.unwrap(),
        RetentionUpdate::OwnedBy(lease(2).run)
    );
    server.world().merge(NAMESPACE, &json!({"metadata": {"deletionTimestamp": "2024-01-01T00:00:00Z"}}));
    assert_eq!(
        engine.update_retention(ENVIRONMENT, lease(2).run, &change).await.unwrap(),
        RetentionUpdate::Terminating
    );
    assert!(server.writes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn retention_changes_are_no_owner_events_and_end_with_the_run() {
    let server = ApiServer::default();
    let (engine, older) = prepared(&server).await;
    let mut happened = engine.watch(ENVIRONMENT).await.unwrap();
    engine.update_retention(ENVIRONMENT, older.run, &kept("for a look")).await.unwrap();
    let told = tokio::time::timeout(std::time::Duration::from_secs(600), happened.next()).await;
    assert!(told.is_err(), "{told:?}");
    let newer = lease(2);
    engine.claim(&newer, ReplacePolicy::InPlace.into()).await.unwrap();
    assert_eq!(engine.observe(ENVIRONMENT).await.unwrap().unwrap().retention.unwrap().kept(), None);
}

#[tokio::test(start_paused = true)]
async fn removes_remnants_only_without_an_owner() {
    let server = ApiServer::default();
    let mut made = namespace(&lease(1)).await;
    made["metadata"]["annotations"] = json!({});
    server.world().put(NAMESPACE, made);
    let taken = namespace(&lease(2)).await;
    server.once(Method::DELETE, NAMESPACE, move |world| {
        world.merge(NAMESPACE, &taken);
        None
    });
    let engine = engine(&server);
    let seen = engine.observe(ENVIRONMENT).await.unwrap().unwrap();
    assert!(seen.lease.is_none() && !seen.unreadable_lease);
    assert_eq!(engine.remove(ENVIRONMENT, RemovalScope::Remnants).await.unwrap(), []);
    assert_eq!(owner(&server), Some(lease(2).run.to_string()));
    // A lease of another version still counts as an owner.
    server.world().merge(NAMESPACE, &json!({"metadata": {"annotations": {"dayfly.dev/lease": "{\"v\": 9}"}}}));
    let seen = engine.observe(ENVIRONMENT).await.unwrap().unwrap();
    assert!(seen.lease.is_none() && seen.unreadable_lease);
    assert_eq!(engine.remove(ENVIRONMENT, RemovalScope::Remnants).await.unwrap(), []);
    assert!(server.world().get(NAMESPACE).is_some());
    without(&server, "dayfly.dev/lease");
    assert_eq!(engine.remove(ENVIRONMENT, RemovalScope::Remnants).await.unwrap(), []);
    assert!(server.world().get(NAMESPACE).is_none());
}
