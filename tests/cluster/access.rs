//! Tests of sent and admitted objects, of rights, and of refusals by the network.

use crate::in_cluster;
use crate::support::repository;
use crate::world::{WEB, apply, kubectl, object, try_kubectl, with_cases};

#[test]
fn rendered_objects_are_accepted_as_they_are_printed() {
    let user = in_cluster!();
    for environment in ["hello", "tsd"] {
        let folder = repository().join("environments").join(environment);
        let rendered = user.dayfly(&["render", folder.to_str().unwrap(), "--pr", "411"]).code(0).out;
        let file = user.folder.path().join("rendered.yaml");
        std::fs::write(&file, &rendered).unwrap();
        // A trial of what goes into a namespace needs that namespace, and the account of its pods.
        let namespace = format!("{environment}-pr-411");
        kubectl(&["create", "namespace", &namespace]);
        kubectl(&["-n", &namespace, "create", "serviceaccount", "dayfly"]);
        let tried = try_kubectl(&["apply", "--dry-run=server", "-f", file.to_str().unwrap()]);
        kubectl(&["delete", "namespace", &namespace, "--wait=false"]);
        assert_eq!(tried.code, 0, "{}", tried.err);
        assert!(rendered.matches("kind: Pod\n").count() > 2 && !tried.err.contains("unknown field"), "{}", tried.err);
    }
}

#[test]
fn a_service_has_no_token_no_rights_and_no_access_to_its_node() {
    let user = in_cluster!();
    let cases = "      - { id: S1, name: confined, steps: [ confined: {} ] }\n      - { id: S2, name: no way out, steps: [ noWayOut: {} ] }\n      - { id: S3, name: no secret, steps: [ noSecretsLeaked: {} ] }\n";
    let file = user.describes("kc-conf", &format!("secrets: {{ key: {{}} }}\n{}", with_cases(cases)));
    user.owns("kc-conf-pr-1");
    user.dayfly(&["up", &file, "--pr", "1"]).code(0);
    let namespace = object("", "namespace", "kc-conf-pr-1");
    assert_eq!(namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"], "restricted");
    user.dayfly(&["test", "kc-conf-pr-1"]).code(0).says("3 of 3 passed");
}

#[test]
fn a_hostile_service_cannot_answer_for_the_agent_inside_it() {
    let user = in_cluster!();
    crate::support::forger::cannot_pass_a_failing_case(&user, "kc-forger");
    // The agent is no exception from the namespace's level, and has another user than the service.
    assert_eq!(
        object("", "namespace", "kc-forger-pr-1")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"],
        "restricted"
    );
    let pod = object("kc-forger-pr-1", "pod", "web");
    let agents = pod["spec"]["ephemeralContainers"].as_array().unwrap();
    assert!(!agents.is_empty());
    for agent in agents {
        let security = &agent["securityContext"];
        assert!(security["runAsUser"].as_i64().unwrap() >= 20_000 && security["runAsNonRoot"] == true, "{agent:#}");
    }
}

#[test]
fn isolation_is_inconclusive_without_network_policies() {
    let user = in_cluster!();
    let cases = "      - { id: S1, name: no way out, steps: [ noWayOut: {} ] }\n      - { id: S2, name: no neighbour, steps: [ noNeighbour: {} ] }\n      - id: S3\n        name: only web\n        steps:\n          - { name: web can, from: web, tcp: { to: 'other:8081' } }\n          - { control: web can, tcp: { to: 'other:8081', refused: true } }\n";
    let other = "  other:\n    image: localhost/dayfly/python:1\n    command: [python3, -m, http.server, '8081', --directory, /tmp]\n    port: 8081\n    callers: [web]\n";
    let suite = with_cases(cases).replace("suites:\n", &format!("{other}suites:\n"));
    let file = user.describes("kc-open", &suite);
    user.owns("kc-open-pr-1");
    user.dayfly(&["up", &file, "--pr", "1"]).code(0);
    // Policies add up: this one opens everything, as a network that knows no policies would be.
    apply(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: open, namespace: kc-open-pr-1 }\nspec: { podSelector: {}, ingress: [{}], egress: [{}], policyTypes: [Ingress, Egress] }\n",
    );
    let told = user.dayfly(&["test", "kc-open-pr-1"]).code(7);
    told.says("enforces no isolation at all").says("Calico");
    // Also the case whose suite has no name for what it must not reach: it is reached by address.
    let events = user.dayfly(&["test", "kc-open-pr-1", "--output", "json"]).code(7).out;
    let events = events.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let cases: Vec<_> = events.filter(|e| e["event"] == "case-done").map(|e| e["case"].clone()).collect();
    assert_eq!(cases.len(), 3);
    for case in cases {
        assert_eq!(case["verdict"], "inconclusive", "{case:#}");
    }
}

