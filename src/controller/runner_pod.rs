//! Runners' pods: what is made, and what their states mean. Pure.

use k8s_openapi::api::core::v1::{ContainerStateTerminated, Pod};
use kube::ResourceExt;
use serde_json::json;

use super::decide::{PodState, RunnerPod};
use super::{RUN, RUNNER, Settings, TEST_ENVIRONMENT};
use crate::crd::{RunStatus, TestEnvironmentSummary};

/// How long a runner may take to sign and to remove the environment when it is told to end, in seconds.
const GRACE_SECS: u32 = 120;
/// Where the signing key is mounted.
const KEY: &str = "/var/run/dayfly/key";
/// Where evidence lies until it is laid down.
const WORK: &str = "/var/run/dayfly/work";
/// Where credentials for registries are mounted.
const PULL: &str = "/var/run/dayfly/pull";
/// The user of runners.
const USER: u32 = 65532;
/// What waits for something that will not come by itself.
const STUCK: [&str; 7] = [
    "ImagePullBackOff",
    "ErrImagePull",
    "ErrImageNeverPull",
    "InvalidImageName",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
];

/// Name of the pod that performs a run: only one can ever have it.
pub fn name(run: &str) -> String {
    format!("runner-{run}")
}

/// The pod that performs a run.
pub fn object(settings: &Settings, of: &TestEnvironmentSummary, run: &RunStatus) -> Result<Pod, serde_json::Error> {
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

/// A runner's pod as the cluster reports it.
pub fn seen(pod: &Pod) -> RunnerPod {
    RunnerPod {
        name: pod.name_any(),
        run: pod.labels().get(RUN).cloned().unwrap_or_default(),
        state: state(pod),
        leaving: pod.metadata.deletion_timestamp.is_some(),
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
                (None, Some(words)) => format!("was ended: {words}"),
                (None, None) => "ended".to_owned(),
            };
            PodState::Ended { how }
        }
        _ => {
            let waiting = container.waiting.unwrap_or_default();
            let stuck = waiting.reason.filter(|r| STUCK.contains(&r.as_str()));
            let stuck = stuck.map(|r| match waiting.message {
                Some(message) => format!("{r}: {message}"),
                None => r,
            });
            let conditions = status.conditions.unwrap_or_default();
            let homeless = conditions.into_iter().find(|c| c.type_ == "PodScheduled" && c.status == "False");
            let why = stuck.or(homeless.map(|c| c.message.or(c.reason).unwrap_or_else(|| "no node takes it".into())));
            let since = pod.metadata.creation_timestamp.as_ref().map_or(jiff::Timestamp::UNIX_EPOCH, |t| t.0);
            PodState::Waiting { why, since }
        }
    }
}

fn terminated(ended: &ContainerStateTerminated) -> String {
    match ended.reason.as_deref() {
        Some("OOMKilled") => "was ended for want of memory".into(),
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

    fn why(status: serde_json::Value) -> Option<String> {
        match of(status) {
            PodState::Waiting { why, .. } => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_will_not_come_by_itself_is_named_and_what_takes_its_time_is_not() {
        let waiting = |w: serde_json::Value| json!({"phase": "Pending", "containerStatuses": [{"name": "r", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": {"waiting": w}}]});
        assert_eq!(why(waiting(json!({"reason": "ContainerCreating"}))), None);
        let pull = why(waiting(json!({"reason": "ErrImagePull", "message": "not found"}))).unwrap();
        assert_eq!(pull, "ErrImagePull: not found");
        let homeless = json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available"}]});
        assert_eq!(why(homeless).unwrap(), "0/1 nodes are available");
        assert_eq!(why(json!({})), None);
    }

    #[test]
    fn how_it_ended_is_said() {
        let ended = |reason: &str, code: i32| {
            of(
                json!({"phase": "Failed", "containerStatuses": [{"name": "r", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": {"terminated": {"exitCode": code, "reason": reason}}}]}),
            )
        };
        assert_eq!(ended("OOMKilled", 137), PodState::Ended { how: "was ended for want of memory".into() });
        assert_eq!(ended("Error", 5), PodState::Ended { how: "ended with exit code 5".into() });
        let evicted = of(json!({"phase": "Failed", "reason": "Evicted", "message": "The node was low on memory."}));
        assert_eq!(evicted, PodState::Ended { how: "was ended: The node was low on memory.".into() });
    }
}
