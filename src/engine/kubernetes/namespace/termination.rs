//! Finds the objects that hold a terminating namespace, with their finalizers and managers.

use k8s_openapi::api::core::v1::Namespace;
use kube::core::PartialObjectMeta;
use kube::core::{DynamicObject, ObjectList};
use kube::{Client, ResourceExt};

use crate::engine::kubernetes::client::KubernetesEngine;
use crate::engine::kubernetes::explain;
use crate::engine::{EngineError, Leftover, Residual};

/// The remaining objects of an environment, with reasons.
pub async fn remaining_objects(engine: &KubernetesEngine, environment: &str) -> Result<Vec<Residual>, EngineError> {
    let failed = |e| explain::failed(&format!("look at namespace {environment}"), &e, Leftover::Unknown);
    let Some(namespace) = engine.namespaces().get_opt(environment).await.map_err(failed)? else { return Ok(vec![]) };
    let said = conditions(&namespace);
    let mut left = vec![];
    for resource in said.iter().flat_map(|(_, message)| resources(message)) {
        match listed(&engine.client(), environment, &resource).await {
            Ok(objects) => left.extend(objects.items.iter().map(|o| residual(&resource, o))),
            Err(why) => left.push(Residual { object: format!("{resource} in {environment}"), reason: why }),
        }
    }
    left.push(Residual { object: format!("namespace {environment}"), reason: reason(&namespace, &said) });
    left.dedup();
    Ok(left)
}

/// The true conditions of a namespace, with their messages.
fn conditions(namespace: &Namespace) -> Vec<(String, String)> {
    let all = namespace.status.iter().flat_map(|s| s.conditions.iter().flatten());
    all.filter(|c| c.status == "True").map(|c| (c.type_.clone(), c.message.clone().unwrap_or_default())).collect()
}

fn reason(namespace: &Namespace, said: &[(String, String)]) -> String {
    let deleted = namespace.metadata.deletion_timestamp.is_some();
    match said.last() {
        Some((_, message)) => message.clone(),
        None if deleted => "its deletion was accepted, but the cluster's namespace controller has not begun it".into(),
        None => "it is not being removed".into(),
    }
}

/// `configmaps.` and `widgets.example.com` from a condition's message: `Some resources are remaining: configmaps. has 1
/// resource instances, widgets.example.com has 2 resource instances`.
fn resources(message: &str) -> Vec<String> {
    let Some((_, list)) = message.split_once("resources are remaining: ") else { return vec![] };
    list.split(", ").filter_map(|part| Some(part.split_once(" has ")?.0.to_owned())).collect()
}

/// The objects of a resource such as `configmaps.` or `widgets.example.com`.
async fn listed(
    client: &Client,
    environment: &str,
    resource: &str,
) -> Result<ObjectList<PartialObjectMeta<DynamicObject>>, String> {
    let (plural, group) = resource.split_once('.').unwrap_or((resource, ""));
    let base = if group.is_empty() {
        "/api/v1".to_owned()
    } else {
        let groups = client.list_api_groups().await.map_err(|e| explain::words(&e))?;
        let found = groups.groups.into_iter().find(|g| g.name == group);
        let version = found.and_then(|g| g.preferred_version.or(g.versions.into_iter().next()));
        format!("/apis/{}", version.map(|v| v.group_version).ok_or("its API does not exist any more")?)
    };
    let request = http::Request::get(format!("{base}/namespaces/{environment}/{plural}"))
        .header("Accept", "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1")
        .body(vec![])
        .map_err(|e| e.to_string())?;
    client.request(request).await.map_err(|e| explain::words(&e))
}

fn residual(resource: &str, object: &PartialObjectMeta<DynamicObject>) -> Residual {
    let finalizers = object.finalizers().join(", ");
    // The last manager is most likely the one that must release it.
    let managers = object.managed_fields().iter().rev().filter_map(|m| m.manager.clone()).collect::<Vec<_>>();
    let manager = managers.first().cloned().unwrap_or_else(|| "an unknown manager".into());
    let reason = if finalizers.is_empty() {
        format!("is still terminating; managed by {manager}")
    } else {
        format!(
            "held by finalizer {finalizers}; managed by {manager}: ask its owner to release it, or remove the finalizer by hand"
        )
    };
    Residual { object: format!("{} {}", resource.trim_end_matches('.'), object.name_any()), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_resources_from_the_condition_of_a_namespace() {
        let message = "Some resources are remaining: configmaps. has 1 resource instances, widgets.example.com has 2 resource instances";
        assert_eq!(resources(message), ["configmaps.", "widgets.example.com"]);
        assert!(resources("All content successfully deleted, may be waiting on finalization").is_empty());
    }
}
