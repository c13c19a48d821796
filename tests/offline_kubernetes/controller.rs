//! The controller's conversation with the API server: in each test one step goes wrong.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use base64::Engine as _;
use dayfly::controller::{self, Settings};
use dayfly::evidence::predicate::{Remover, RunnerId};
use http::Method;
use kube::client::ClientBuilder;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::api_server::{Answer, ApiServer, World};
use super::{engine, signing_key};

pub const OBJECT: &str = "/apis/dayfly.dev/v1alpha1/namespaces/team/testenvironments/shop";
const STATUS: &str = "/apis/dayfly.dev/v1alpha1/namespaces/team/testenvironments/shop/status";
pub const RUNNERS: &str = "/api/v1/namespaces/dayfly-system/pods";
pub const KEY: &str = "/api/v1/namespaces/dayfly-system/secrets/dayfly-signing-key";
const DESCRIPTION: &str = "apiVersion: dayfly.dev/v1alpha1\nkind: Environment\nname: shop\nservices:\n  web: { image: 'registry.test/web:1', port: 80 }\n";

/// A server with a signing key and an object that asks for a run.
pub fn asked() -> ApiServer {
    let server = ApiServer::default();
    server.world().put(KEY, secret());
    server.world().put(OBJECT, object());
    server
}

pub fn secret() -> Value {
    let pem = base64::engine::general_purpose::STANDARD.encode(signing_key().to_pem(None).unwrap().as_bytes());
    json!({"metadata": {"name": "dayfly-signing-key"}, "data": {"key.pem": pem}})
}

fn object() -> Value {
    json!({
        "apiVersion": "dayfly.dev/v1alpha1", "kind": "TestEnvironment",
        "metadata": {"name": "shop", "namespace": "team", "generation": 1},
        "spec": {"pullRequest": 7, "commit": "4d1f0c2", "description": {"inline": DESCRIPTION, "path": "environment.yaml"}},
    })
}

/// A replica of the controller; it ends, as if killed, with its handle.
pub struct Replica(JoinHandle<()>, CancellationToken);

impl Replica {
    pub fn starts(server: &ApiServer, name: &str) -> Self {
        Self::starts_at(server, name, ([127, 0, 0, 1], 0).into())
    }

    /// A replica that serves its metrics at this address.
    pub fn starts_at(server: &ApiServer, name: &str, address: SocketAddr) -> Self {
        let settings = Settings {
            namespace: "dayfly-system".into(),
            limit: 2,
            retain: None,
            agent_image: "localhost/dayfly:1".into(),
            runner_account: "dayfly-runner".into(),
            key_secret: "dayfly-signing-key".into(),
            pull_secret: None,
            registry_mirror: None,
            address,
            identity: name.into(),
            remover: Remover {
                program: RunnerId { name: "dayfly".into(), version: "1".into() },
                host: format!("dayfly@{name}"),
                account: None,
                job: None,
                actor: None,
            },
        };
        let plain = ClientBuilder::new(server.clone(), "default").build();
        let engine = engine(server);
        let stop = CancellationToken::new();
        let ends = stop.clone();
        let running = tokio::spawn(async move {
            controller::run(engine, plain, settings, Instant::now(), ends).await.unwrap();
        });
        Self(running, stop)
    }

    pub async fn dies(self) {
        self.0.abort();
        assert!(self.0.await.unwrap_err().is_cancelled());
    }
}

/// Waits for something that must come about.
pub async fn until(server: &ApiServer, holds: impl Fn(&World) -> bool) {
    let came = tokio::time::timeout(Duration::from_secs(3600), server.until(holds)).await;
    assert!(came.is_ok(), "it never came about; {:#?}", server.world().get(OBJECT));
}

pub fn status(world: &World) -> Value {
    world.get(OBJECT).map(|o| o["status"].clone()).unwrap_or_default()
}

/// Writes in the order in which they were asked for, but for events and the lease.
pub fn writes(world: &World) -> Vec<String> {
    let writes =
        world.asked.iter().filter(|a| a.writes() && !a.path.contains("/events") && !a.path.contains("/leases"));
    writes.map(|a| format!("{} {}", a.method, a.path)).collect()
}

/// Every run that was ever written down.
fn runs(server: &ApiServer) -> Vec<String> {
    let mut runs: Vec<String> = server
        .asked(Method::PATCH, STATUS)
        .iter()
        .filter_map(|a| a.body[1]["value"]["run"]["id"].as_str().map(str::to_owned))
        .collect();
    runs.dedup();
    runs
}

