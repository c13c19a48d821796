//! The gaps of this engine, its account, and the cluster's addresses that no environment may reach.

use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::Api;
use kube::api::PostParams;
use serde_json::json;

use super::engine::KubernetesEngine;
use crate::engine::kubernetes::explain;
use crate::engine::{EngineError, Leftover, words};
use crate::plan::Plan;

/// Port of every kubelet's API.
const KUBELET: u16 = 10250;

/// The restrictions that this engine does not enforce, as sentences.
pub fn gaps() -> Vec<String> {
    vec![
        "It does not limit the number of processes of a service by itself: the kubelet's podPidsLimit does, for all pods alike.".to_owned(),
        "It does not limit what a service writes to its log, beyond the kubelet's rotation.".to_owned(),
    ]
}

/// The gaps that concern what this plan asks for. Pure.
pub fn gaps_of(plan: &Plan) -> Vec<String> {
    let holders = words::listed(plan.holders_of_secret_env());
    let shown = holders.map(|names| {
        format!("It shows the variables under `secretEnv` to everybody who may read Secrets of the namespace, execute in its pods, or administer a node: those of {names}.")
    });
    shown.into_iter().collect()
}

/// The user name of this process in the cluster, if the cluster tells it.
pub async fn account(engine: &KubernetesEngine) -> Option<String> {
    let reviews: Api<SelfSubjectReview> = Api::all(engine.client());
    let answer = reviews.create(&PostParams::default(), &SelfSubjectReview::default()).await;
    answer
        .inspect_err(|e| tracing::debug!("the cluster does not tell the user name: {e}"))
        .ok()?
        .status?
        .user_info?
        .username
}

/// The API server, and the kubelets of the nodes that run this environment.
pub async fn infrastructure_endpoints(
    engine: &KubernetesEngine,
    environment: &str,
) -> Result<Vec<String>, EngineError> {
    let failed = |e| explain::failed("find the cluster's own addresses", &e, Leftover::None);
    let services: Api<Service> = Api::namespaced(engine.client(), "default");
    let api_server = services.get("kubernetes").await.map_err(failed)?;
    let address = api_server.spec.as_ref().and_then(|s| s.cluster_ip.clone());
    let port = api_server.spec.as_ref().and_then(|s| s.ports.as_ref()?.first().map(|p| p.port)).unwrap_or(443);
    let pods = engine.pods(environment).list(&Default::default()).await.map_err(failed)?;
    let nodes = pods.iter().filter_map(|p| p.status.as_ref()?.host_ip.clone());
    let mut all: Vec<String> =
        address.map(|a| format!("{a}:{port}")).into_iter().chain(nodes.map(|n| format!("{n}:{KUBELET}"))).collect();
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

impl KubernetesEngine {
    /// Asks by a dry run whether the cluster refuses a privileged pod in this environment.
    pub async fn refuses_privileged(&self, environment: &str) -> Result<bool, EngineError> {
        let failed = |words: &str| explain::refused("try a privileged pod", words, Leftover::None);
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"name": "privileged-trial"},
            "spec": {"containers": [{
                "name": "trial", "image": self.agent_image(), "securityContext": {"privileged": true},
                "resources": {"limits": {"memory": "16Mi", "cpu": "10m"}},
            }]},
        }))
        .map_err(|e| failed(&e.to_string()))?;
        match self.pods(environment).create(&PostParams { dry_run: true, ..PostParams::default() }, &pod).await {
            Ok(_) => Ok(false),
            Err(e) if explain::words(&e).to_lowercase().contains("violates podsecurity") => Ok(true),
            Err(e) => Err(failed(&explain::words(&e))),
        }
    }
}