#[test]
fn does_not_touch_a_foreign_namespace() {
    let user = in_cluster!();
    let file = user.describes("kc-foreign", WEB);
    kubectl(&["create", "namespace", "kc-foreign-pr-1"]);
    let before = object("", "namespace", "kc-foreign-pr-1")["metadata"]["resourceVersion"].clone();
    user.dayfly(&["up", &file, "--pr", "1"]).code(1).says("not dayfly's");
    user.dayfly(&["down", "kc-foreign-pr-1"]).code(1).says("not dayfly's");
    user.reaps("kc-foreign", &["--expired", "--orphans"]).code(0);
    let after = object("", "namespace", "kc-foreign-pr-1")["metadata"]["resourceVersion"].clone();
    kubectl(&["delete", "namespace", "kc-foreign-pr-1", "--wait=false"]);
    assert_eq!(after, before);
}

#[test]
fn doctor_checks_everything_and_names_missing_permissions() {
    let user = in_cluster!();
    let told = user.dayfly(&["doctor"]).code(0);
    told.says("✓ permissions").says("✓ pod security").says("✓ no way out").says("everything that a run needs is here");
    // Somebody without any right.
    kubectl(&["-n", "default", "create", "serviceaccount", "kc-nobody"]);
    let token = kubectl(&["-n", "default", "create", "token", "kc-nobody"]);
    let server = kubectl(&["config", "view", "--raw", "--minify", "-o", "jsonpath={.clusters[0].cluster.server}"]);
    let ca = kubectl(&[
        "config",
        "view",
        "--raw",
        "--minify",
        "-o",
        "jsonpath={.clusters[0].cluster.certificate-authority-data}",
    ]);
    let kubeconfig = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{{ name: c, cluster: {{ server: {server:?}, certificate-authority-data: {ca:?} }} }}]\nusers: [{{ name: u, user: {{ token: {token:?} }} }}]\ncontexts: [{{ name: c, context: {{ cluster: c, user: u }} }}]\n"
    );
    let path = user.folder.path().join("nobody.conf");
    std::fs::write(&path, kubeconfig).unwrap();
    let as_nobody = |arguments: &[&str]| {
        let mut command = user.command(arguments);
        command.env("KUBECONFIG", &path);
        crate::support::ended(command)
    };
    let refused = as_nobody(&["doctor"]).code(4);
    let file = user.describes("kc-nobody", WEB);
    let up = as_nobody(&["up", &file, "--pr", "1"]);
    kubectl(&["-n", "default", "delete", "serviceaccount", "kc-nobody"]);
    refused.says("create namespaces").says("rbac-cli.yaml");
    up.code(1).says("rbac-cli.yaml");
}

#[test]
fn names_an_unknown_context_with_the_known_ones() {
    let user = in_cluster!();
    let mut command = user.command(&["list", "--context", "nowhere"]);
    command.env_remove("DAYFLY_ENGINE");
    crate::support::ended(command).code(4).says("nowhere").says("it has: ");
}

#[test]
fn the_default_in_a_pod_is_its_cluster() {
    let user = in_cluster!();
    let image = user.dayfly(&["--version"]).out.trim().replace("dayfly ", "localhost/dayfly/dayfly:");
    let overrides = r#"{"apiVersion":"v1","spec":{"serviceAccountName":"dayfly-test"}}"#;
    let run =
        ["-n", "default", "run", "kc-inside", "--image-pull-policy=IfNotPresent", "--restart=Never", "--image", &image];
    // An earlier attempt that was killed has left it.
    kubectl(&["-n", "default", "delete", "pod", "kc-inside", "--ignore-not-found"]);
    kubectl(&[&run[..], &["--overrides", overrides, "--command", "--", "/dayfly", "doctor"]].concat());
    let phase = || kubectl(&["-n", "default", "get", "pod", "kc-inside", "-o", "jsonpath={.status.phase}"]);
    crate::world::until("dayfly has ended inside", || ["Succeeded", "Failed"].contains(&phase().as_str()));
    let (ended, said) = (phase(), kubectl(&["-n", "default", "logs", "kc-inside"]));
    kubectl(&["-n", "default", "delete", "pod", "kc-inside", "--wait=false"]);
    assert!(ended == "Succeeded" && said.contains("in this cluster"), "{said}");
}
