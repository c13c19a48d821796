//! Waits until what was installed works: the definition is served, and the controller available.

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

/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(500);
/// What is in the way for so long will not go by itself, unless it is want of room.
const PATIENCE: Duration = Duration::from_secs(15);
/// Pods of the controller.
const PODS: &str = "app.kubernetes.io/name=dayfly,app.kubernetes.io/component=controller";

/// Waits until the API server serves TestEnvironments.
pub async fn established(client: &Client, until: Instant) -> Result<(), InstallError> {
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    loop {
        let found = definitions.get(CRD).await.map_err(failed(format!("look at {CRD}")))?;
        let conditions = found.status.and_then(|s| s.conditions).unwrap_or_default();
        if conditions.iter().any(|c| c.type_ == "Established" && c.status == "True") {
            return Ok(());
        }
        if Instant::now() >= until {
            let why = conditions.iter().filter(|c| c.status == "False").filter_map(|c| c.message.clone());
            let why = why.reduce(|a, b| format!("{a}; {b}")).unwrap_or_else(|| "the API server says nothing".into());
            let what = format!("{CRD} is served");
            return Err(InstallError::NotReady { what, why, capacity: false });
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Waits until every replica of the controller is available; `told` hears whenever something else is waited for.
pub async fn available(client: &Client, until: Instant, mut told: impl FnMut(&str)) -> Result<(), InstallError> {
    let (mut said, mut stuck) = (String::new(), None);
    loop {
        let (why, capacity) = match look(client).await? {
            RolloutStatus::Available => return Ok(()),
            RolloutStatus::Progressing(how) => {
                stuck = None;
                (how, false)
            }
            RolloutStatus::Blocked { why, capacity } => {
                stuck = if capacity { None } else { stuck.or(Some(Instant::now())) };
                (why, capacity)
            }
        };
        if why != said {
            told(&why);
            said.clone_from(&why);
        }
        if Instant::now() >= until || stuck.is_some_and(|since: Instant| since.elapsed() >= PATIENCE) {
            let what = format!("Deployment {NAMESPACE}/{CONTROLLER} is available");
            return Err(InstallError::NotReady { what, why, capacity });
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn look(client: &Client) -> Result<RolloutStatus, InstallError> {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), NAMESPACE);
    let pods: Api<Pod> = Api::namespaced(client.clone(), NAMESPACE);
    let deployment = deployments.get(CONTROLLER).await.map_err(failed("look at the controller"))?;
    let pods = pods.list(&ListParams::default().labels(PODS)).await.map_err(failed("look at the controller's pods"))?;
    Ok(rollout::status(&deployment, &pods.items))
}
