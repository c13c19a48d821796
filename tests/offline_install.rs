//! The installed objects: the same from every source, with exactly the rights listed here, in restricted pods.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use dayfly::controller::metrics::Metrics;
use dayfly::crd::TestEnvironmentSummary;
use dayfly::install::manifests;
use k8s_openapi::api::admissionregistration::v1::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::CronJob;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, PodSpec, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn manifest(name: &str) -> PathBuf {
    repository().join("manifests/install").join(name)
}

/// All installed objects.
fn objects() -> Vec<Value> {
    manifests::all(manifests::IMAGE).unwrap().into_iter().map(|m| m.value).collect()
}

fn of_kind(kind: &str) -> Vec<Value> {
    objects().into_iter().filter(|o| o["kind"] == kind).collect()
}

fn parsed(yaml: &str) -> Vec<Value> {
    let documents = format!("\n{yaml}");
    let documents = documents.split("\n---\n").filter(|d| !d.trim().is_empty());
    documents.map(|d| serde_yaml::from_str(d).unwrap()).collect()
}

fn named(object: &Value) -> String {
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let (kind, metadata) = (&object["kind"], &object["metadata"]);
    format!("{} {}/{}", text(kind), text(&metadata["namespace"]), text(&metadata["name"]))
}

fn kustomize(folder: &Path) -> Vec<Value> {
    let done = Command::new("kubectl").arg("kustomize").arg(folder).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    parsed(&String::from_utf8(done.stdout).unwrap())
}

fn dayfly(arguments: &[&str]) -> String {
    let mut command = assert_cmd::Command::cargo_bin("dayfly").unwrap();
    // No cluster.
    command.env("KUBECONFIG", "/nonexistent").env_remove("DAYFLY_AGENT_IMAGE").args(arguments);
    String::from_utf8(command.assert().code(0).get_output().stdout.clone()).unwrap()
}

#[test]
fn the_crd_manifest_is_up_to_date() {
    let generated = dayfly::crd::definition().unwrap();
    if std::env::var_os("DAYFLY_REGENERATE").is_some() {
        std::fs::write(manifest("crd.yaml"), &generated).unwrap();
    }
    let committed = std::fs::read_to_string(manifest("crd.yaml")).unwrap_or_default();
    assert!(
        committed == generated,
        "manifests/install/crd.yaml is out of date: DAYFLY_REGENERATE=1 cargo test --test offline_install"
    );
}

#[test]
fn kustomize_install_and_the_library_agree_on_objects_and_order() {
    let (from_files, printed) = (kustomize(&manifest("")), parsed(&dayfly(&["install", "--dry-run"])));
    let names = |all: &[Value]| all.iter().map(named).collect::<Vec<_>>();
    assert_eq!(names(&printed), names(&from_files));
    for ((printed, built_in), from_files) in printed.into_iter().zip(objects()).zip(from_files) {
        let name = named(&from_files);
        assert!(whole(printed.clone()) == whole(from_files.clone()), "{name}: {printed}\nis not\n{from_files}");
        assert!(whole(built_in) == whole(from_files), "{name}");
    }
}

/// Programs write 1.0 or 1.
fn whole(value: Value) -> Value {
    match value {
        Value::Number(n) => n.as_f64().map_or(Value::Null, Value::from),
        Value::Array(items) => items.into_iter().map(whole).collect(),
        Value::Object(map) => Value::Object(map.into_iter().map(|(k, v)| (k, whole(v))).collect()),
        other => other,
    }
}

#[test]
fn image_flags_apply_to_every_pod() {
    let image = "registry.example/dayfly@sha256:0123";
    for arguments in [["install", "--dry-run", "--image", image], ["install", "--dry-run", "--agent-image", image]] {
        let printed = dayfly(&arguments);
        assert!(!printed.contains(manifests::IMAGE), "{printed}");
        assert_eq!(printed.matches(image).count(), 2, "controller and reaper");
    }
}