/// A runner that takes its run and is done with it as soon as its pod is made.
pub fn performs(world: &mut World, pod: &str) {
    let run = pod.rsplit_once("/runner-").unwrap().1.to_owned();
    if status(world)["run"]["id"] == run {
        let now = jiff::Timestamp::now().to_string();
        world.merge(
            OBJECT,
            &json!({"status": {"run": {
                "podUid": "uid", "stage": "Ended", "outcome": "PASSED", "exitCode": 0, "completionTime": now, "removalTime": now,
            }}}),
        );
    }
    world.merge(pod, &json!({"status": {"phase": "Succeeded"}}));
}

pub fn is_done(world: &World) -> bool {
    status(world)["phase"] == "Done"
}

#[tokio::test(start_paused = true)]
async fn creates_the_runner_of_an_object_in_four_writes() {
    let server = asked();
    let _replica = Replica::starts(&server, "a");
    until(&server, |w| w.asked.iter().any(|a| a.method == Method::POST && a.path == RUNNERS)).await;
    let patch = |path: &str| format!("PATCH {path}");
    assert_eq!(writes(&server.world()), [patch(OBJECT), patch(STATUS), patch(STATUS), format!("POST {RUNNERS}")]);
    let pod = server.asked(Method::POST, RUNNERS).remove(0).body;
    assert_eq!(pod["metadata"]["name"], format!("runner-{}", status(&server.world())["run"]["id"].as_str().unwrap()));
    assert_eq!(pod["spec"]["containers"][0]["securityContext"]["readOnlyRootFilesystem"], true);
}

