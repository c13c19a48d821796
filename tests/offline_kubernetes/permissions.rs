//! Compares the requests of whole runs with the permissions that dayfly names and those that `manifests/install` grants.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use dayfly::engine::kubernetes::{NEEDED_PERMISSIONS, ServiceAccountRef};
use dayfly::engine::{Engine, RemovalScope, ReplacePolicy};
use dayfly::lease::{Lease, RetentionChange};
use dayfly::plan::{Confinement, ContainerSuite, Limits, Position, SuiteExecutor, SuitePlan, Unit};
use dayfly::secrets::Secrets;
use dayfly::spec::model::VerdictSource;
use dayfly::testing;
use futures::StreamExt;
use http::Method;
use serde_json::{Value, json};

use super::api_server::{Answer, ApiServer, Asked};
use super::{ENVIRONMENT, NAMESPACE, POD, engine_of, lease};

const REVIEWS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

/// Needed permissions that no request here uses: nodes are read for an image of a registry that has several platforms, and
/// since Kubernetes 1.35, the API server checks `create` for WebSockets, whose requests are GETs.
const UNSEEN: [&str; 3] = ["/nodes get", "/pods/exec create", "/pods/portforward create"];
/// API groups in which everybody may ask about themselves, by Kubernetes' own role `system:basic-user`.
const GRANTED_TO_EVERYBODY: [&str; 2] = ["authentication.k8s.io/", "authorization.k8s.io/"];

/// The permissions that a request requires, as `group/resource verb`, and its namespace.
fn required(asked: &Asked) -> (Vec<String>, Option<String>) {
    let parts: Vec<&str> = asked.path.trim_start_matches('/').split('/').collect();
    let (group, rest) = match parts[0] {
        "api" => ("", &parts[2..]),
        _ => (parts[1], &parts[3..]),
    };
    let (namespace, rest) = match rest {
        ["namespaces", namespace, _, ..] => (Some((*namespace).to_owned()), &rest[2..]),
        _ => (None, rest),
    };
    let resource = match rest {
        [resource, _, subresource] => format!("{resource}/{subresource}"),
        _ => rest[0].to_owned(),
    };
    let named = rest.len() > 1;
    // Server-side apply creates what does not exist.
    let applies = asked.query.get("force").is_some_and(|f| f == "true");
    let verbs: &[&str] = match (&asked.method, named) {
        (&Method::GET, true) => &["get"],
        (&Method::GET, false) if asked.watches() => &["watch"],
        (&Method::GET, false) => &["list"],
        (&Method::POST, _) => &["create"],
        (&Method::PATCH, _) if applies => &["create", "patch"],
        (&Method::PATCH, _) => &["patch"],
        (&Method::PUT, _) => &["update"],
        (&Method::DELETE, true) => &["delete"],
        (&Method::DELETE, false) => &["deletecollection"],
        other => panic!("{other:?} {}", asked.path),
    };
    (verbs.iter().map(|verb| format!("{group}/{resource} {verb}")).collect(), namespace)
}

/// The permissions that a ClusterRole of `manifests/install` grants for all names.
fn granted(file: &str, role: &str) -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests/install").join(file);
    let text = std::fs::read_to_string(path).unwrap();
    let documents = text.split("\n---\n").map(|d| serde_yaml::from_str::<Value>(d).unwrap());
    let mut roles = documents.filter(|d| d["kind"] == "ClusterRole" && d["metadata"]["name"] == role);
    let list = |v: &Value| v.as_array().unwrap().iter().map(|x| x.as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let mut granted = BTreeSet::new();
    for rule in roles.next().unwrap()["rules"].as_array().unwrap().iter().filter(|r| r["resourceNames"].is_null()) {
        for (group, resource) in list(&rule["apiGroups"]).iter().zip(std::iter::repeat(list(&rule["resources"]))) {
            for resource in resource {
                granted.extend(list(&rule["verbs"]).iter().map(|verb| format!("{group}/{resource} {verb}")));
            }
        }
    }
    granted
}

