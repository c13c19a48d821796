//! TestEnvironments in the cluster. While there are any, the controller must stay: only it removes their finalizers.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{DeleteParams, ListParams};
use kube::{Api, Client, ResourceExt};
use tokio::time::Instant;

use super::{CONTROLLER, InstallError, NAMESPACE, failed};
use crate::crd::TestEnvironmentSummary;
use crate::engine::kubernetes::explain;

/// Poll interval.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Lists all; none if the cluster lacks the CRD.
pub async fn list(client: &Client) -> Result<Vec<TestEnvironmentSummary>, InstallError> {
    let objects: Api<TestEnvironmentSummary> = Api::all(client.clone());
    match objects.list(&ListParams::default()).await {
        Ok(all) => Ok(all.items),
        // The answer for an unknown kind has no reason.
        Err(e) if explain::status(&e).is_some_and(|s| s.code == 404) => Ok(vec![]),
        Err(e) => Err(failed("list TestEnvironments")(e)),
    }
}

/// Maximum number of objects in one message.
const MAX_LISTED: usize = 5;

/// Deletes all, and waits until they and their environments are gone. `report` gets each change of the wait's reason.
pub async fn delete_all(client: &Client, until: Instant, mut report: impl FnMut(&str)) -> Result<(), InstallError> {
    let mut said = String::new();
    loop {
        let left = list(client).await?;
        if left.is_empty() {
            return Ok(());
        }
        // Objects created meanwhile are deleted too.
        for object in left.iter().filter(|o| o.deleted().is_none()) {
            delete(client, object).await?;
        }
        let mut why = listed(&left);
        if !runs(client).await? {
            why = format!("the controller is not running, and only it removes their finalizers ({why})");
        }
        if why != said {
            report(&why);
            said.clone_from(&why);
        }
        if Instant::now() >= until {
            let what = "every TestEnvironment is gone".to_owned();
            return Err(InstallError::NotReady { what, why, capacity: false });
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// The first few, and how many more there are.
pub fn listed(all: &[TestEnvironmentSummary]) -> String {
    let first = all.iter().take(MAX_LISTED).map(summary).collect::<Vec<_>>().join("; ");
    if all.len() > MAX_LISTED { format!("{first}; and {} more", all.len() - MAX_LISTED) } else { first }
}

async fn delete(client: &Client, object: &TestEnvironmentSummary) -> Result<(), InstallError> {
    let objects: Api<TestEnvironmentSummary> = Api::namespaced(client.clone(), &object.namespace().unwrap_or_default());
    match objects.delete(&object.name_any(), &DeleteParams::default()).await {
        Err(e) if !explain::is_missing(&e) => Err(failed(format!("delete TestEnvironment {}", object.key()))(e)),
        _ => Ok(()),
    }
}

async fn runs(client: &Client) -> Result<bool, InstallError> {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), NAMESPACE);
    let found = deployments.get_opt(CONTROLLER).await.map_err(failed("read the controller's Deployment"))?;
    Ok(found.and_then(|d| d.status?.available_replicas).is_some_and(|n| n > 0))
}

/// Name, phase, finalizers and blocker.
pub fn summary(object: &TestEnvironmentSummary) -> String {
    let status = object.status.clone().unwrap_or_default();
    let phase = status.phase.map_or("new".to_owned(), |p| format!("{p:?}"));
    let finalizers = object.finalizers().join(", ");
    let held = if finalizers.is_empty() { String::new() } else { format!(", held by {finalizers}") };
    let blocked = status.blocked.map(|b| format!(": {b}")).unwrap_or_default();
    format!("TestEnvironment {} ({phase}{held}){blocked}", object.key())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_summary_names_finalizers_and_the_blocker() {
        let object = serde_json::json!({
            "metadata": {"name": "pr-7", "namespace": "shop", "finalizers": ["dayfly.dev/release"]},
            "spec": {"pullRequest": 7, "commit": "4d1f0c2"},
            "status": {"phase": "Kept", "blocked": "its runner does not start"},
        });
        let words = summary(&serde_json::from_value(object).unwrap());
        assert_eq!(words, "TestEnvironment shop/pr-7 (Kept, held by dayfly.dev/release): its runner does not start");
    }
}
