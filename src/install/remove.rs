//! Removes what was installed, in the order that leaves nothing behind, and says what does not go.

use std::time::Duration;

use k8s_openapi::api::rbac::v1::{ClusterRoleBinding, RoleBinding};
use kube::api::{DeleteParams, ListParams};
use kube::{Api, Client};
use tokio::time::Instant;

use super::manifests::Manifest;
use super::{CRD, InstallError, NAMESPACE, apply, failed};
use crate::engine::Residual;
use crate::engine::kubernetes::{KubernetesEngine, explain, termination};
use crate::install::role_bindings;

/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(500);

/// What became of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    /// It was there, and is removed (or would be).
    Removed,
    /// It was not there.
    Absent,
    /// Others were given this role: it stays, with who they are.
    Kept(Vec<String>),
}

/// The order of removal. The definition goes first: from then on nobody can make a TestEnvironment, and the controller, which
/// still runs, releases whatever was made a moment ago. The rest goes as it came, backwards.
pub fn order(all: &[Manifest]) -> Vec<&Manifest> {
    let (definition, rest): (Vec<&Manifest>, Vec<&Manifest>) = all.iter().partition(|m| m.name == CRD);
    definition.into_iter().chain(rest.into_iter().rev()).collect()
}

/// Everybody's bindings.
pub struct RoleBindings {
    wide: Vec<ClusterRoleBinding>,
    narrow: Vec<RoleBinding>,
}

impl RoleBindings {
    /// As they are now.
    pub async fn find(client: &Client) -> Result<Self, InstallError> {
        let (all, params) = ("list who has which role", ListParams::default());
        let wide: Api<ClusterRoleBinding> = Api::all(client.clone());
        let narrow: Api<RoleBinding> = Api::all(client.clone());
        let wide = wide.list(&params).await.map_err(failed(all))?.items;
        Ok(Self { wide, narrow: narrow.list(&params).await.map_err(failed(all))?.items })
    }
}

/// Removes one object of `all`; with `dry_run` the cluster only says whether it would.
pub async fn remove(
    client: &Client,
    manifest: &Manifest,
    all: &[Manifest],
    bindings: &RoleBindings,
    dry_run: bool,
) -> Result<Removal, InstallError> {
    if manifest.resource.kind == "ClusterRole" {
        let others = role_bindings::others(&manifest.name, all, &bindings.wide, &bindings.narrow);
        if !others.is_empty() {
            return Ok(Removal::Kept(others));
        }
    }
    let objects = apply::api(client, manifest);
    let params = DeleteParams { dry_run, ..DeleteParams::background() };
    match objects.delete(&manifest.name, &params).await {
        Ok(_) => Ok(Removal::Removed),
        // It is being removed already.
        Err(e) if explain::is_conflict(&e) => Ok(Removal::Removed),
        Err(e) if explain::is_missing(&e) => Ok(Removal::Absent),
        Err(e) => Err(failed(format!("remove {manifest}"))(e)),
    }
}

/// Waits until an object is gone; false when the time is over.
pub async fn wait_until_gone(client: &Client, manifest: &Manifest, until: Instant) -> Result<bool, InstallError> {
    let objects = apply::api(client, manifest);
    loop {
        let found = objects.get_metadata_opt(&manifest.name).await.map_err(failed(format!("look at {manifest}")))?;
        if found.is_none() {
            return Ok(true);
        }
        if Instant::now() >= until {
            return Ok(false);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// What is left of dayfly's namespace, and what holds it.
pub async fn residuals(engine: &KubernetesEngine) -> Vec<Residual> {
    termination::remaining_objects(engine, NAMESPACE).await.unwrap_or_else(|e| {
        vec![Residual { object: format!("namespace {NAMESPACE}"), reason: format!("failed to {e}") }]
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::install::manifests;

    #[test]
    fn the_definition_goes_while_the_controller_still_runs_and_the_namespace_last() {
        let all = manifests::all(manifests::IMAGE).unwrap();
        let order = order(&all);
        let place = |kind: &str| order.iter().position(|m| m.resource.kind == kind).unwrap();
        assert_eq!((order.len(), place("CustomResourceDefinition"), place("Namespace")), (all.len(), 0, all.len() - 1));
        assert!(place("Deployment") < place("ServiceAccount"));
        assert!(
            place("ClusterRoleBinding") < place("ValidatingAdmissionPolicyBinding"),
            "rights go before their limits"
        );
    }
}
