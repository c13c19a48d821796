//! Bindings of dayfly's roles by others. Pure.

use k8s_openapi::api::rbac::v1::{ClusterRoleBinding, RoleBinding, Subject};
use kube::ResourceExt;

use super::NAMESPACE;
use super::manifests::Manifest;

/// The bindings of a ClusterRole that dayfly did not create.
pub fn others(role: &str, installed: &[Manifest], wide: &[ClusterRoleBinding], narrow: &[RoleBinding]) -> Vec<String> {
    let ours = |name: &str| installed.iter().any(|m| m.resource.kind == "ClusterRoleBinding" && m.name == name);
    let wide = wide.iter().filter(|b| b.role_ref.name == role && !ours(&b.name_any()));
    let wide = wide.map(|b| format!("ClusterRoleBinding {}", b.name_any()));
    // A binding in dayfly's namespace is deleted with it; in an environment, a runner binds its own role.
    let own = |s: &Subject| s.kind == "ServiceAccount" && s.namespace.as_deref() == Some(NAMESPACE);
    let narrow = narrow.iter().filter(|b| !b.subjects.as_ref().is_some_and(|all| all.iter().all(own)));
    let narrow = narrow.filter(|b| b.role_ref.kind == "ClusterRole" && b.role_ref.name == role);
    let narrow = narrow.map(|b| (b.namespace().unwrap_or_default(), b.name_any())).filter(|(n, _)| n != NAMESPACE);
    wide.chain(narrow.map(|(namespace, name)| format!("RoleBinding {namespace}/{name}"))).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::install::manifests;
    use serde_json::json;

    #[test]
    fn finds_bindings_that_dayfly_did_not_create() {
        let role = |kind: &str| json!({"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": "dayfly-cli"});
        let wide = json!([
            {"metadata": {"name": "ci"}, "roleRef": role("ClusterRole")},
        ]);
        let narrow = json!([
            {"metadata": {"name": "team", "namespace": "shop"}, "roleRef": role("ClusterRole")},
            {"metadata": {"name": "own", "namespace": "dayfly-system"}, "roleRef": role("ClusterRole")},
            {"metadata": {"name": "theirs", "namespace": "shop"}, "roleRef": role("Role")},
            {
                "metadata": {"name": "dayfly", "namespace": "e-pr-1"}, "roleRef": role("ClusterRole"),
                "subjects": [{"kind": "ServiceAccount", "namespace": "dayfly-system", "name": "dayfly-runner"}],
            },
        ]);
        let installed = manifests::all(manifests::IMAGE).unwrap();
        let (wide, narrow) = (
            serde_json::from_value::<Vec<ClusterRoleBinding>>(wide).unwrap(),
            serde_json::from_value::<Vec<RoleBinding>>(narrow).unwrap(),
        );
        let found = others("dayfly-cli", &installed, &wide, &narrow);
        assert_eq!(found, ["ClusterRoleBinding ci", "RoleBinding shop/team"]);
        assert!(others("dayfly-submit", &installed, &wide, &narrow).is_empty());
    }
}
