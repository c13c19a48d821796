//! Waits until the CRD is served and the controller available. Polls, because a timeout reports the last known reason, which
//! kube's `await_condition` drops.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::ListParams;
use kube::{Api, Client};
use tokio::time::Instant;

use super::{CONTROLLER, CRD, InstallError, NAMESPACE, failed};
use crate::install::rollout;
use crate::install::rollout::RolloutStatus;

/// Poll interval.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// Longest time for which anything but missing capacity may block a rollout.
const BLOCKED_TIMEOUT: Duration = Duration::from_secs(15);
/// Pods of the controller.
const PODS: &str = "app.kubernetes.io/name=dayfly,app.kubernetes.io/component=controller";

/// Waits until the API server serves TestEnvironments.
pub async fn established(client: &Client, until: Instant) -> Result<(), InstallError> {
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    loop {
        let found = definitions.get(CRD).await.map_err(failed(format!("read {CRD}")))?;
        let conditions = found.status.and_then(|s| s.conditions).unwrap_or_default();
        if conditions.iter().any(|c| c.type_ == "Established" && c.status == "True") {
            return Ok(());
        }
        if Instant::now() >= until {
            let why = conditions.iter().filter(|c| c.status == "False").filter_map(|c| c.message.clone());
            let why = why.reduce(|a, b| format!("{a}; {b}")).unwrap_or_else(|| "the API server gives no reason".into());
            let what = format!("{CRD} is served");
            return Err(InstallError::NotReady { what, why, capacity: false });
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Waits until every replica of the controller is available; `report` gets each change of the status.
pub async fn available(client: &Client, until: Instant, mut report: impl FnMut(&str)) -> Result<(), InstallError> {
    let (mut said, mut blocked) = (String::new(), None);
    loop {
        let (why, capacity) = match rollout_status(client).await? {
            RolloutStatus::Available => return Ok(()),
            RolloutStatus::Progressing(how) => {
                blocked = None;
                (how, false)
            }
            RolloutStatus::Blocked { why, capacity } => {
                blocked = if capacity { None } else { blocked.or(Some(Instant::now())) };
                (why, capacity)
            }
        };
        if why != said {
            report(&why);
            said.clone_from(&why);
        }
        if Instant::now() >= until || blocked.is_some_and(|since: Instant| since.elapsed() >= BLOCKED_TIMEOUT) {
            let what = format!("Deployment {NAMESPACE}/{CONTROLLER} is available");
            return Err(InstallError::NotReady { what, why, capacity });
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

async fn rollout_status(client: &Client) -> Result<RolloutStatus, InstallError> {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), NAMESPACE);
    let pods: Api<Pod> = Api::namespaced(client.clone(), NAMESPACE);
    let deployment = deployments.get(CONTROLLER).await.map_err(failed("read the controller's Deployment"))?;
    let pods = pods.list(&ListParams::default().labels(PODS)).await.map_err(failed("list the controller's pods"))?;
    Ok(rollout::status(&deployment, &pods.items))
}
