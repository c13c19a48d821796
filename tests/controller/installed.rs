//! The controller, installed once for all stories of this program.

use std::process::Command;
use std::sync::OnceLock;

use crate::support::{DAYFLY, ended};
use crate::world::{admin, apply, kubectl, object, until};

/// The key with which runners sign, and its public half beside it.
static KEY: OnceLock<tempfile::TempDir> = OnceLock::new();

/// Runs at once, so that stories see a queue.
pub const LIMIT: usize = 4;

/// Installs it, unless that was done; returns the path of the public key.
pub fn controller() -> String {
    let folder = KEY.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key.pem");
        let key = key.to_str().unwrap();
        let dayfly = |arguments: &[&str]| {
            let mut command = Command::new(DAYFLY);
            ended({
                command.args(arguments).env("KUBECONFIG", admin());
                command
            })
        };
        dayfly(&["key", "generate", key]).code(0);
        dayfly(&["install", "--key", key, "--replace-key", "--public-key", &format!("{key}.installed")]).code(0);
        apply(&format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: dayfly, namespace: dayfly-system }}\ndata: {{ DAYFLY_RUNS: '{LIMIT}' }}\n"));
        // It reads its limit anew, and what ran of an older build ends.
        kubectl(&["-n", "dayfly-system", "rollout", "restart", "deployment/dayfly-controller"]);
        kubectl(&["-n", "dayfly-system", "rollout", "status", "deployment/dayfly-controller", "--timeout=300s"]);
        folder
    });
    folder.path().join("key.pem.pub").to_str().unwrap().to_owned()
}

/// Gives the controller this key.
pub fn sign_with(key: &str) {
    let secret =
        ["-n", "dayfly-system", "create", "secret", "generic", "dayfly-signing-key", "--dry-run=client", "-o", "yaml"];
    let from = format!("--from-file=key.pem={key}");
    let secret = kubectl(&[&secret[..], &[from.as_str()]].concat());
    apply(&secret);
}

/// The key with which runners sign.
pub fn key() -> String {
    controller().trim_end_matches(".pub").to_owned()
}

/// The pod of the replica that acts; waits until one does.
pub fn leader() -> String {
    let mut found = String::new();
    let name = std::cell::RefCell::new(&mut found);
    until("a replica acts", || {
        let holder = object("dayfly-system", "lease", "dayfly-controller")["spec"]["holderIdentity"].clone();
        let holder = holder.as_str().unwrap_or_default().to_owned();
        let pod = holder.rsplit_once('-').map(|(pod, _)| pod.to_owned()).unwrap_or_default();
        let pods = kubectl(&["-n", "dayfly-system", "get", "pods", "-o", "name"]);
        let there = !pod.is_empty() && pods.contains(&pod);
        **name.borrow_mut() = pod;
        there
    });
    found
}

/// Ends the process of a pod with SIGKILL, where its node is this machine; elsewhere as nearly so as an API server can.
/// Returns once it is gone: whether it was SIGKILL.
pub fn kill(pod: &str) -> bool {
    let mine = |environ: &[u8]| environ.split(|b| *b == 0).any(|v| v.ends_with(format!("={pod}").as_bytes()));
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(|e| e.unwrap().file_name().into_string().ok());
    let found = processes.filter(|p| p.bytes().all(|b| b.is_ascii_digit())).find(|pid| {
        let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let environ = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        command.starts_with(b"/dayfly\0") && mine(&environ)
    });
    if let Some(pid) = &found {
        assert!(Command::new("kill").args(["-9", pid]).status().unwrap().success());
        let there = std::path::PathBuf::from(format!("/proc/{pid}"));
        until("the killed process is gone", || !there.exists());
    }
    // A new pod has not to wait because the one before came to a bad end.
    kubectl(&["-n", "dayfly-system", "delete", "pod", pod, "--grace-period=0", "--force", "--ignore-not-found"]);
    found.is_some()
}

/// Returns true if processes of the cluster are visible here, so that a test that kills one must have done so.
pub fn node_is_here() -> bool {
    std::env::var_os("DAYFLY_TEST_CLUSTER_SETUP").is_some()
}
