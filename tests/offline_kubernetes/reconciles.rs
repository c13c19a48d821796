//! Reconciles are caused by changes: their number is bounded, and at rest there are none.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use dayfly::engine::{Engine, ReplacePolicy};
use dayfly::lease::{Lease, RetentionChange};
use http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::api_server::ApiServer;
use super::controller::{OBJECT, RUNNERS, Replica, asked, is_done, performs, until};
use super::watches::Break;
use super::{engine, lease};

/// An address that nothing serves yet.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// The number of reconciles by what caused them, as the controller's metrics say.
async fn reconciles(address: SocketAddr) -> BTreeMap<String, u64> {
    let read = tokio::task::spawn_blocking(move || {
        let mut connection = TcpStream::connect(address).unwrap();
        connection.write_all(b"GET /metrics HTTP/1.1\r\nHost: dayfly\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        connection.read_to_string(&mut text).unwrap();
        text
    });
    let text = read.await.unwrap();
    let counted = text.lines().filter_map(|l| l.strip_prefix("dayfly_reconciles_total{trigger=\"")?.split_once("\"} "));
    counted.map(|(trigger, count)| (trigger.to_owned(), count.parse().unwrap())).collect()
}

/// The path of the runner's pod.
fn runner_path(server: &ApiServer) -> String {
    let pod = server.asked(Method::POST, RUNNERS).remove(0).body;
    format!("{RUNNERS}/{}", pod["metadata"]["name"].as_str().unwrap())
}

/// Puts so many objects beside the first whose runs are over.
fn with_finished(server: &ApiServer, count: usize) {
    let first = server.world().get(OBJECT).unwrap().clone();
    for n in 0..count {
        let mut object = first.clone();
        object["metadata"] = json!({
            "name": format!("old-{n}"), "namespace": "team", "generation": 1, "finalizers": ["dayfly.dev/release"],
        });
        let (end, digest) = ("2026-01-01T00:00:00Z", format!("{n:064}"));
        object["status"] = json!({
            "observedGeneration": 1, "inputDigest": digest, "descriptionDigest": digest,
            "environment": format!("old-pr-{n}"),
            "run": {"id": uuid::Uuid::from_u128(n as u128), "environment": format!("old-pr-{n}"), "inputDigest": digest,
                "commit": "4d1f0c2", "generation": 1, "stage": "Ended", "outcome": "PASSED",
                "completionTime": end, "removalTime": end},
        });
        server.world().put(&OBJECT.replace("/shop", &format!("/old-{n}")), object);
    }
}

#[tokio::test(start_paused = true)]
async fn the_life_of_one_environment_takes_few_reconciles_however_many_objects_there_are() {
    let (server, address) = (asked(), free_address());
    server.kubelet(performs);
    with_finished(&server, 30);
    let finished =
        |w: &super::World| w.below(&OBJECT.replace("/shop", "/old-")).iter().all(|o| o["status"]["phase"] == "Done");
    let _replica = Replica::starts_at(&server, "a", address);
    until(&server, |w| is_done(w) && finished(w)).await;
    let runner = runner_path(&server);
    server.world().remove(&runner);
    tokio::time::sleep(Duration::from_secs(600)).await;
    let all: u64 = reconciles(address).await.values().sum();
    // Each finished object: when it is listed, and after its first status.
    assert!((62..=80).contains(&all), "{:?}", reconciles(address).await);
}

#[tokio::test(start_paused = true)]
async fn at_rest_and_while_environments_are_only_used_there_are_no_reconciles() {
    let (server, address) = (asked(), free_address());
    server.kubelet(performs);
    with_finished(&server, 3);
    // An environment that is in use, and belongs to no object.
    let used = Lease { environment: "sample-pr-9".into(), ..lease(9) };
    engine(&server).claim(&used, ReplacePolicy::Recreate.into()).await.unwrap();
    let _replica = Replica::starts_at(&server, "a", address);
    until(&server, is_done).await;
    // The runner's pod is awaited by the cluster's clock, which stands still in this story.
    let runner = runner_path(&server);
    server.world().remove(&runner);
    tokio::time::sleep(Duration::from_secs(600)).await;
    let before = reconciles(address).await;
    for minute in 1..=30 {
        let now = Timestamp::now() + SignedDuration::from_mins(minute);
        engine(&server).update_retention("sample-pr-9", used.run, &RetentionChange::Used(now)).await.unwrap();
        server.world().watches.end(if minute % 2 == 0 { Break::Ends } else { Break::Gone });
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    assert_eq!(reconciles(address).await, before);
}