#[test]
fn the_documented_overlay_sets_the_image_and_adds_components() {
    let overlay = tempfile::tempdir_in(repository().join("manifests")).unwrap();
    std::fs::write(overlay.path().join("kustomization.yaml"), overlay_of_the_guide()).unwrap();
    let built = kustomize(overlay.path());
    let text = serde_json::to_string(&built).unwrap();
    assert!(!text.contains("localhost/dayfly"), "{text}");
    let kinds: Vec<String> = built.iter().map(named).collect();
    let added = "ServiceMonitor dayfly-system/dayfly-controller";
    assert!(kinds.iter().any(|k| k == added), "{added} is not in {kinds:?}");
    // Its name has a hash of its content, so that a change restarts the controller.
    let configuration = kinds.iter().find_map(|k| k.strip_prefix("ConfigMap dayfly-system/")).unwrap();
    let controller = built.iter().find(|o| o["kind"] == "Deployment").unwrap();
    let from = &controller["spec"]["template"]["spec"]["containers"][0]["envFrom"][0]["configMapRef"]["name"];
    assert!(configuration.starts_with("dayfly-") && from == configuration, "{from} is not {configuration}");
    let reaper = built.iter().find(|o| o["kind"] == "CronJob").unwrap();
    let command = &reaper["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["command"];
    assert!(command.as_array().unwrap().iter().any(|a| a == "--forge"), "{command}");
}

/// The overlay that docs/controller.md shows, on the manifests beside it.
fn overlay_of_the_guide() -> String {
    let guide = std::fs::read_to_string(repository().join("docs/controller.md")).unwrap();
    let (_, rest) = guide.split_once("```yaml\n# kustomization.yaml\n").expect("the guide shows an overlay");
    rest.split_once("```").unwrap().0.replace("dayfly/manifests/install", "../install")
}

fn through<T: DeserializeOwned + Serialize>(value: &Value) -> Value {
    let typed: T = serde_json::from_value(value.clone()).unwrap_or_else(|e| panic!("{}: {e}", named(value)));
    serde_json::to_value(&typed).unwrap()
}

/// Every field that is in `before` and not in `after`.
fn lost(before: &Value, after: &Value, at: &str, all: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(b), Value::Object(a)) => {
            for (key, value) in b {
                match a.get(key) {
                    Some(kept) => lost(value, kept, &format!("{at}.{key}"), all),
                    None if [Value::Null, Value::Array(vec![]), serde_json::json!({})].contains(value) => {}
                    None => all.push(format!("{at}.{key}")),
                }
            }
        }
        (Value::Array(b), Value::Array(a)) => {
            b.iter().zip(a).enumerate().for_each(|(i, (b, a))| lost(b, a, &format!("{at}[{i}]"), all));
        }
        _ => {}
    }
}

#[test]
fn every_manifest_parses_without_unknown_fields() {
    for object in objects() {
        let typed = match object["kind"].as_str().unwrap() {
            "Namespace" => through::<Namespace>(&object),
            "CustomResourceDefinition" => through::<CustomResourceDefinition>(&object),
            "ValidatingAdmissionPolicy" => through::<ValidatingAdmissionPolicy>(&object),
            "ValidatingAdmissionPolicyBinding" => through::<ValidatingAdmissionPolicyBinding>(&object),
            "ConfigMap" => through::<ConfigMap>(&object),
            "ServiceAccount" => through::<ServiceAccount>(&object),
            "ClusterRole" => through::<ClusterRole>(&object),
            "ClusterRoleBinding" => through::<ClusterRoleBinding>(&object),
            "Role" => through::<Role>(&object),
            "RoleBinding" => through::<RoleBinding>(&object),
            "NetworkPolicy" => through::<NetworkPolicy>(&object),
            "Service" => through::<Service>(&object),
            "Deployment" => through::<Deployment>(&object),
            "PodDisruptionBudget" => through::<PodDisruptionBudget>(&object),
            "CronJob" => through::<CronJob>(&object),
            other => panic!("{other} is not known to this test"),
        };
        let mut all = vec![];
        lost(&object, &typed, "", &mut all);
        assert!(all.is_empty(), "{}: no such fields: {all:?}", named(&object));
    }
}

