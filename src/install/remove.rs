//! Removes the installed objects, in an order that leaves nothing behind.

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

/// Poll interval.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Result of removing an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    /// Removed, or would be.
    Removed,
    /// Did not exist.
    Absent,
    /// Kept, because these bindings give the role to others.
    Kept(Vec<String>),
}

/// The order of removal. The CRD first: then nobody can create a TestEnvironment, and the controller, which still runs, cleans
/// up the last ones. Then the rest, in reverse order of installation.
pub fn order(all: &[Manifest]) -> Vec<&Manifest> {
    let (definition, rest): (Vec<&Manifest>, Vec<&Manifest>) = all.iter().partition(|m| m.name == CRD);
    definition.into_iter().chain(rest.into_iter().rev()).collect()
}

/// All bindings in the cluster.
pub struct RoleBindings {
    wide: Vec<ClusterRoleBinding>,
    narrow: Vec<RoleBinding>,
}

impl RoleBindings {
    /// Lists all bindings.
    pub async fn find(client: &Client) -> Result<Self, InstallError> {
        let (all, params) = ("list role bindings", ListParams::default());
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
        // Already being deleted.
        Err(e) if explain::is_conflict(&e) => Ok(Removal::Removed),
        Err(e) if explain::is_missing(&e) => Ok(Removal::Absent),
        Err(e) => Err(failed(format!("remove {manifest}"))(e)),
    }
}

/// Waits until an object is gone; returns false on timeout.
pub async fn wait_until_gone(client: &Client, manifest: &Manifest, until: Instant) -> Result<bool, InstallError> {
    let objects = apply::api(client, manifest);
    loop {
        let found = objects.get_metadata_opt(&manifest.name).await.map_err(failed(format!("read {manifest}")))?;
        if found.is_none() {
            return Ok(true);
        }
        if Instant::now() >= until {
            return Ok(false);
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Objects left in dayfly's namespace, each with a reason.
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
    fn removes_the_crd_before_the_controller_and_the_namespace_last() {
        let all = manifests::all(manifests::IMAGE).unwrap();
        let order = order(&all);
        let place = |kind: &str| order.iter().position(|m| m.resource.kind == kind).unwrap();
        assert_eq!((order.len(), place("CustomResourceDefinition"), place("Namespace")), (all.len(), 0, all.len() - 1));
        assert!(place("Deployment") < place("ServiceAccount"));
        assert!(
            place("ClusterRoleBinding") < place("ValidatingAdmissionPolicyBinding"),
            "rights must go before their limits"
        );
    }
}
