//! Status of a Deployment's rollout. Pure: (Deployment, its pods) → status.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::ResourceExt;

use crate::engine::kubernetes::waiting_reason::is_normal_waiting;

/// Status of a rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RolloutStatus {
    /// Every replica has this version and is available.
    Available,
    /// In progress; how far.
    Progressing(String),
    /// Blocked.
    Blocked {
        /// The cluster's reason.
        why: String,
        /// Only capacity is missing, and may become free.
        capacity: bool,
    },
}

/// Determines the status of a rollout.
pub fn status(deployment: &Deployment, pods: &[Pod]) -> RolloutStatus {
    let wanted = deployment.spec.replicas.unwrap_or(1);
    let status = deployment.status.clone().unwrap_or_default();
    let counts = [status.replicas, status.updated_replicas, status.available_replicas].map(Option::unwrap_or_default);
    let current = status.observed_generation >= deployment.metadata.generation;
    if current && counts == [wanted; 3] {
        return RolloutStatus::Available;
    }
    let refused = status
        .conditions
        .iter()
        .flatten()
        .find(|c| (c.type_.as_deref(), c.status.as_deref()) == (Some("ReplicaFailure"), Some("True")));
    if let Some(refused) = refused {
        let why = refused.message.clone().unwrap_or_default();
        return RolloutStatus::Blocked { capacity: why.contains("exceeded quota"), why };
    }
    let blocked = pods.iter().filter(|p| p.metadata.deletion_timestamp.is_none()).find_map(blocked);
    blocked.unwrap_or_else(|| RolloutStatus::Progressing(format!("{} of {wanted} replicas are available", counts[2])))
}

fn blocked(pod: &Pod) -> Option<RolloutStatus> {
    let status = pod.status.as_ref()?;
    let unscheduled = status.conditions.iter().flatten().find(|c| c.type_ == "PodScheduled" && c.status == "False");
    if let Some(unscheduled) = unscheduled {
        let why = unscheduled.message.clone().unwrap_or_else(|| "no node accepts it".into());
        return Some(RolloutStatus::Blocked { why: format!("pod {}: {why}", pod.name_any()), capacity: true });
    }
    let why = status.container_statuses.iter().flatten().find_map(start_failure)?;
    Some(RolloutStatus::Blocked { why: format!("pod {}: {why}", pod.name_any()), capacity: false })
}

fn start_failure(container: &ContainerStatus) -> Option<String> {
    let waiting = container.state.as_ref()?.waiting.as_ref()?;
    let reason = waiting.reason.as_deref().filter(|r| !is_normal_waiting(r))?;
    let ended = container.last_state.as_ref().and_then(|s| s.terminated.as_ref());
    let ended = ended.map(|t| format!(" after exit code {}", t.exit_code)).unwrap_or_default();
    let message = waiting.message.as_ref().map(|m| format!(": {m}")).unwrap_or_default();
    Some(format!("{reason}{ended}{message}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::{Value, json};

    fn seen(status: Value, pods: Value) -> RolloutStatus {
        let deployment = json!({"metadata": {"generation": 2}, "spec": {"replicas": 2, "selector": {}, "template": {}}, "status": status});
        super::status(&serde_json::from_value(deployment).unwrap(), &serde_json::from_value::<Vec<Pod>>(pods).unwrap())
    }

    fn pod(status: Value) -> Value {
        json!([{"metadata": {"name": "p"}, "status": status}])
    }

    fn waiting(state: Value) -> Value {
        pod(
            json!({"containerStatuses": [{"name": "c", "image": "", "imageID": "", "ready": false, "restartCount": 1, "state": {"waiting": state}, "lastState": {"terminated": {"exitCode": 2}}}]}),
        )
    }

    #[test]
    fn available_needs_every_replica_of_this_version_and_no_older_one() {
        let status = |observed: i64, replicas: i32| json!({"observedGeneration": observed, "replicas": replicas, "updatedReplicas": 2, "availableReplicas": 2});
        assert_eq!(seen(status(2, 2), json!([])), RolloutStatus::Available);
        assert_ne!(seen(status(1, 2), json!([])), RolloutStatus::Available);
        assert_ne!(seen(status(2, 3), json!([])), RolloutStatus::Available);
        assert_eq!(seen(json!({}), json!([])), RolloutStatus::Progressing("0 of 2 replicas are available".into()));
    }

    #[test]
    fn names_the_reason_of_a_blocked_rollout() {
        let blocked = |why: &str, capacity| RolloutStatus::Blocked { why: why.into(), capacity };
        let quota =
            json!({"conditions": [{"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: q"}]});
        assert_eq!(seen(quota, json!([])), blocked("exceeded quota: q", true));
        let unscheduled =
            json!({"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available"}]});
        assert_eq!(seen(json!({}), pod(unscheduled)), blocked("pod p: 0/1 nodes are available", true));
        let pull = json!({"reason": "ImagePullBackOff", "message": "not found"});
        assert_eq!(
            seen(json!({}), waiting(pull)),
            blocked("pod p: ImagePullBackOff after exit code 2: not found", false)
        );
        let starting = seen(json!({}), waiting(json!({"reason": "ContainerCreating"})));
        assert!(matches!(starting, RolloutStatus::Progressing(_)), "{starting:?}");
    }
}
