//! A unit that does not start, and what is said about it.

use std::time::Duration;

use dayfly::engine::EngineError;
use http::Method;
use serde_json::{Value, json};

use super::api_server::{Answer, ApiServer, World};
use super::{NAMESPACE, POD, PODS, all_run, in_state, running, started};

/// The error of a start whose pod is refused in these words.
async fn refused(code: u16, reason: &'static str, words: &'static str) -> EngineError {
    let server = ApiServer::default();
    server.kubelet(all_run);
    server.once(Method::POST, PODS, move |_| Some(Answer::Status(code, reason, words)));
    let refused = started(&server).await.unwrap_err();
    assert_eq!(server.asked(Method::POST, PODS).len(), 1);
    refused
}

/// The error of a start whose pod the kubelet treats like this.
async fn stuck(kubelet: impl Fn(&mut World, &str) + Send + Sync + 'static) -> EngineError {
    let server = ApiServer::default();
    server.kubelet(kubelet);
    started(&server).await.unwrap_err()
}

async fn waiting(reason: &'static str, message: &'static str) -> EngineError {
    stuck(move |world, pod| world.merge(pod, &in_state(json!({"waiting": {"reason": reason, "message": message}}))))
        .await
}

/// An event about a pod, told since long ago.
fn event(world: &mut World, pod: &str, number: u8, reason: &str, kind: &str, message: &str) {
    let about = &world.get(pod).unwrap()["metadata"];
    let about = json!({"kind": "Pod", "name": about["name"], "uid": about["uid"]});
    let name = format!("api.{number}");
    world.put(
        &format!("{NAMESPACE}/events/{name}"),
        json!({
            "metadata": {"name": name}, "involvedObject": about, "reason": reason, "type": kind, "message": message,
            "firstTimestamp": format!("2024-01-01T00:00:0{number}Z"),
        }),
    );
}

