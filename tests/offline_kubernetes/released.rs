//! Tests of removals by the controller itself, and of their signed records.

use std::time::Duration;

use dayfly::engine::{Engine, ReplacePolicy};
use dayfly::evidence::predicate::{RemovalPredicate, RemovalState};
use dayfly::evidence::verify::{self, Expectations};
use dayfly::lease::{Lease, RetentionChange};
use http::Method;
use serde_json::{Value, json};

use super::api_server::{ApiServer, World};
use super::controller::{KEY, OBJECT, RUNNERS, Replica, asked, is_done, secret, status, until, writes};
use super::{engine, lease, signing_key};

const ENVIRONMENT: &str = "/api/v1/namespaces/shop-pr-7-t2as2fyc";
const RECORDS: &str = "/api/v1/namespaces/dayfly-system/configmaps/removal-";

/// An object whose runner has made its environment, and the environment's lease.
pub async fn made(server: &ApiServer) -> (Replica, Lease) {
    server.kubelet(|world, pod| {
        world.merge(OBJECT, &json!({"status": {"run": {"podUid": "uid", "stage": "Testing"}}}));
        world.merge(pod, &json!({"status": {"phase": "Running"}}));
    });
    let replica = Replica::starts(server, "first");
    until(server, |w| status(w)["phase"] == "Testing").await;
    let run: String = serde_json::from_value(status(&server.world())["run"]["id"].clone()).unwrap();
    let mut lease = Lease { environment: "shop-pr-7-t2as2fyc".into(), run: run.parse().unwrap(), ..lease(1) };
    lease.plan.environment.clone_from(&lease.environment);
    engine(server).claim(&lease, ReplacePolicy::Recreate.into()).await.unwrap();
    (replica, lease)
}

/// The runner of the run dies.
pub fn dies(server: &ApiServer, lease: &Lease) {
    server.world().merge(&format!("{RUNNERS}/runner-{}", lease.run), &json!({"status": {"phase": "Failed"}}));
}

pub fn records(world: &World) -> Vec<Value> {
    world.below(RECORDS).into_iter().cloned().collect()
}

