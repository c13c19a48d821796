//! Installing, upgrading and uninstalling, as an administrator does it. There is one installation in a cluster: the stories
//! take turns, and each ends with nothing installed. They need the cluster for themselves: not beside tests/controller.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::in_cluster;
use crate::support::{Ended, User, ended, repository};
use crate::world::{admin, apply, kubectl, namespace_is_there, object, try_kubectl, until};

const CRD: &str = "customresourcedefinition.apiextensions.k8s.io/testenvironments.dayfly.dev";
const KINDS: &str =
    "crd,clusterrole,clusterrolebinding,validatingadmissionpolicy,validatingadmissionpolicybinding,namespace";

/// An administrator, whose turn it is.
struct Administrator {
    user: User,
    _turn: MutexGuard<'static, ()>,
}

impl Administrator {
    /// In front of a cluster where nothing is installed.
    fn takes_their_turn(user: User) -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        let me = Self { user, _turn: TURN.lock().unwrap_or_else(PoisonError::into_inner) };
        me.dayfly(&["uninstall", "--with-environments"]).code(0);
        me
    }

    fn dayfly(&self, arguments: &[&str]) -> Ended {
        let mut command = self.user.command(arguments);
        command.env("KUBECONFIG", admin());
        ended(command)
    }

    /// A namespace of a team, with nothing in it.
    fn team(&self, name: &str) {
        try_kubectl(&["delete", "namespace", name, "--ignore-not-found"]);
        kubectl(&["create", "namespace", name]);
    }

    /// Installs, and returns the report on each object as JSON.
    fn installs(&self, more: &[&str]) -> Vec<Value> {
        let told = self.dayfly(&[&["install", "--output", "json"], more].concat()).code(0).out;
        told.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for Administrator {
    fn drop(&mut self) {
        let _ = self.dayfly(&["uninstall", "--with-environments", "--timeout", "3m"]);
    }
}

/// Everything of dayfly in the cluster that is in no environment, but for what the tests themselves were granted.
fn installed() -> Vec<String> {
    let all = kubectl(&["get", KINDS, "-o", "name"]);
    // Those of the tests, and of the cluster that the tests start.
    let own = ["/dayfly-test", "/dayfly-cli", "/dayfly-proxy"];
    let theirs = |n: &&str| !own.iter().any(|o| n.ends_with(o));
    all.lines().filter(|n| n.contains("dayfly")).filter(theirs).map(str::to_owned).collect()
}

fn changes(told: &[Value]) -> Vec<&str> {
    told.iter().filter_map(|t| t["change"].as_str()).collect()
}

/// A TestEnvironment with one web server and one case, that stays after its run where `keep` says so.
fn test_environment(namespace: &str, keep: &str) -> String {
    let description = crate::world::with_cases(crate::world::REACHES_WEB).replace('\n', "\n      ");
    let name = format!("{namespace}-env");
    format!(
        "apiVersion: dayfly.dev/v1alpha1\nkind: TestEnvironment\nmetadata: {{ name: pr-7, namespace: {namespace} }}\nspec:\n  pullRequest: 7\n  commit: 4d1f0c2b6a5e\n  keep: {keep}\n  description:\n    inline: |\n      apiVersion: dayfly.dev/v1alpha1\n      kind: Environment\n      name: {name}\n      {description}\n"
    )
}

#[test]
fn install_is_idempotent_and_uninstall_leaves_nothing() {
    let me = Administrator::takes_their_turn(in_cluster!());
    let first = me.installs(&["--public-key", "dayfly.pub"]);
    assert!(
        first.iter().any(|t| t["object"] == "Deployment dayfly-controller" && t["change"] == "created"),
        "{first:?}"
    );
    let public = std::fs::read_to_string(me.user.folder.path().join("dayfly.pub")).unwrap();
    let again = me.installs(&[]);
    assert!(changes(&again).iter().all(|c| *c == "unchanged") && changes(&again).len() > 25, "{again:?}");
    assert_eq!(again.last().unwrap()["publicKey"], public);

    me.team("kc-shop");
    apply(&test_environment("kc-shop", "Always"));
    kubectl(&["-n", "kc-shop", "wait", "tenv/pr-7", "--for=condition=Tested", "--timeout=300s"]);
    assert!(namespace_is_there("kc-shop-env-pr-7"));
    me.dayfly(&["uninstall"]).code(9).says("kc-shop/pr-7").says("--with-environments");
    assert!(installed().len() > 10, "a refusal removes nothing");
    me.dayfly(&["uninstall", "--with-environments"]).code(0).says("removed    Namespace dayfly-system");
    assert_eq!(installed(), Vec::<String>::new());
    assert!(!namespace_is_there("kc-shop-env-pr-7"));
    me.dayfly(&["uninstall"]).code(0).says("absent");
    kubectl(&["delete", "namespace", "kc-shop", "--wait=false"]);
}

#[test]
fn kustomize_installs_the_same_objects() {
    let me = Administrator::takes_their_turn(in_cluster!());
    let folder = repository().join("manifests/install");
    kubectl(&["apply", "-k", folder.to_str().unwrap()]);
    let key = me.user.folder.path().join("key.pem");
    let key = format!("--from-file=key.pem={}", key.display());
    kubectl(&["-n", "dayfly-system", "create", "secret", "generic", "dayfly-signing-key", &key]);
    kubectl(&["-n", "dayfly-system", "rollout", "status", "deployment/dayfly-controller", "--timeout=300s"]);
    let told = me.installs(&["--key", "key.pem"]);
    assert!(changes(&told).iter().all(|c| *c == "unchanged"), "{told:?}");
    // Another key takes more than to be named.
    me.dayfly(&["key", "generate", "other.pem"]).code(0);
    me.dayfly(&["install", "--key", "other.pem"]).code(2).says("--replace-key");
    let told = me.installs(&["--key", "other.pem", "--replace-key"]);
    assert_eq!(changes(&told).iter().filter(|c| **c == "configured").count(), 1, "{told:?}");
}

#[test]
fn an_installed_policy_allows_root_to_the_team_that_it_names() {
    let me = Administrator::takes_their_turn(in_cluster!());
    let policy = "apiVersion: dayfly.dev/v1alpha1\nkind: Policy\ncontact: platform-team@example.org\nrules:\n  - namespaces: [kc-rooted]\n    allow: { departures: [root] }\n";
    std::fs::write(me.user.folder.path().join("policy.yaml"), policy).unwrap();
    me.installs(&["--policy", "policy.yaml"]);
    let levels = || object("", "validatingadmissionpolicy", "dayfly-pod-security")["spec"]["variables"][0].to_string();
    assert!(levels().contains("baseline"), "{}", levels());
    // A later installation without the flag keeps it.
    let again = me.installs(&[]);
    assert!(changes(&again).iter().all(|c| *c == "unchanged") && levels().contains("baseline"), "{again:?}");

    let rooted = |namespace: &str| {
        me.team(namespace);
        let text = test_environment(namespace, "Never");
        apply(&text.replacen(
            "port: 8080\n",
            "port: 8080\n          security: { root: true, reason: it says so itself }\n",
            1,
        ));
    };
    rooted("kc-rooted");
    rooted("kc-others");
    let condition = |namespace: &str| {
        let status = object(namespace, "tenv", "pr-7")["status"].clone();
        status["conditions"].as_array().and_then(|all| all.iter().find(|c| c["type"] == "Validated").cloned())
    };
    until("both are checked", || condition("kc-rooted").is_some() && condition("kc-others").is_some());
    let refused = condition("kc-others").unwrap();
    assert_eq!(refused["reason"], "NotAllowed", "{refused}");
    let message = refused["message"].as_str().unwrap();
    assert!(message.contains("security.root") && message.contains("platform-team@example.org"), "{message}");
    kubectl(&["-n", "kc-rooted", "wait", "tenv/pr-7", "--for=condition=Tested", "--timeout=300s"]);
    let run = object("kc-rooted", "tenv", "pr-7")["status"]["run"].clone();
    assert_eq!(run["outcome"], "PASSED", "{run}");
    kubectl(&["delete", "namespace", "kc-rooted", "kc-others", "--wait=false"]);
}

#[test]
fn upgrades_an_older_crd_and_keeps_its_objects() {
    let me = Administrator::takes_their_turn(in_cluster!());
    let text = std::fs::read_to_string(repository().join("manifests/install/crd.yaml")).unwrap();
    let mut older: Value = serde_yaml::from_str(&text).unwrap();
    let fields = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties";
    older.pointer_mut(fields).unwrap().as_object_mut().unwrap().remove("requestedBy").unwrap();
    apply(&older.to_string());
    kubectl(&["wait", "--for=condition=Established", CRD, "--timeout=300s"]);
    // Rights that runners had before, in the whole cluster.
    kubectl(&["create", "clusterrolebinding", "dayfly-runner-cli", "--clusterrole=dayfly-cli", RUNNER]);
    me.team("kc-old");
    apply(&test_environment("kc-old", "Never"));
    let uid = object("kc-old", "tenv", "pr-7")["metadata"]["uid"].clone();
    let told = me.installs(&[]);
    let definition = told.iter().find(|t| t["object"].as_str().is_some_and(|o| o.starts_with("CustomResource")));
    assert_eq!(definition.unwrap()["change"], "configured");
    let retired = told.iter().find(|t| t["object"] == "ClusterRoleBinding dayfly-runner-cli");
    assert_eq!(retired.unwrap()["change"], "removed");
    kubectl(&["-n", "kc-old", "wait", "tenv/pr-7", "--for=condition=Removed", "--timeout=300s"]);
    assert_eq!(object("kc-old", "tenv", "pr-7")["metadata"]["uid"], uid);
    let asked = r#"{"spec": {"requestedBy": {"actor": "ada"}}}"#;
    kubectl(&["-n", "kc-old", "patch", "tenv", "pr-7", "--type=merge", "-p", asked]);
    assert_eq!(object("kc-old", "tenv", "pr-7")["spec"]["requestedBy"]["actor"], "ada");
    me.dayfly(&["uninstall", "--with-environments"]).code(0);
    assert_eq!(installed(), Vec::<String>::new());
    kubectl(&["delete", "namespace", "kc-old", "--wait=false"]);
}

#[test]
fn uninstall_names_foreign_finalizers_and_waits_with_the_controller() {
    let me = Administrator::takes_their_turn(in_cluster!());
    me.installs(&[]);
    me.team("kc-held");
    apply(
        &test_environment("kc-held", "Never")
            .replace("namespace: kc-held }", "namespace: kc-held, finalizers: [example.com/mine] }"),
    );
    let told = me.dayfly(&["uninstall", "--with-environments", "--timeout", "20s"]).code(9);
    told.says("kc-held/pr-7").says("example.com/mine");
    assert!(try_kubectl(&["-n", "dayfly-system", "get", "deployment", "dayfly-controller"]).code == 0);
    let nobody = r#"[{"op": "remove", "path": "/metadata/finalizers/0"}]"#;
    until("the object may go", || {
        let finalizers = object("kc-held", "tenv", "pr-7")["metadata"]["finalizers"].clone();
        finalizers == serde_json::json!(["example.com/mine"])
    });
    kubectl(&["-n", "kc-held", "patch", "tenv", "pr-7", "--type=json", "-p", nobody]);
    me.dayfly(&["uninstall", "--with-environments"]).code(0);
    assert_eq!(installed(), Vec::<String>::new());
    kubectl(&["delete", "namespace", "kc-held", "--wait=false"]);
}

#[test]
fn install_reports_an_image_that_cannot_be_pulled() {
    let me = Administrator::takes_their_turn(in_cluster!());
    let told = me.dayfly(&["install", "--image", "localhost/dayfly/never-made:1", "--timeout", "90s"]).code(4);
    told.says("Deployment dayfly-system/dayfly-controller is available").says("never-made");
}

#[test]
fn install_names_missing_rights_before_creating_anything() {
    let user = in_cluster!();
    let me = Administrator::takes_their_turn(user);
    // The user of the other stories has the rights of dayfly-cli, and no more.
    me.user.dayfly(&["install"]).code(1).says("administrator of the cluster");
    assert_eq!(installed(), Vec::<String>::new());
}

/// Argument that names the runners' account to kubectl.
const RUNNER: &str = "--serviceaccount=dayfly-system:dayfly-runner";

#[test]
fn admission_limits_dayflys_accounts_to_environments() {
    let me = Administrator::takes_their_turn(in_cluster!());
    me.installs(&[]);
    me.team("kc-foreign-ns");
    kubectl(&["-n", "kc-foreign-ns", "create", "configmap", "theirs"]);
    let by = |account: &str, arguments: &[&str]| {
        let who = format!("--as=system:serviceaccount:dayfly-system:dayfly-{account}");
        try_kubectl(&[&[who.as_str()], arguments].concat())
    };
    let label = ["label", "namespace", "kc-foreign-ns", "dayfly.dev/environment=kc-foreign-ns"];
    let role =
        |namespace| ["-n", namespace, "create", "rolebinding", "own", "--clusterrole=dayfly-environment", RUNNER];
    let refused: [(&str, &[&str]); 7] = [
        ("runner", &["create", "namespace", "kc-unlabelled"]),
        ("runner", &label),
        ("runner", &["delete", "namespace", "kc-foreign-ns", "--wait=false"]),
        ("controller", &["delete", "namespace", "kc-foreign-ns", "--wait=false"]),
        ("reaper", &["delete", "namespace", "kc-foreign-ns", "--wait=false"]),
        ("runner", &role("kc-foreign-ns")),
        ("runner", &["-n", "kc-foreign-ns", "create", "configmap", "evidence-of-nothing"]),
    ];
    for (account, arguments) in refused {
        // An API server takes a moment to follow new policies.
        let trial = || by(account, &[arguments, &["--dry-run=server"]].concat()).err;
        until(&format!("{account} {arguments:?} is refused"), || trial().contains("ValidatingAdmissionPolicy"));
        let told = by(account, arguments);
        assert!(
            told.code != 0 && told.err.contains("ValidatingAdmissionPolicy"),
            "{account} {arguments:?}: {}",
            told.err
        );
    }
    let ours = |level: &str, version: &str| {
        format!(
            "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: kc-ours-pr-1\n  labels:\n    dayfly.dev/environment: kc-ours-pr-1\n    \
             pod-security.kubernetes.io/enforce: {level}\n    pod-security.kubernetes.io/enforce-version: {version}\n"
        )
    };
    // Nobody may create an environment that the policy allows to nobody, not even an administrator.
    for (level, version, why) in
        [("baseline", "latest", "\"baseline\" is not allowed"), ("restricted", "v1.0", "latest version")]
    {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), ours(level, version)).unwrap();
        let create = ["create", "--dry-run=server", "-f", file.path().to_str().unwrap()];
        until(&format!("{level} {version} is refused"), || try_kubectl(&create).err.contains(why));
    }
    apply(&ours("restricted", "latest"));
    // Rights in an environment come with the role that a runner gives itself there; none in other places come with it.
    let mine = by("runner", &role("kc-ours-pr-1"));
    assert_eq!(mine.code, 0, "{}", mine.err);
    let secret = |namespace| ["-n", namespace, "create", "secret", "generic", "x"];
    until("the role holds", || by("runner", &secret("kc-ours-pr-1")).code == 0);
    let beyond: [&[&str]; 5] = [
        &secret("kc-foreign-ns"),
        &["-n", "kc-foreign-ns", "get", "secrets"],
        &["-n", "dayfly-system", "get", "secret", "dayfly-signing-key"],
        &["-n", "dayfly-system", "logs", "deployment/dayfly-controller"],
        &["-n", "kc-ours-pr-1", "create", "rolebinding", "more", "--clusterrole=cluster-admin", RUNNER],
    ];
    for arguments in beyond {
        let told = by("runner", arguments);
        assert!(told.code != 0 && told.err.contains("orbidden"), "{arguments:?}: {}", told.err);
    }
    let control = by("runner", &["-n", "kc-ours-pr-1", "get", "secret", "x"]);
    let removed = by("reaper", &["delete", "namespace", "kc-ours-pr-1", "--wait=false"]);
    kubectl(&["delete", "namespace", "kc-foreign-ns", "--wait=false"]);
    assert!(control.code == 0 && removed.code == 0, "{} {}", control.err, removed.err);
    // Only what these accounts do is limited.
    kubectl(&["create", "namespace", "kc-anybody"]);
    kubectl(&["delete", "namespace", "kc-anybody", "--wait=false"]);
}

#[test]
fn a_dry_run_changes_nothing_and_reports_the_plan() {
    let me = Administrator::takes_their_turn(in_cluster!());
    me.dayfly(&["install", "--dry-run=server"]).code(0).says("created    Deployment dayfly-controller (dry run)");
    assert_eq!(installed(), Vec::<String>::new());
    let printed = me.dayfly(&["install", "--dry-run"]).code(0).out;
    assert!(printed.contains("kind: CronJob") && !printed.contains("PRIVATE KEY"));
}
