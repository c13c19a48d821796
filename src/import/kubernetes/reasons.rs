//! Why objects are dropped. Pure.

use crate::import::notes::Notes;
use crate::import::tree::Tree;

/// Notes an object that becomes no part of the draft.
pub(super) fn drop(object: &Tree, notes: &mut Notes) {
    let Some(kind) = object.word("kind") else {
        return notes.drop(object.line, "a document", "it has no `kind`");
    };
    let name = object.at(&["metadata"]).and_then(|m| m.word("name")).unwrap_or_default();
    let why = match kind {
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Pod" | "Service" => return,
        "ConfigMap" | "Secret" => return notes.map(),
        "Job" => {
            "it runs to its end: write it under `jobs`, which drafts do not do yet, put its SQL under `sql`, or make it a suite"
        }
        "CronJob" => "nothing runs on a schedule: let a suite start what it does",
        "Ingress" | "IngressRoute" | "HTTPRoute" | "Gateway" | "VirtualService" => {
            "nothing reaches an environment from outside: suites call the services behind it"
        }
        "NetworkPolicy" => "only declared callers reach a unit: compare it with `needs` and `callers`",
        "ServiceAccount" | "Role" | "RoleBinding" | "ClusterRole" | "ClusterRoleBinding" => {
            "no unit has a token of the cluster"
        }
        "PersistentVolumeClaim" | "PersistentVolume" | "StorageClass" => {
            "folders of a unit begin empty: see `writable`"
        }
        "HorizontalPodAutoscaler"
        | "VerticalPodAutoscaler"
        | "PodDisruptionBudget"
        | "PriorityClass"
        | "ScaledObject" => "the number of replicas is fixed",
        "Namespace" | "ResourceQuota" | "LimitRange" => "each environment has its own",
        "ServiceMonitor" | "PodMonitor" | "PrometheusRule" => "nothing outside of an environment watches it",
        "MutatingWebhookConfiguration"
        | "ValidatingWebhookConfiguration"
        | "CustomResourceDefinition"
        | "APIService" => "nothing in an environment reads the Kubernetes API",
        _ => "dayfly does not know this kind",
    };
    notes.drop(object.line, format!("{kind} {name}"), why);
}
