//! Tests of failures: the user learns the reason, not only that time ran out.

use crate::in_cluster;
use crate::world::{WEB, apply, kubectl, object, until};

#[test]
fn names_an_unavailable_image() {
    let user = in_cluster!();
    let file = user.describes(
        "kc-noimage",
        "services:\n  a: { image: localhost/no/such:1, port: 1, security: { user: '1000' } }\n",
    );
    user.owns("kc-noimage-pr-1");
    user.dayfly(&["up", &file, "--pr", "1"]).code(4).says("localhost/no/such:1").says("load it on every node");
}

#[test]
fn reports_a_process_that_ends_with_exit_code_and_log() {
    let user = in_cluster!();
    let file = user.describes("kc-crash", "services:\n  a: { image: 'localhost/dayfly/python:1', command: [sh, -c, 'echo cannot read my settings; exit 3'], port: 8080 }\n");
    user.owns("kc-crash-pr-1");
    user.dayfly(&["up", &file, "--pr", "1"])
        .code(4)
        .says("exited with code 3")
        .says("cannot read my settings")
        .says("dayfly down kc-crash-pr-1");
}

#[test]
fn reports_a_command_that_is_missing_in_the_image() {
    let user = in_cluster!();
    let file = user.describes(
        "kc-nocommand",
        "services:\n  a: { image: 'localhost/dayfly/python:1', command: [no-such-program], port: 8080 }\n",
    );
    user.owns("kc-nocommand-pr-1");
    user.dayfly(&["up", &file, "--pr", "1"]).code(4).says("its command is not in the image").says("no-such-program");
}

#[test]
fn refuses_an_image_that_runs_as_root_with_advice() {
    let user = in_cluster!();
    let file =
        user.describes("kc-rooty", "services:\n  a: { image: 'localhost/dayfly/base:1', command: [sleep, '60'] }\n");
    user.owns("kc-rooty-pr-1");
    user.dayfly(&["up", &file, "--pr", "1"]).code(4).says("runs as root").says("security.root");
}

#[test]
fn reports_an_oom_killed_process() {
    let user = in_cluster!();
    let file = user.describes("kc-oom", "services:\n  a:\n    image: localhost/dayfly/python:1\n    command: [python3, -c, 'x = bytearray(400_000_000)']\n    port: 8080\n    resources: { memory: 64Mi }\n");
    user.owns("kc-oom-pr-1");
    user.dayfly(&["up", &file, "--pr", "1"]).code(4).says("OOM-killed (memory limit of 64 MiB");
}

#[test]
fn reports_the_probe_and_last_answer_of_a_service_that_is_never_ready() {
    let user = in_cluster!();
    let file = user.describes("kc-never", &format!("{WEB}    ready: {{ http: /nope, within: 2s }}\n"));
    user.owns("kc-never-pr-1");
    user.dayfly(&["up", &file, "--pr", "1"]).code(4).says("/nope").says("404").says("within 2 s");
}

#[test]
fn names_the_resource_that_no_node_has() {
    let user = in_cluster!();
    let file = user.describes("kc-huge", &format!("{WEB}    resources: {{ memory: 1000Gi }}\n"));
    user.owns("kc-huge-pr-1");
    let policy = "apiVersion: dayfly.dev/v1alpha1\nkind: Policy\ndefault: { memory: 1024Gi }\n";
    std::fs::write(user.folder.path().join("policy.yaml"), policy).unwrap();
    user.dayfly(&["up", &file, "--pr", "1", "--policy", "policy.yaml"]).code(3).says("Insufficient memory");
}