#[test]
fn every_object_has_dayflys_label_and_namespace() {
    for object in objects() {
        assert_eq!(object["metadata"]["labels"]["app.kubernetes.io/name"], "dayfly", "{}", named(&object));
        let namespace = object["metadata"]["namespace"].as_str();
        assert!(namespace.is_none_or(|n| n == dayfly::install::NAMESPACE), "{}", named(&object));
    }
}

/// Pods of everything that is installed, by name.
fn pods() -> Vec<(String, PodSpec)> {
    let spec = |pointer: &str, o: &Value| serde_json::from_value(o.pointer(pointer).unwrap().clone()).unwrap();
    let deployments = of_kind("Deployment").into_iter().map(|o| (named(&o), spec("/spec/template/spec", &o)));
    let jobs = of_kind("CronJob").into_iter().map(|o| (named(&o), spec("/spec/jobTemplate/spec/template/spec", &o)));
    deployments.chain(jobs).collect()
}

#[test]
fn every_pod_is_restricted_limited_and_has_its_own_account() {
    let pods = pods();
    assert_eq!(pods.len(), 2);
    for (name, spec) in pods {
        let pod = spec.security_context.clone().unwrap();
        assert_eq!(pod.run_as_non_root, Some(true), "{name}");
        assert_eq!(pod.seccomp_profile.unwrap().type_, "RuntimeDefault", "{name}");
        assert!(spec.host_network.or(spec.host_pid).or(spec.host_ipc).is_none(), "{name}");
        let allowed = |v: &k8s_openapi::api::core::v1::Volume| v.secret.is_some() || v.empty_dir.is_some();
        assert!(spec.volumes.iter().flatten().all(allowed), "{name}");
        assert!(spec.service_account_name.as_deref().is_some_and(|a| a.starts_with("dayfly-")), "{name}");
        // The platform decides about priorities.
        assert!(spec.priority_class_name.is_none(), "{name}");
        for container in &spec.containers {
            let security = container.security_context.clone().unwrap();
            assert_eq!(security.allow_privilege_escalation, Some(false), "{name}");
            assert_eq!(security.read_only_root_filesystem, Some(true), "{name}");
            let capabilities = security.capabilities.unwrap();
            assert_eq!((capabilities.add, capabilities.drop), (None, Some(vec!["ALL".to_owned()])), "{name}");
            let resources = container.resources.clone().unwrap();
            assert!(
                resources.requests.unwrap().len() == 2 && resources.limits.unwrap().contains_key("memory"),
                "{name}"
            );
        }
    }
    let controller: PodSpec = pods_of("Deployment");
    let container = &controller.containers[0];
    assert!(container.liveness_probe.is_some() && container.readiness_probe.is_some());
    assert!(controller.topology_spread_constraints.is_some());
    let enforced = &of_kind("Namespace")[0]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"];
    assert_eq!(enforced, "restricted");
}

fn pods_of(kind: &str) -> PodSpec {
    pods().into_iter().find(|(name, _)| name.starts_with(kind)).unwrap().1
}

