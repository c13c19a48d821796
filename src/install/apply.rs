//! Server-side apply of one object, and what it changed.

use k8s_openapi::api::core::v1::Namespace;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::{Api, Client};

use super::manifests::Manifest;
use super::{InstallError, MANAGER, NAMESPACE, failed};

/// The effect of applying an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The object did not exist.
    Created,
    /// The object existed and changed.
    Configured,
    /// The object existed as it is.
    Unchanged,
}

impl Change {
    /// As shown to users.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Configured => "configured",
            Self::Unchanged => "unchanged",
        }
    }
}

/// The API of an object's kind and namespace.
pub fn api(client: &Client, manifest: &Manifest) -> Api<DynamicObject> {
    match &manifest.namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &manifest.resource),
        None => Api::all_with(client.clone(), &manifest.resource),
    }
}

/// Returns true if dayfly's namespace exists: without it, the cluster cannot try the objects that belong into it.
pub async fn namespace_exists(client: &Client) -> Result<bool, InstallError> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let found = namespaces.get_opt(NAMESPACE).await.map_err(failed(format!("read namespace {NAMESPACE}")))?;
    Ok(found.is_some())
}

/// Applies an object; with `dry_run` the cluster only says what would change. Takes fields over from other managers: an
/// upgrade must not stop halfway.
pub async fn apply(client: &Client, manifest: &Manifest, dry_run: bool) -> Result<Change, InstallError> {
    let objects = api(client, manifest);
    let before = objects.get_opt(&manifest.name).await.map_err(failed(format!("read {manifest}")))?;
    let mut params = PatchParams::apply(MANAGER).force().validation_strict();
    params.dry_run = dry_run;
    let after = objects.patch(&manifest.name, &params, &Patch::Apply(&manifest.value)).await;
    let after = after.map_err(failed(format!("apply {manifest}")))?;
    Ok(before.map_or(Change::Created, |before| compared(&before, &after)))
}

/// Compares what was applied; status, versions and managed fields do not count.
fn compared(before: &DynamicObject, after: &DynamicObject) -> Change {
    let content = |o: &DynamicObject| {
        let mut data = o.data.clone();
        if let Some(fields) = data.as_object_mut() {
            fields.remove("status");
        }
        (data, o.metadata.labels.clone(), o.metadata.annotations.clone())
    };
    if content(before) == content(after) { Change::Unchanged } else { Change::Configured }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn object(value: serde_json::Value) -> DynamicObject {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn ignores_fields_that_the_cluster_sets() {
        let before = object(
            json!({"metadata": {"name": "a", "resourceVersion": "1"}, "spec": {"x": 1}, "status": {"ready": false}}),
        );
        let mut after = object(
            json!({"metadata": {"name": "a", "resourceVersion": "2"}, "spec": {"x": 1}, "status": {"ready": true}}),
        );
        assert_eq!(compared(&before, &after), Change::Unchanged);
        after.metadata.labels = Some([("a".to_owned(), "b".to_owned())].into());
        assert_eq!(compared(&before, &after), Change::Configured);
        let other = object(json!({"metadata": {"name": "a"}, "spec": {"x": 2}}));
        assert_eq!(compared(&before, &other), Change::Configured);
    }
}