fn needed() -> BTreeSet<String> {
    let each = NEEDED_PERMISSIONS.iter();
    each.flat_map(|(group, resource, verbs)| verbs.iter().map(move |v| format!("{group}/{resource} {v}"))).collect()
}

fn for_everybody(permission: &str) -> bool {
    GRANTED_TO_EVERYBODY.iter().any(|group| permission.starts_with(group))
}

/// A run with one unit and one container suite.
fn run_of(number: u128, image: &str) -> Lease {
    let confinement = Confinement { user: Some("1000:1000".into()), ..Confinement::default() };
    let limits = Limits { memory: 1 << 28, cpu_millis: 1000, pids: 256 };
    let api = Unit {
        image: image.into(),
        files: [("/etc/api.conf".to_owned(), b"port = 80".to_vec())].into(),
        confinement: confinement.clone(),
        ..testing::unit("api")
    };
    let executor = SuiteExecutor::Container(Box::new(ContainerSuite {
        image: "registry.test/suite:1".into(),
        command: vec![],
        args: vec![],
        working_dir: None,
        env: BTreeMap::new(),
        secret_env: BTreeMap::new(),
        results: "/results".into(),
        verdict: VerdictSource::ExitCode,
        fail_on: Default::default(),
        limits,
        confinement,
    }));
    let mut plan = testing::plan(vec![api]);
    plan.suites = [("e2e".to_owned(), SuitePlan { executor, ..testing::suite("e2e", vec![]) })].into();
    Lease { plan, ..lease(number) }
}

fn containers(state: &Value) -> Value {
    let status = |name: &str| json!({"name": name, "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": state});
    let statuses = ["unit", "agent"].map(status);
    json!({"status": {"phase": "Running", "podIP": "10.244.0.9", "containerStatuses": statuses}})
}

/// Objects of an older run that the next run does not want, one of each kind.
fn put_strays(server: &ApiServer) {
    let stray = json!({"metadata": {"name": "stray", "labels": {"dayfly.dev/environment": ENVIRONMENT}}});
    let core = ["services", "secrets", "configmaps", "serviceaccounts", "limitranges", "resourcequotas"];
    let core = core.map(|resource| format!("{NAMESPACE}/{resource}/stray"));
    let others = ["batch/v1 jobs", "networking.k8s.io/v1 networkpolicies"].map(|api| {
        let (group, resource) = api.split_once(' ').unwrap();
        format!("/apis/{group}/namespaces/{ENVIRONMENT}/{resource}/stray")
    });
    for path in core.iter().chain(&others) {
        let mut object = stray.clone();
        object["spec"] = json!({});
        server.world().put(path, object);
    }
}