/// The rights of dayfly's accounts, in the whole cluster (`all`) or in dayfly's namespace (`own`). The roles `dayfly-cli` and
/// `dayfly-environment` are bound to nobody; src/engine/kubernetes/client/permissions.rs has their table.
const GRANTED: [(&str, &str, &str, &str); 46] = [
    ("dayfly-controller", "all", "dayfly.dev/testenvironments", "delete get list patch watch"),
    ("dayfly-controller", "all", "dayfly.dev/testenvironments/status", "patch"),
    ("dayfly-controller", "all", "dayfly.dev/testenvironments/finalizers", "update"),
    ("dayfly-controller", "all", "/configmaps", "get list"),
    ("dayfly-controller", "all", "events.k8s.io/events", "create"),
    ("dayfly-controller", "all", "/namespaces", "delete get list patch watch"),
    ("dayfly-controller", "all", "/pods", "deletecollection list"),
    ("dayfly-controller", "all", "batch/jobs", "deletecollection list"),
    ("dayfly-controller", "all", "/services", "list"),
    ("dayfly-controller", "all", "/serviceaccounts", "list"),
    ("dayfly-controller", "all", "/resourcequotas", "list"),
    ("dayfly-controller", "all", "/limitranges", "list"),
    ("dayfly-controller", "all", "networking.k8s.io/networkpolicies", "list"),
    ("dayfly-controller", "own", "/pods", "create delete get list watch"),
    ("dayfly-controller", "own", "/secrets dayfly-signing-key", "get"),
    ("dayfly-controller", "own", "/configmaps", "create patch"),
    ("dayfly-controller", "own", "/configmaps dayfly-policy", "list watch"),
    ("dayfly-controller", "own", "coordination.k8s.io/leases", "create"),
    ("dayfly-controller", "own", "coordination.k8s.io/leases dayfly-controller", "get update"),
    ("dayfly-runner", "all", "dayfly.dev/testenvironments", "get"),
    ("dayfly-runner", "all", "dayfly.dev/testenvironments/status", "patch"),
    ("dayfly-runner", "all", "/configmaps", "create get list patch"),
    ("dayfly-runner", "all", "/namespaces", "create delete get list patch watch"),
    ("dayfly-runner", "all", "rbac.authorization.k8s.io/rolebindings", "create"),
    ("dayfly-runner", "all", "rbac.authorization.k8s.io/clusterroles dayfly-environment", "bind"),
    ("dayfly-runner", "all", "/pods", "deletecollection"),
    ("dayfly-runner", "all", "batch/jobs", "deletecollection"),
    ("dayfly-runner", "all", "/nodes", "get"),
    ("dayfly-runner", "all", "/services", "get list"),
    ("dayfly-runner", "all", "/serviceaccounts", "list"),
    ("dayfly-runner", "all", "/resourcequotas", "list"),
    ("dayfly-runner", "all", "/limitranges", "list"),
    ("dayfly-runner", "all", "networking.k8s.io/networkpolicies", "list"),
    ("dayfly-runner", "all", "admissionregistration.k8s.io/validatingadmissionpolicies dayfly-requesters", "get"),
    ("dayfly-runner", "all", "admissionregistration.k8s.io/validatingadmissionpolicybindings dayfly-requesters", "get"),
    ("dayfly-reaper", "all", "/namespaces", "delete get list patch watch"),
    ("dayfly-reaper", "all", "/pods", "deletecollection list"),
    ("dayfly-reaper", "all", "batch/jobs", "deletecollection list"),
    ("dayfly-reaper", "all", "dayfly.dev/testenvironments", "patch"),
    ("dayfly-reaper", "all", "/services", "list"),
    ("dayfly-reaper", "all", "/configmaps", "list"),
    ("dayfly-reaper", "all", "/serviceaccounts", "list"),
    ("dayfly-reaper", "all", "/resourcequotas", "list"),
    ("dayfly-reaper", "all", "/limitranges", "list"),
    ("dayfly-reaper", "all", "networking.k8s.io/networkpolicies", "list"),
    ("dayfly-reaper", "own", "/configmaps", "create patch"),
];