fn assert_start(error: &EngineError, words: &[&str]) {
    let EngineError::Start { unit, reason, .. } = error else { panic!("{error:?}") };
    assert_eq!(unit, "api");
    for word in words {
        assert!(reason.contains(word), "no {word:?} in {reason:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn reports_an_exceeded_quota_at_once_as_missing_capacity() {
    let words = r#"pods "api" is forbidden: exceeded quota: team, requested: pods=1, used: pods=5, limited: pods=5"#;
    let error = refused(403, "Forbidden", words).await;
    assert!(
        matches!(&error, EngineError::Capacity(why) if why.contains("limited: pods=5") && why.starts_with("api")),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn retries_while_the_quota_is_uncounted() {
    let server = ApiServer::default();
    server.kubelet(all_run);
    // Nobody has counted at all, or what has just gone still counts.
    let unknown = r#"pods "api" is forbidden: status unknown for quota: dayfly, resources: limits.cpu,pods"#;
    let late = r#"pods "api" is forbidden: exceeded quota: dayfly, requested: pods=1, used: pods=5, limited: pods=5"#;
    for words in [unknown, unknown, late] {
        server.once(Method::POST, PODS, move |_| Some(Answer::Status(403, "Forbidden", words)));
    }
    started(&server).await.unwrap();
    assert_eq!(server.asked(Method::POST, PODS).len(), 4);
    let server = ApiServer::default();
    for _ in 0..1000 {
        server.once(Method::POST, PODS, move |_| Some(Answer::Status(403, "Forbidden", late)));
    }
    let error = started(&server).await.unwrap_err();
    assert!(matches!(&error, EngineError::Capacity(why) if why.contains("limited: pods=5")), "{error}");
}

#[tokio::test(start_paused = true)]
async fn repeats_an_interrupted_pod_creation_without_replacing_the_pod() {
    for broke in [Answer::Broken, Answer::Lost] {
        let server = ApiServer::default();
        server.kubelet(all_run);
        server.once(Method::POST, PODS, move |_| Some(broke));
        started(&server).await.unwrap();
        assert_eq!(server.asked(Method::POST, PODS).len(), 2);
        assert!(server.asked(Method::DELETE, POD).is_empty());
    }
    let server = ApiServer::default();
    for _ in 0..1000 {
        server.once(Method::POST, PODS, |_| Some(Answer::Broken));
    }
    assert_start(&started(&server).await.unwrap_err(), &["connection reset by peer"]);
    assert!((2..100).contains(&server.asked(Method::POST, PODS).len()));
}

#[tokio::test(start_paused = true)]
async fn retries_while_a_restarted_server_has_not_read_the_roles() {
    let server = ApiServer::default();
    server.kubelet(all_run);
    server.once(Method::POST, PODS, |_| Some(Answer::Unreached));
    server.once(Method::POST, PODS, |_| {
        Some(Answer::Status(403, "Forbidden", r#"pods is forbidden: User "ci" cannot create resource "pods""#))
    });
    started(&server).await.unwrap();
    assert_eq!(server.asked(Method::POST, PODS).len(), 3);
}

#[tokio::test(start_paused = true)]
async fn names_the_role_that_a_user_lacks() {
    let words =
        r#"pods is forbidden: User "ci" cannot create resource "pods" in API group "" in the namespace "sample-pr-1""#;
    assert_start(&refused(403, "Forbidden", words).await, &["manifests/install/rbac-cli.yaml", r#"User "ci""#]);
}

#[tokio::test(start_paused = true)]
async fn names_the_admission_webhook_and_quotes_it() {
    for (code, reason) in [(400, "BadRequest"), (403, "Forbidden")] {
        let words = r#"admission webhook "images.example.com" denied the request: only our own registry"#;
        let error = refused(code, reason, words).await;
        assert_start(&error, &["admission webhook", "images.example.com", "only our own registry"]);
    }
}

#[tokio::test(start_paused = true)]
async fn names_pod_security_and_its_violation() {
    let words = r#"pods "api" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true"#;
    assert_start(&refused(403, "Forbidden", words).await, &["Pod Security", "`security.user`", "runAsNonRoot != true"]);
}

/// Changes the pod when it has been there for long.
fn later(server: &ApiServer, change: Value) {
    let server = server.clone();
    tokio::spawn(async move {
        server.until(|world| world.asked.iter().any(|a| a.method == Method::POST && a.path == PODS)).await;
        tokio::time::sleep(Duration::from_secs(60)).await;
        server.world().merge(POD, &change);
    });
}

#[tokio::test(start_paused = true)]
async fn names_an_unavailable_image_with_the_first_reason() {
    const FIRST: &str = r#"Failed to pull image "registry.test/api:1": rpc error: code = NotFound desc = not found"#;
    let server = ApiServer::default();
    server.kubelet(|world, pod| {
        event(world, pod, 1, "Failed", "Warning", FIRST);
        event(world, pod, 2, "Failed", "Warning", "Error: ImagePullBackOff");
    });
    later(&server, in_state(json!({"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}})));
    let by_event = started(&server).await.unwrap_err();
    let by_status = waiting("ErrImagePull", FIRST).await;
    for error in [by_event, by_status] {
        let EngineError::Images(images) = &error else { panic!("{error:?}") };
        assert_eq!(images[0].0, "registry.test/api:1");
        for words in ["check name and tag", "code = NotFound", "used by api"] {
            assert!(images[0].1.contains(words), "{}", images[0].1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn reports_why_a_container_cannot_be_created() {
    let root = "container has runAsNonRoot and image will run as root (pod: \"api\", container: unit)";
    let root = waiting("CreateContainerConfigError", root).await;
    assert_start(&root, &["its image runs as root", "`security.user`", "container: unit"]);
    let secret = waiting("CreateContainerConfigError", "secret \"unit.api\" not found").await;
    assert_start(&secret, &["secret \"unit.api\" not found"]);
}

#[tokio::test(start_paused = true)]
async fn names_a_missing_command_even_while_it_is_retried() {
    let said = r#"failed to create containerd task: exec: "/nope": stat /nope: no such file or directory"#;
    let end = json!({"terminated": {"exitCode": 128, "reason": "StartError", "message": said}});
    let error = stuck({
        let end = end.clone();
        move |world, pod| world.merge(pod, &in_state(end.clone()))
    })
    .await;
    assert_start(&error, &["its command", "/nope"]);
    let error = stuck(move |world, pod| {
        let mut again = in_state(json!({"waiting": {"reason": "RunContainerError", "message": "again"}}));
        again["status"]["containerStatuses"][0]["lastState"] = end.clone();
        world.merge(pod, &again);
    })
    .await;
    assert_start(&error, &["its command", "/nope"]);
}

#[tokio::test(start_paused = true)]
async fn reports_an_unschedulable_pod_as_missing_capacity_after_a_while() {
    let error = stuck(|world, pod| {
        let refused = json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes are available: 3 Insufficient memory."});
        world.merge(pod, &json!({
            "metadata": {"creationTimestamp": "2024-01-01T00:00:00Z"},
            "status": {"phase": "Pending", "conditions": [refused]},
        }));
    })
    .await;
    assert!(matches!(&error, EngineError::Capacity(why) if why.contains("3 Insufficient memory")), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn names_a_failed_mount_after_a_while() {
    let error =
        stuck(|world, pod| event(world, pod, 1, "FailedMount", "Warning", "secret \"unit.api\" not found")).await;
    assert_start(&error, &["FailedMount", "secret \"unit.api\" not found"]);
}

/// A kubelet that could not mount a volume, then could, and pulls for long.
fn pulls(world: &mut World, pod: &str) {
    event(world, pod, 1, "FailedMount", "Warning", "failed to sync secret cache: timed out waiting for the condition");
    event(world, pod, 2, "Pulling", "Normal", "Pulling image \"registry.test/api:1\"");
    world.merge(pod, &in_state(json!({"waiting": {"reason": "ContainerCreating"}})));
}

#[tokio::test(start_paused = true)]
async fn ignores_failures_that_precede_the_image_pull() {
    let server = ApiServer::default();
    server.kubelet(pulls);
    later(&server, running());
    started(&server).await.unwrap();
}