/// Every request of: a run, a newer run that takes over its environment, all operations of a test, and the removal.
async fn requests(account: Option<ServiceAccountRef>) -> Vec<Asked> {
    let server = ApiServer::default();
    let running = containers(&json!({"running": {"startedAt": "2024-01-01T00:00:00Z"}}));
    let runs = running.clone();
    server.kubelet(move |world, pod| world.merge(pod, &runs));
    for _ in 0..2 {
        server.once(Method::POST, REVIEWS, |_| Some(Answer::Text(r#"{"spec": {}, "status": {"allowed": true}}"#)));
    }
    let older = run_of(1, "registry.test/api:1");
    let engine = engine_of(&server, account.clone());
    engine.claim(&older, ReplacePolicy::Recreate.into()).await.unwrap();
    engine.prepare(&older, &Secrets::default()).await.unwrap();
    engine.start(&older, "api").await.unwrap();
    put_strays(&server);

    let run = run_of(2, "registry.test/api:2");
    let engine = engine_of(&server, account.clone());
    if account.is_none() {
        engine.lacking().await.unwrap();
    }
    engine.account().await;
    engine.claim(&run, ReplacePolicy::InPlace.into()).await.unwrap();
    engine.prepare(&run, &Secrets::default()).await.unwrap();
    engine.start(&run, "api").await.unwrap();
    let before = server.asked(Method::PATCH, POD).len();
    let kubelet = server.clone();
    tokio::spawn(async move {
        let stops = |w: &super::api_server::World| {
            w.asked.iter().filter(|a| a.method == Method::PATCH && a.path == POD).count() > before
        };
        kubelet.until(stops).await;
        kubelet.world().merge(POD, &containers(&json!({"terminated": {"exitCode": 0}})));
    });
    engine.stop(&run, "api").await.unwrap();
    server.world().merge(POD, &running);
    engine.start_agent(&run, &Position::Control).await.err();
    engine.start_agent(&run, &Position::Inside("api".into())).await.err();
    engine.port_forward(&run, "api", 80).await.err();
    // No kubelet makes the Job's pod, so that the suite fails to start after some time.
    engine.run_suite(&run, &run.plan.suites["e2e"], &Secrets::default(), &|_| {}).await.unwrap_err();
    engine.infrastructure_endpoints(ENVIRONMENT).await.err();
    engine.update_retention(ENVIRONMENT, run.run, &RetentionChange::Used(run.expires)).await.unwrap();
    engine.observe(ENVIRONMENT).await.unwrap();
    engine.list().await.unwrap();
    engine.running_containers(ENVIRONMENT).await.unwrap();
    engine.diagnostics(ENVIRONMENT).await.unwrap();
    engine.lease(ENVIRONMENT).await.unwrap();
    let logs = engine.logs(ENVIRONMENT, Some("api"), None, false).await.unwrap();
    tokio::time::timeout(Duration::from_secs(60), logs.collect::<Vec<_>>()).await.unwrap();
    assert_eq!(engine.remove(ENVIRONMENT, RemovalScope::Run(run.run)).await.unwrap(), []);
    let world = server.world();
    world.asked.clone()
}

#[tokio::test(start_paused = true)]
async fn the_cli_role_grants_exactly_what_a_whole_run_requests() {
    let seen: BTreeSet<String> = requests(None).await.iter().flat_map(|a| required(a).0).collect();
    let granted = granted("rbac-cli.yaml", "dayfly-cli");
    let refused: Vec<&String> = seen.iter().filter(|p| !for_everybody(p) && !granted.contains(*p)).collect();
    assert!(refused.is_empty(), "rbac-cli.yaml does not grant {refused:#?}");
    let needed = needed();
    let unlisted: Vec<&String> =
        seen.iter().filter(|p| !p.starts_with(GRANTED_TO_EVERYBODY[0]) && !needed.contains(*p)).collect();
    assert!(unlisted.is_empty(), "NEEDED_PERMISSIONS does not list {unlisted:#?}");
    for listed in [&needed, &granted] {
        let unseen: Vec<&str> = listed.difference(&seen).map(String::as_str).collect();
        assert_eq!(unseen, UNSEEN);
    }
}

#[tokio::test(start_paused = true)]
async fn the_runner_roles_grant_what_a_whole_run_requests_in_its_environment_and_outside() {
    let account = ServiceAccountRef { namespace: "dayfly-system".into(), name: "dayfly-runner".into() };
    let everywhere = granted("rbac-runner.yaml", "dayfly-runner");
    let inside = granted("rbac-runner.yaml", "dayfly-environment");
    let mut seen_inside = BTreeSet::new();
    for asked in requests(Some(account)).await {
        let (permissions, namespace) = required(&asked);
        let in_environment = namespace.as_deref() == Some(ENVIRONMENT);
        for permission in permissions {
            assert!(
                everywhere.contains(&permission)
                    || for_everybody(&permission)
                    || (in_environment && inside.contains(&permission)),
                "rbac-runner.yaml does not grant {permission}: {} {}",
                asked.method,
                asked.path
            );
            if in_environment {
                seen_inside.insert(permission);
            }
        }
    }
    let unseen: Vec<&str> = inside.difference(&seen_inside).map(String::as_str).collect();
    assert_eq!(unseen, UNSEEN[1..]);
}