#[tokio::test(start_paused = true)]
async fn a_controller_killed_after_any_write_resumes_and_makes_one_run() {
    for dies_after in 1.. {
        let server = asked();
        server.kubelet(performs);
        let mut replica = Replica::starts(&server, "first");
        let writing = server.until(|w| writes(w).len() >= dies_after);
        let reached = tokio::time::timeout(Duration::from_secs(60), writing).await.is_ok();
        replica.dies().await;
        replica = Replica::starts(&server, "second");
        until(&server, is_done).await;
        assert_eq!(runs(&server).len(), 1, "killed after {dies_after} writes: {:?}", runs(&server));
        let made = server.asked(Method::POST, RUNNERS);
        assert!(made.iter().all(|p| p.body["metadata"]["name"] == made[0].body["metadata"]["name"]));
        // And it goes, whenever that was.
        server.world().merge(OBJECT, &json!({"metadata": {"deletionTimestamp": "2024-01-01T00:00:00Z"}}));
        until(&server, |w| w.get(OBJECT).is_none()).await;
        replica.dies().await;
        if !reached {
            assert!(dies_after > 4, "it came to its end in {dies_after} writes");
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn observes_concurrent_changes_and_makes_no_second_run() {
    let server = asked();
    server.kubelet(performs);
    for _ in 0..3 {
        server.once(Method::PATCH, STATUS, |world| {
            world.merge(OBJECT, &json!({"metadata": {"labels": {"touched": "yes"}}}));
            None
        });
    }
    let _replica = Replica::starts(&server, "a");
    until(&server, is_done).await;
    let names: std::collections::BTreeSet<String> =
        server.asked(Method::POST, RUNNERS).iter().map(|p| p.body["metadata"]["name"].to_string()).collect();
    assert_eq!(names.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn creates_no_second_runner_when_the_answer_was_lost() {
    let server = asked();
    server.kubelet(performs);
    server.once(Method::POST, RUNNERS, |_| Some(Answer::Lost));
    let _replica = Replica::starts(&server, "a");
    until(&server, is_done).await;
    assert_eq!((runs(&server).len(), status(&server.world())["run"]["outcome"].clone()), (1, json!("PASSED")));
}

#[tokio::test(start_paused = true)]
async fn retries_a_failed_runner_creation_with_backoff() {
    let server = asked();
    server.kubelet(performs);
    for _ in 0..4 {
        server.once(Method::POST, RUNNERS, |_| Some(Answer::Status(403, "Forbidden", "exceeded quota")));
    }
    let _replica = Replica::starts(&server, "a");
    until(&server, is_done).await;
    let at: Vec<_> = server.asked(Method::POST, RUNNERS).iter().map(|a| a.at).collect();
    let pauses: Vec<u64> = at.windows(2).map(|w| (w[1] - w[0]).as_secs()).collect();
    assert_eq!(pauses, [1, 2, 4, 8]);
}

#[tokio::test(start_paused = true)]
async fn accepts_the_result_of_a_runner_that_reports_at_the_last_moment() {
    let server = asked();
    server.kubelet(|world, pod| {
        world.merge(OBJECT, &json!({"status": {"run": {"podUid": "uid", "stage": "Testing"}}}));
        world.merge(pod, &json!({"status": {"phase": "Running"}}));
    });
    let replica = Replica::starts(&server, "a");
    until(&server, |w| status(w)["phase"] == "Testing").await;
    // Just before the controller looks again, to be sure that the run is lost, the last word arrives.
    server.once(Method::GET, OBJECT, |world| {
        let now = jiff::Timestamp::now().to_string();
        let word =
            json!({"stage": "Ended", "outcome": "PASSED", "exitCode": 0, "completionTime": now, "removalTime": now});
        world.merge(OBJECT, &json!({"status": {"run": word}}));
        None
    });
    let run = status(&server.world())["run"]["id"].as_str().unwrap().to_owned();
    server.world().merge(&format!("{RUNNERS}/runner-{run}"), &json!({"status": {"phase": "Failed"}}));
    until(&server, is_done).await;
    assert_eq!(status(&server.world())["run"]["outcome"], "PASSED");
    replica.dies().await;
}

#[tokio::test(start_paused = true)]
async fn marks_a_run_without_a_runner_lost_and_removes_its_environment() {
    let server = asked();
    server.kubelet(|world, pod| {
        world.merge(OBJECT, &json!({"status": {"run": {"podUid": "uid", "stage": "Testing"}}}));
        world.merge(pod, &json!({"status": {"phase": "Failed"}}));
    });
    let _replica = Replica::starts(&server, "a");
    until(&server, is_done).await;
    let status = status(&server.world());
    assert_eq!((&status["run"]["outcome"], &status["run"]["exitCode"]), (&json!("ERROR"), &json!(1)));
    assert_eq!(runs(&server).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_second_replica_acts_only_when_the_leader_is_silent() {
    let server = asked();
    let first = Replica::starts(&server, "first");
    let lease = "/apis/coordination.k8s.io/v1/namespaces/dayfly-system/leases/dayfly-controller";
    let holds = |w: &World, name: &str| w.get(lease).is_some_and(|l| l["spec"]["holderIdentity"] == name);
    until(&server, |w| holds(w, "first")).await;
    let second = Replica::starts(&server, "second");
    until(&server, |w| w.asked.iter().any(|a| a.method == Method::POST && a.path == RUNNERS)).await;
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert!(holds(&server.world(), "first"));
    let silent = tokio::time::Instant::now();
    first.dies().await;
    until(&server, |w| holds(w, "second")).await;
    let took = silent.elapsed();
    assert!(took >= Duration::from_secs(8) && took < Duration::from_secs(15), "{took:?} of the story's own time");
    second.dies().await;
}

#[tokio::test(start_paused = true)]
async fn a_stopped_leader_releases_its_lease_at_once() {
    let server = asked();
    let lease = "/apis/coordination.k8s.io/v1/namespaces/dayfly-system/leases/dayfly-controller";
    let holds = |w: &World, name: &str| w.get(lease).is_some_and(|l| l["spec"]["holderIdentity"] == name);
    let first = Replica::starts(&server, "first");
    until(&server, |w| holds(w, "first")).await;
    let second = Replica::starts(&server, "second");
    until(&server, |w| w.asked.iter().any(|a| a.method == Method::POST && a.path == RUNNERS)).await;
    let told = tokio::time::Instant::now();
    first.1.cancel();
    first.0.await.unwrap();
    until(&server, |w| holds(w, "second")).await;
    assert!(told.elapsed() <= Duration::from_secs(3), "{:?} of the story's own time", told.elapsed());
    second.dies().await;
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_cannot_renew_its_lease_exits_before_it_expires() {
    let server = asked();
    let replica = Replica::starts(&server, "a");
    let lease = "/apis/coordination.k8s.io/v1/namespaces/dayfly-system/leases/dayfly-controller";
    until(&server, |w| w.get(lease).is_some()).await;
    let silent = tokio::time::Instant::now();
    for _ in 0..20 {
        server.once(Method::GET, lease, |_| Some(Answer::Status(500, "InternalError", "etcd is away")));
    }
    let ended = tokio::time::timeout(Duration::from_secs(60), replica.0).await.expect("it goes on");
    assert!(ended.unwrap_err().is_panic(), "it ends with an error");
    assert!(silent.elapsed() < Duration::from_secs(10), "{:?} of the story's own time", silent.elapsed());
}