type Rights = BTreeMap<(String, &'static str, String), BTreeSet<String>>;

fn listed() -> Rights {
    let mut rights = Rights::new();
    for (account, place, resource, verbs) in GRANTED {
        let verbs = verbs.split(' ').map(str::to_owned);
        rights.entry((account.to_owned(), place, resource.to_owned())).or_default().extend(verbs);
    }
    rights
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().map(|t| t.as_str().unwrap().to_owned()).collect()
}

fn grant(rights: &mut Rights, account: &str, place: &'static str, role: &Value) {
    for rule in role["rules"].as_array().unwrap() {
        for (group, resource) in texts(&rule["apiGroups"])
            .iter()
            .flat_map(|g| texts(&rule["resources"]).into_iter().map(move |r| (g.clone(), r)))
        {
            let names = texts(&rule["resourceNames"]).join(" ");
            let what = format!("{group}/{resource} {names}").trim().to_owned();
            rights.entry((account.to_owned(), place, what)).or_default().extend(texts(&rule["verbs"]));
        }
    }
}

#[test]
fn every_account_has_exactly_the_listed_rights() {
    let mut rights = Rights::new();
    for (kind, role_kind, place) in [("ClusterRoleBinding", "ClusterRole", "all"), ("RoleBinding", "Role", "own")] {
        for binding in of_kind(kind) {
            assert_eq!(binding["roleRef"]["kind"], role_kind, "{}", named(&binding));
            let role = of_kind(role_kind).into_iter().find(|r| r["metadata"]["name"] == binding["roleRef"]["name"]);
            let role = role.unwrap_or_else(|| panic!("{} binds a role that is not installed", named(&binding)));
            for subject in binding["subjects"].as_array().unwrap() {
                assert_eq!(
                    (&subject["kind"], &subject["namespace"]),
                    (&"ServiceAccount".into(), &"dayfly-system".into())
                );
                let account = subject["name"].as_str().unwrap();
                grant(&mut rights, account, place, &role);
            }
        }
    }
    assert_eq!(rights, listed());
    let accounts: Vec<String> = of_kind("ServiceAccount").iter().map(named).collect();
    let known: BTreeSet<&str> = GRANTED.iter().map(|(account, ..)| *account).collect();
    assert_eq!(accounts.len(), known.len(), "{accounts:?}");
}

#[test]
fn no_role_has_wildcards_and_only_runners_bind_their_own_role() {
    let own = [
        serde_json::json!({"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["rolebindings"], "verbs": ["create"]}),
        serde_json::json!({
            "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles"],
            "resourceNames": ["dayfly-environment"], "verbs": ["bind"],
        }),
    ];
    for role in of_kind("ClusterRole").into_iter().chain(of_kind("Role")) {
        let may = |rule: &&Value| role["metadata"]["name"] == "dayfly-runner" && own.contains(rule);
        for rule in role["rules"].as_array().unwrap().iter().filter(|r| !may(r)) {
            let all = [texts(&rule["apiGroups"]), texts(&rule["resources"]), texts(&rule["verbs"])].concat();
            for word in ["*", "escalate", "bind", "impersonate", "rbac.authorization.k8s.io"] {
                assert!(!all.iter().any(|w| w == word), "{}: {word}", named(&role));
            }
        }
    }
}

#[test]
fn the_admission_policies_cover_every_account_and_are_bound() {
    let policies = of_kind("ValidatingAdmissionPolicy");
    let bindings = of_kind("ValidatingAdmissionPolicyBinding");
    for policy in &policies {
        assert_eq!(policy["spec"]["failurePolicy"], "Fail", "{}", named(policy));
        let bound = bindings.iter().find(|b| b["spec"]["policyName"] == policy["metadata"]["name"]).unwrap();
        assert_eq!(bound["metadata"]["name"], policy["metadata"]["name"]);
        assert_eq!(texts(&bound["spec"]["validationActions"]), ["Deny"]);
        if policy["metadata"]["name"] == dayfly::controller::runner::requester::POLICY {
            // It covers everybody.
            assert!(policy["spec"]["matchConditions"].is_null() && bound["spec"]["matchResources"].is_null());
            assert!(serde_json::to_string(policy).unwrap().contains(dayfly::crd::USER));
            continue;
        }
        let whom = policy["spec"]["matchConditions"][0]["expression"].as_str().unwrap();
        // A policy that names no user holds for everybody.
        for account in of_kind("ServiceAccount").iter().filter(|_| whom.contains("request.userInfo")) {
            let user =
                format!("'system:serviceaccount:dayfly-system:{}'", account["metadata"]["name"].as_str().unwrap());
            assert!(whom.contains(&user), "{} does not cover {user}", named(policy));
        }
        assert!(serde_json::to_string(policy).unwrap().contains(dayfly::render::labels::ENVIRONMENT));
    }
    let text = serde_json::to_string(&policies).unwrap();
    for label in [dayfly::evidence::configmap_store::RUN, dayfly::evidence::removal_store::REMOVAL_OF] {
        assert!(text.contains(label), "no policy uses {label}");
    }
    assert_eq!(policies.len(), 4);
}

/// Names of series in a text.
fn series(text: &str) -> BTreeSet<String> {
    let word = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
    text.split(word).filter(|w| w.starts_with("dayfly_")).map(str::to_owned).collect()
}

/// Names of exported series.
fn exported() -> BTreeSet<String> {
    let metrics = Metrics::new(1);
    metrics.count_run("PASSED");
    metrics.count_error("sign");
    metrics.count_removal("expired");
    metrics.observe_ready(std::time::Duration::from_secs(1));
    metrics.observe_reconcile("object", std::time::Duration::from_secs(1));
    let text = metrics.render(std::iter::empty::<&TestEnvironmentSummary>());
    let samples = text.lines().filter(|l| !l.starts_with('#'));
    samples.filter_map(|l| l.split(['{', ' ']).next()).map(str::to_owned).collect()
}

#[test]
fn the_dashboard_and_the_alerts_use_only_exported_metrics() {
    let exported = exported();
    let dashboard = std::fs::read_to_string(repository().join("manifests/dashboard/dayfly.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    let mut expressions = String::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            expressions.push_str(target["expr"].as_str().unwrap());
            expressions.push(' ');
        }
    }
    let shown = series(&expressions);
    let unknown: Vec<_> = shown.difference(&exported).collect();
    assert!(shown.len() > 8 && unknown.is_empty(), "{unknown:?} are not among {exported:?}");
    let guide = std::fs::read_to_string(repository().join("docs/controller.md")).unwrap();
    let unknown: Vec<_> = series(&guide).into_iter().filter(|n| !exported.contains(n)).collect();
    assert!(unknown.is_empty(), "docs/controller.md uses {unknown:?}, which are not among {exported:?}");
}

#[test]
fn the_guide_explains_every_condition_reason() {
    let status = std::fs::read_to_string(repository().join("src/controller/status.rs")).unwrap();
    let code = status.split("#[cfg(test)]").next().unwrap();
    let guide = std::fs::read_to_string(repository().join("docs/controller.md")).unwrap();
    let pattern = regex::Regex::new(r#""(?:True|False|Unknown)",\s*"([A-Z][A-Za-z]+)""#).unwrap();
    let reasons: BTreeSet<&str> = pattern.captures_iter(code).map(|c| c.get(1).unwrap().as_str()).collect();
    assert!(reasons.len() > 10, "{reasons:?}");
    for reason in reasons {
        assert!(guide.contains(&format!("`{reason}`")), "docs/controller.md does not explain {reason}");
    }
}

#[test]
fn install_without_a_cluster_names_kubeconfig() {
    for verb in ["install", "uninstall"] {
        let mut command = assert_cmd::Command::cargo_bin("dayfly").unwrap();
        command.env("KUBECONFIG", "/nonexistent").env_remove("KUBERNETES_SERVICE_HOST").args([verb]);
        command.assert().code(4).stderr(predicates::str::contains("KUBECONFIG"));
        let mut local = assert_cmd::Command::cargo_bin("dayfly").unwrap();
        local.args([verb, "--engine", "local"]).assert().code(2).stderr(predicates::str::contains("--context"));
    }
}

#[test]
fn refuses_an_encrypted_key_without_its_passphrase() {
    let folder = tempfile::tempdir().unwrap();
    let (key, words) = (folder.path().join("key.pem"), folder.path().join("words"));
    std::fs::write(&words, "words\n").unwrap();
    let at = |p: &Path| p.to_str().unwrap().to_owned();
    dayfly(&["key", "generate", &at(&key), "--passphrase", "--passphrase-file", &at(&words)]);
    let mut command = assert_cmd::Command::cargo_bin("dayfly").unwrap();
    command.env("KUBECONFIG", "/nonexistent").env_remove("DAYFLY_KEY_PASSPHRASE");
    command.args(["install", "--key", &at(&key)]).assert().code(2).stderr(predicates::str::contains("passphrase"));
}
