//! Builds and observes runners' pods. Pure.

use k8s_openapi::api::core::v1::{ContainerStateTerminated, Pod};
use kube::ResourceExt;
use serde_json::json;

use super::decide::{PodState, RunnerPod};
use super::labels::{RUN, RUNNER, TEST_ENVIRONMENT};
use super::settings::Settings;
use crate::crd::{RunStatus, TestEnvironmentSummary};
use crate::engine::kubernetes::waiting_reason::start_failure_kind;

/// Time in which a stopped runner must sign and remove the environment, in seconds.
const GRACE_SECS: u32 = 120;
/// Where the signing key is mounted.
const KEY: &str = "/var/run/dayfly/key";
/// Working folder for evidence.
const WORK: &str = "/var/run/dayfly/work";
/// Where credentials for registries are mounted.
const PULL: &str = "/var/run/dayfly/pull";
/// The user of runners.
const USER: u32 = 65532;

/// Name of the pod that performs a run; unique for each run.
pub fn name(run: &str) -> String {
    format!("runner-{run}")
}

/// Builds the pod that performs a run.
pub fn build(settings: &Settings, of: &TestEnvironmentSummary, run: &RunStatus) -> Result<Pod, serde_json::Error> {
    let (namespace, object) = of.key().split_once('/').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap_or_default();
    let mut command = vec!["/dayfly", "runner", "--namespace", &namespace, "--name", &object, "--run", &run.id];
    let key = format!("{KEY}/key.pem");
    let account = format!("{}/{}", settings.namespace, settings.runner_account);
    command.extend(["--account", &account, "--key", &key, "--evidence", WORK]);
    let mut volumes = vec![
        json!({"name": "key", "secret": {"secretName": settings.key_secret, "defaultMode": 0o440, "items": [{"key": "key.pem", "path": "key.pem"}]}}),
        json!({"name": "work", "emptyDir": {"sizeLimit": "2Gi"}}),
        json!({"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}}),
    ];
    let mut mounts = vec![
        json!({"name": "key", "mountPath": KEY, "readOnly": true}),
        json!({"name": "work", "mountPath": WORK}),
        json!({"name": "tmp", "mountPath": "/tmp"}),
    ];
    let mut env = vec![
        json!({"name": "DAYFLY_POD_UID", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}}),
        json!({"name": "DAYFLY_KEY_PASSPHRASE", "valueFrom": {"secretKeyRef": {"name": settings.key_secret, "key": "passphrase", "optional": true}}}),
        json!({"name": "DAYFLY_AGENT_IMAGE", "value": settings.agent_image}),
    ];
    if let Some(mirror) = &settings.registry_mirror {
        env.push(json!({"name": "DAYFLY_REGISTRY_MIRROR", "value": mirror}));
    }
    if let Some(secret) = &settings.pull_secret {
        volumes.push(json!({"name": "pull", "secret": {"secretName": secret, "items": [{"key": ".dockerconfigjson", "path": "config.json"}]}}));
        mounts.push(json!({"name": "pull", "mountPath": PULL, "readOnly": true}));
        env.push(json!({"name": "DAYFLY_PULL_SECRET", "value": format!("{PULL}/config.json")}));
    }
    let pull_secrets: Vec<_> = settings.pull_secret.iter().map(|s| json!({"name": s})).collect();
    serde_json::from_value(json!({
        "metadata": {
            "name": name(&run.id),
            "namespace": settings.namespace,
            "labels": {
                "app.kubernetes.io/name": "dayfly", "app.kubernetes.io/component": RUNNER,
                RUN: run.id, TEST_ENVIRONMENT: of.uid(),
            },
            "annotations": {TEST_ENVIRONMENT: of.key()},
        },
        "spec": {
            "serviceAccountName": settings.runner_account,
            "restartPolicy": "Never",
            "enableServiceLinks": false,
            "terminationGracePeriodSeconds": GRACE_SECS,
            "imagePullSecrets": pull_secrets,
            "securityContext": {
                "runAsNonRoot": true, "runAsUser": USER, "runAsGroup": USER, "fsGroup": USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [{
                "name": RUNNER,
                "image": settings.agent_image,
                "imagePullPolicy": "IfNotPresent",
                "command": command,
                "env": env,
                "volumeMounts": mounts,
                "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "512Mi"}},
                "securityContext": {
                    "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]},
                },
            }],
            "volumes": volumes,
        },
    }))
}

/// Reads the state of a runner's pod.
pub fn observe(pod: &Pod) -> RunnerPod {
    RunnerPod {
        name: pod.name_any(),
        run: pod.labels().get(RUN).cloned().unwrap_or_default(),
        state: state(pod),
        terminating: pod.metadata.deletion_timestamp.is_some(),
    }
}

fn state(pod: &Pod) -> PodState {
    let status = pod.status.clone().unwrap_or_default();
    let container = status.container_statuses.as_ref().and_then(|all| all.first()).and_then(|c| c.state.clone());
    let container = container.unwrap_or_default();
    match status.phase.as_deref() {
        Some("Running") => PodState::Running,
        Some("Succeeded" | "Failed") => {
            let words = status.message.or(status.reason).filter(|w| !w.is_empty());
            let how = match (container.terminated, words) {
                (Some(ended), _) => terminated(&ended),
                (None, Some(words)) => format!("was terminated: {words}"),
                (None, None) => "ended".to_owned(),
            };
            PodState::Terminated { how }
        }
        _ => {
            let waiting = container.waiting.unwrap_or_default();
            let failure = waiting.reason.filter(|r| start_failure_kind(r).is_some());
            let failure = failure.map(|r| match waiting.message {
                Some(message) => format!("{r}: {message}"),
                None => r,
            });
            let conditions = status.conditions.unwrap_or_default();
            let unscheduled = conditions.into_iter().find(|c| c.type_ == "PodScheduled" && c.status == "False");
            let unscheduled =
                unscheduled.map(|c| c.message.or(c.reason).unwrap_or_else(|| "no node accepts it".into()));
            let no_node = failure.is_none() && unscheduled.is_some();
            let reason = failure.or(unscheduled);
            let since = pod.metadata.creation_timestamp.as_ref().map_or(jiff::Timestamp::UNIX_EPOCH, |t| t.0);
            PodState::Pending { reason, no_node, since }
        }
    }
}

fn terminated(ended: &ContainerStateTerminated) -> String {
    match ended.reason.as_deref() {
        Some("OOMKilled") => "was OOM-killed".into(),
        _ => format!("ended with exit code {}", ended.exit_code),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(status: serde_json::Value) -> PodState {
        let metadata = json!({"name": "runner-1", "creationTimestamp": "2026-01-01T00:00:00Z"});
        state(&serde_json::from_value(json!({"metadata": metadata, "status": status})).unwrap())
    }

    fn pending_reason(status: serde_json::Value) -> Option<String> {
        match of(status) {
            PodState::Pending { reason, .. } => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn names_start_failures_and_ignores_normal_waiting() {
        let waiting = |w: serde_json::Value| json!({"phase": "Pending", "containerStatuses": [{"name": "r", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": {"waiting": w}}]});
        assert_eq!(pending_reason(waiting(json!({"reason": "ContainerCreating"}))), None);
        let pull = pending_reason(waiting(json!({"reason": "ErrImagePull", "message": "not found"}))).unwrap();
        assert_eq!(pull, "ErrImagePull: not found");
        let inspect = pending_reason(waiting(json!({"reason": "ImageInspectError", "message": "broken"}))).unwrap();
        assert_eq!(inspect, "ImageInspectError: broken");
        assert_eq!(pending_reason(waiting(json!({"reason": "PreStartHookError"}))).unwrap(), "PreStartHookError");
        let unscheduled = json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available"}]});
        assert_eq!(pending_reason(unscheduled).unwrap(), "0/1 nodes are available");
        assert_eq!(pending_reason(json!({})), None);
    }

    #[test]
    fn says_how_a_runner_terminated() {
        let ended = |reason: &str, code: i32| {
            of(
                json!({"phase": "Failed", "containerStatuses": [{"name": "r", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": {"terminated": {"exitCode": code, "reason": reason}}}]}),
            )
        };
        assert_eq!(ended("OOMKilled", 137), PodState::Terminated { how: "was OOM-killed".into() });
        assert_eq!(ended("Error", 5), PodState::Terminated { how: "ended with exit code 5".into() });
        let evicted = of(json!({"phase": "Failed", "reason": "Evicted", "message": "The node was low on memory."}));
        assert_eq!(evicted, PodState::Terminated { how: "was terminated: The node was low on memory.".into() });
    }
}
