//! The user behind a TestEnvironment: known only while the installed policy checks every annotation.

use dayfly::controller::runner::requester::{POLICY, user};
use dayfly::crd::{TestEnvironment, USER};
use http::Method;
use serde_json::{Value, json};

use super::api_server::{Answer, ApiServer};
use super::engine;

const POLICIES: &str = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies";
const BINDINGS: &str = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings";
const INSTALLED: &str = "2026-01-01T00:00:00Z";

/// The policy or its binding, as installed.
fn manifest(kind: &str) -> Value {
    let all = dayfly::install::manifests::all(dayfly::install::manifests::IMAGE).unwrap();
    let mut found = all.into_iter().find(|m| m.resource.kind == kind && m.name == POLICY).unwrap().value;
    found["metadata"]["creationTimestamp"] = json!(INSTALLED);
    found
}

/// A server with the policy, and its binding with these changes.
fn server(change: &Value) -> ApiServer {
    let server = ApiServer::default();
    server.world().put(&format!("{POLICIES}/{POLICY}"), manifest("ValidatingAdmissionPolicy"));
    server.world().put(&format!("{BINDINGS}/{POLICY}"), manifest("ValidatingAdmissionPolicyBinding"));
    server.world().merge(&format!("{BINDINGS}/{POLICY}"), change);
    server
}

fn object(created: &str, annotations: &Value) -> TestEnvironment {
    serde_json::from_value(json!({
        "apiVersion": "dayfly.dev/v1alpha1", "kind": "TestEnvironment",
        "metadata": {"name": "shop", "namespace": "team", "creationTimestamp": created, "annotations": annotations},
        "spec": {"pullRequest": 7, "commit": "4d1f0c2", "description": {"inline": "x"}},
    }))
    .unwrap()
}

async fn seen(server: &ApiServer, object: &TestEnvironment) -> Option<String> {
    user(&engine(server).client(), object).await
}

#[tokio::test(start_paused = true)]
async fn believes_the_annotation_that_the_policy_checked() {
    let alice = json!({USER: "alice"});
    let later = object("2026-01-01T00:00:01Z", &alice);
    assert_eq!(seen(&server(&json!({})), &later).await.as_deref(), Some("alice"));
    // It may have been written before the policy was there.
    for created in [INSTALLED, "2025-12-31T00:00:00Z"] {
        assert_eq!(seen(&server(&json!({})), &object(created, &alice)).await, None, "{created}");
    }
    for nobody in [json!({}), json!({USER: ""})] {
        assert_eq!(seen(&server(&json!({})), &object("2026-01-01T00:00:01Z", &nobody)).await, None);
    }
}

#[tokio::test(start_paused = true)]
async fn believes_nobody_where_a_wrong_annotation_may_pass() {
    let later = object("2026-01-01T00:00:01Z", &json!({USER: "alice"}));
    for weaker in [
        json!({"spec": {"validationActions": ["Warn", "Audit"]}}),
        json!({"spec": {"policyName": "dayfly-objects"}}),
        json!({"spec": {"matchResources": {"namespaceSelector": {"matchLabels": {"checked": "yes"}}}}}),
        json!({"metadata": {"creationTimestamp": "2026-01-02T00:00:00Z"}}),
    ] {
        assert_eq!(seen(&server(&weaker), &later).await, None, "{weaker}");
    }
    for path in [POLICIES, BINDINGS] {
        let without = server(&json!({}));
        without
            .once(Method::GET, &format!("{path}/{POLICY}"), |_| Some(Answer::Status(404, "NotFound", "there is none")));
        assert_eq!(seen(&without, &later).await, None, "{path}");
        let unread = server(&json!({}));
        unread.once(Method::GET, &format!("{path}/{POLICY}"), |_| Some(Answer::Status(403, "Forbidden", "no")));
        assert_eq!(seen(&unread, &later).await, None, "{path}");
    }
}