pub fn judged(record: &Value) -> RemovalPredicate {
    let files = record["data"].as_object().unwrap().iter();
    let files = files.map(|(name, text)| (name.clone(), text.as_str().unwrap().as_bytes().to_vec())).collect();
    verify::removal(&files, &signing_key().verifying_key(), &Expectations::default()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn removes_what_a_lost_run_left_and_records_who_removed_what_and_why() {
    let server = asked();
    let (_replica, lease) = made(&server).await;
    dies(&server, &lease);
    until(&server, is_done).await;
    let world = server.world();
    assert!(world.get(ENVIRONMENT).is_none());
    let [record] = records(&world).try_into().unwrap();
    assert_eq!(record["metadata"]["labels"]["dayfly.dev/removal-of"], "shop-pr-7-t2as2fyc");
    let said = judged(&record);
    assert_eq!((said.state, said.reason.kind.as_str()), (RemovalState::Removed, "unfinished"));
    assert_eq!((said.environment.run_id, said.remover.host.as_str()), (Some(lease.run), "dayfly@first"));
    // It was laid down before anything was removed, and again afterwards.
    let order = writes(&world);
    let (put, removed) = (format!("PATCH {RECORDS}"), format!("DELETE {ENVIRONMENT}"));
    let order: Vec<&str> = order.iter().map(String::as_str).filter(|w| w.starts_with(&put) || *w == removed).collect();
    assert!(matches!(order[..], [a, b, c] if a == c && b == removed), "{order:?}");
}

#[tokio::test(start_paused = true)]
async fn completes_a_removal_interrupted_after_any_write_with_one_record() {
    for dies_after in 1.. {
        let server = asked();
        let (first, lease) = made(&server).await;
        let before = writes(&server.world()).len();
        dies(&server, &lease);
        let writing = server.until(|w| writes(w).len() >= before + dies_after);
        let reached = tokio::time::timeout(Duration::from_secs(60), writing).await.is_ok();
        first.dies().await;
        let second = Replica::starts(&server, "second");
        until(&server, is_done).await;
        let [record] = records(&server.world()).try_into().unwrap();
        assert_eq!(judged(&record).state, RemovalState::Removed, "killed after {dies_after} writes");
        second.dies().await;
        if !reached {
            assert!(dies_after > 4, "it came to its end in {dies_after} writes");
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn removes_nothing_until_it_can_be_recorded() {
    let server = asked();
    let (_replica, lease) = made(&server).await;
    server.world().remove(KEY);
    dies(&server, &lease);
    until(&server, |w| w.asked.iter().any(|a| a.body["reason"] == "NotRemoved")).await;
    let said = server.world().asked.iter().find(|a| a.body["reason"] == "NotRemoved").unwrap().body["note"].clone();
    assert!(said.as_str().unwrap().contains("dayfly-system/dayfly-signing-key"), "{said}");
    assert!(server.asked(Method::DELETE, ENVIRONMENT).is_empty() && records(&server.world()).is_empty());
    server.world().put(KEY, secret());
    until(&server, is_done).await;
    assert_eq!(records(&server.world()).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn records_an_incomplete_removal_when_the_object_is_released() {
    let server = asked();
    let (_replica, lease) = made(&server).await;
    let holds = json!([{"type": "NamespaceContentRemaining", "status": "True", "message": "pods are left"}]);
    server.world().stuck = Some(json!({"phase": "Terminating", "conditions": holds}));
    let now = jiff::Timestamp::now().to_string();
    server.world().merge(OBJECT, &json!({"metadata": {"deletionTimestamp": now}}));
    dies(&server, &lease);
    // By the cluster's clock ten minutes pass, which are not those of this story.
    until(&server, |w| records(w).len() == 1 && w.asked.iter().any(|a| a.body["reason"] == "NotRemoved")).await;
    server.world().merge(OBJECT, &json!({"metadata": {"deletionTimestamp": "2024-01-01T00:00:00Z"}}));
    until(&server, |w| w.get(OBJECT).is_none()).await;
    let said = judged(&records(&server.world())[0]);
    assert_eq!((said.state, said.reason.kind.as_str()), (RemovalState::Incomplete, "deleted"));
    assert!(said.error.unwrap().contains("shop-pr-7-t2as2fyc"));
}

/// The run ends, and its environment is kept for an hour.
async fn keeps(server: &ApiServer) -> (Replica, Lease) {
    server.world().merge(OBJECT, &json!({"spec": {"keep": "Always"}}));
    let (replica, lease) = made(server).await;
    let expires = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let kept = json!({"stage": "Ended", "outcome": "PASSED", "keepReason": "it is wanted", "expirationTime": expires});
    server.world().merge(OBJECT, &json!({"status": {"run": kept}}));
    until(server, |w| status(w)["phase"] == "Kept").await;
    (replica, lease)
}

#[tokio::test(start_paused = true)]
async fn notices_that_somebody_removed_a_kept_environment() {
    let server = asked();
    let (_replica, _) = keeps(&server).await;
    server.world().remove(ENVIRONMENT);
    until(&server, is_done).await;
    let world = server.world();
    assert_eq!(status(&world)["run"]["removalReason"]["kind"], "gone");
    assert!(records(&world).is_empty(), "nobody removed it for the controller");
    let condition = |kind: &str| {
        let all = status(&world)["conditions"].as_array().unwrap().clone();
        all.into_iter().find(|c| c["type"] == kind).map(|c| (c["status"].clone(), c["reason"].clone())).unwrap()
    };
    assert_eq!(condition("Ready"), (json!("False"), json!("Over")));
    assert_eq!(condition("Removed"), (json!("True"), json!("Gone")));
    assert_eq!(condition("Finished"), (json!("True"), json!("Passed")));
}

#[tokio::test(start_paused = true)]
async fn extends_a_kept_environment_as_its_object_asks_and_the_policy_allows() {
    let server = asked();
    let (_replica, lease) = keeps(&server).await;
    let (now, hour) = (jiff::Timestamp::now(), jiff::SignedDuration::from_hours);
    let later = now + hour(3);
    server.world().merge(OBJECT, &json!({"spec": {"extendUntil": later}}));
    until(&server, |w| status(w)["run"]["expirationTime"] == later.to_string()).await;
    // The reaper reads it from the environment.
    let observed = engine(&server).observe(&lease.environment).await.unwrap().unwrap();
    assert_eq!(observed.retention.unwrap().expires, later);
    // Without a policy, an environment lives for a day.
    let start: jiff::Timestamp = serde_json::from_value(status(&server.world())["run"]["startTime"].clone()).unwrap();
    let most = (start + hour(24)).to_string();
    server.world().merge(OBJECT, &json!({"spec": {"extendUntil": "9999-12-31T23:59:59-12:00"}}));
    server.world().merge(OBJECT, &json!({"spec": {"extendUntil": now + hour(300)}}));
    until(&server, |w| status(w)["run"]["expirationTime"] == most).await;
    until(&server, |w| w.asked.iter().any(|a| a.body["note"].as_str().is_some_and(|n| n.contains("allows no longer"))))
        .await;
}

#[tokio::test(start_paused = true)]
async fn shows_an_extension_at_once_and_ignores_the_retention_of_another_run() {
    let server = asked();
    server.world().merge(OBJECT, &json!({"spec": {"keep": "Always"}}));
    let (_replica, lease) = made(&server).await;
    let (now, hour) = (jiff::Timestamp::now(), jiff::SignedDuration::from_hours);
    let older = json!({"run": uuid::Uuid::nil(), "expires": now + hour(9), "used": now}).to_string();
    server.world().merge(ENVIRONMENT, &json!({"metadata": {"annotations": {"dayfly.dev/retention": older}}}));
    let kept =
        json!({"stage": "Ended", "outcome": "PASSED", "keepReason": "it is wanted", "expirationTime": now + hour(1)});
    server.world().merge(OBJECT, &json!({"status": {"run": kept}}));
    until(&server, |w| status(w)["phase"] == "Kept").await;
    let longer = now + hour(3);
    engine(&server).update_retention(&lease.environment, lease.run, &RetentionChange::Extended(longer)).await.unwrap();
    until(&server, |w| status(w)["run"]["expirationTime"] == longer.to_string()).await;
}