#[test]
fn reports_a_quota_that_is_too_small() {
    let user = in_cluster!();
    let manifests = user.folder.path().join("manifests");
    std::fs::create_dir(&manifests).unwrap();
    let own = include_str!("../../manifests/environment/quota.yaml.hbs");
    let small = own.replace("hard: {{json hard}}", "hard: { limits.memory: 10Mi }");
    assert_ne!(small, own);
    std::fs::write(manifests.join("quota.yaml.hbs"), small).unwrap();
    let file = user.describes("kc-quota", WEB);
    user.owns("kc-quota-pr-1");
    let told = user.dayfly(&["up", &file, "--pr", "1", "--manifests", "manifests"]).code(3);
    told.says("exceeded quota").says("limited: limits.memory=10Mi");
}

#[test]
fn refuses_a_template_with_node_access_before_creating_anything() {
    let user = in_cluster!();
    let manifests = user.folder.path().join("manifests");
    std::fs::create_dir(&manifests).unwrap();
    let own = include_str!("../../manifests/environment/unit.yaml.hbs");
    std::fs::write(manifests.join("unit.yaml.hbs"), own.replace("  hostname:", "  hostNetwork: true\n  hostname:"))
        .unwrap();
    let file = user.describes("kc-node", WEB);
    user.owns("kc-node-pr-1");
    user.dayfly(&["up", &file, "--pr", "1", "--manifests", "manifests"])
        .code(2)
        .says("hostNetwork")
        .says("is not allowed in an environment");
    user.finds_nothing_of("kc-node-pr-1");
    user.dayfly(&["render", &file, "--pr", "1", "--manifests", "manifests"]).code(2).says("unit.yaml.hbs");
    user.dayfly(&["render", &file, "--pr", "1", "--manifests", "nowhere"]).code(2).says("nowhere");
}

#[test]
fn names_the_admission_policy_that_refuses() {
    let user = in_cluster!();
    apply(
        "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\nmetadata: { name: kc-no-crimson }\nspec:\n  failurePolicy: Fail\n  matchConstraints:\n    resourceRules: [{ apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [pods] }]\n    namespaceSelector: { matchLabels: { dayfly.dev/description: kc-policy } }\n  validations: [{ expression: \"object.metadata.name != 'crimson'\", message: nothing is crimson here }]\n---\napiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicyBinding\nmetadata: { name: kc-no-crimson }\nspec: { policyName: kc-no-crimson, validationActions: [Deny] }\n",
    );
    let file = user.describes("kc-policy", &WEB.replace("web:", "crimson:"));
    user.owns("kc-policy-pr-1");
    // A policy takes effect some time after its creation, and the cluster does not report when.
    until("the policy refuses", || {
        let told = user.dayfly(&["up", &file, "--pr", "1"]);
        user.dayfly(&["down", "kc-policy-pr-1"]).code(0);
        told.code == 4 && told.err.contains("kc-no-crimson") && told.err.contains("nothing is crimson here")
    });
    kubectl(&["delete", "validatingadmissionpolicybinding,validatingadmissionpolicy", "kc-no-crimson"]);
}

#[test]
fn names_objects_that_hold_a_namespace_with_finalizer_and_manager() {
    let user = in_cluster!();
    let file = user.describes("kc-held", WEB);
    user.owns("kc-held-pr-1");
    user.dayfly(&["up", &file, "--pr", "1"]).code(0);
    apply(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: stuck, namespace: kc-held-pr-1, finalizers: [example.com/waits] }\n",
    );
    let told = user.dayfly(&["down", "kc-held-pr-1"]).code(9);
    told.says("configmaps stuck").says("example.com/waits").says("kubectl");
    // It is listed as being removed; once the finalizer is gone, `up` creates it again.
    user.dayfly(&["list"]).code(0).says("being removed");
    kubectl(&[
        "-n",
        "kc-held-pr-1",
        "patch",
        "configmap",
        "stuck",
        "--type=merge",
        "-p",
        r#"{"metadata":{"finalizers":null}}"#,
    ]);
    user.dayfly(&["up", &file, "--pr", "1"]).code(0);
    assert_eq!(object("", "namespace", "kc-held-pr-1")["status"]["phase"], "Active");
    user.dayfly(&["down", "kc-held-pr-1"]).code(0);
}
