//! TestEnvironments that are still there: while there are any, nothing may be removed, for only the controller releases them.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{DeleteParams, ListParams};
use kube::{Api, Client, ResourceExt};
use tokio::time::Instant;

use super::{CONTROLLER, InstallError, NAMESPACE, failed};
use crate::crd::TestEnvironmentSummary;
use crate::engine::kubernetes::explain;

/// Pause between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// All of them; none where the cluster knows no such kind.
pub async fn list(client: &Client) -> Result<Vec<TestEnvironmentSummary>, InstallError> {
    let objects: Api<TestEnvironmentSummary> = Api::all(client.clone());
    match objects.list(&ListParams::default()).await {
        Ok(all) => Ok(all.items),
        // Of a kind that it does not know it says so without the usual reason.
        Err(e) if explain::status(&e).is_some_and(|s| s.code == 404) => Ok(vec![]),
        Err(e) => Err(failed("list TestEnvironments")(e)),
    }
}

/// How many objects are named in one message.
const SHOWN: usize = 5;

/// Deletes all, and waits until they and their environments are gone. `told` hears what is waited for.
pub async fn delete_all(client: &Client, until: Instant, mut told: impl FnMut(&str)) -> Result<(), InstallError> {
    let mut said = String::new();
    loop {
        let left = list(client).await?;
        if left.is_empty() {
            return Ok(());
        }
        // Whoever came meanwhile goes as well.
        for object in left.iter().filter(|o| o.deleted().is_none()) {
            delete(client, object).await?;
        }
        let mut why = listed(&left);
        if !runs(client).await? {
            why = format!("the controller does not run, and only it releases them ({why})");
        }
        if why != said {
            told(&why);
            said.clone_from(&why);
        }
        if Instant::now() >= until {
            let what = "every TestEnvironment is gone".to_owned();
            return Err(InstallError::NotReady { what, why, capacity: false });
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The first few, and how many more there are.
pub fn listed(all: &[TestEnvironmentSummary]) -> String {
    let first = all.iter().take(SHOWN).map(summary).collect::<Vec<_>>().join("; ");
    if all.len() > SHOWN { format!("{first}; and {} more", all.len() - SHOWN) } else { first }
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
    let found = deployments.get_opt(CONTROLLER).await.map_err(failed("look at the controller"))?;
    Ok(found.and_then(|d| d.status?.available_replicas).is_some_and(|n| n > 0))
}

/// Its name, how far it is, and what holds it.
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
    fn what_holds_is_named_with_its_finalizer() {
        let object = serde_json::json!({
            "metadata": {"name": "pr-7", "namespace": "shop", "finalizers": ["dayfly.dev/release"]},
            "spec": {"pullRequest": 7, "commit": "4d1f0c2"},
            "status": {"phase": "Kept", "blocked": "it waits"},
        });
        let words = summary(&serde_json::from_value(object).unwrap());
        assert_eq!(words, "TestEnvironment shop/pr-7 (Kept, held by dayfly.dev/release): it waits");
    }
}
