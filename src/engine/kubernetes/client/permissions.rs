//! Permissions that dayfly needs in a cluster. `manifests/install/rbac-cli.yaml` grants them; `tests/offline_kubernetes`
//! compares both with the requests of whole runs.

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use kube::Api;
use kube::api::PostParams;

use super::engine::{KubernetesEngine, PARALLEL_REQUESTS};
use crate::engine::kubernetes::explain;
use crate::engine::{EngineError, Leftover};

/// API group, resource (with a subresource behind a slash), verbs.
pub const NEEDED_PERMISSIONS: [(&str, &str, &[&str]); 17] = [
    ("", "namespaces", &["get", "list", "watch", "create", "patch", "delete"]),
    // The platform of an image that has several, for scans.
    ("", "nodes", &["get"]),
    ("", "pods", &["get", "list", "watch", "create", "patch", "delete", "deletecollection"]),
    ("", "pods/log", &["get"]),
    ("", "pods/exec", &["get", "create"]),
    ("", "pods/portforward", &["get", "create"]),
    ("", "pods/ephemeralcontainers", &["patch"]),
    ("", "events", &["list", "watch"]),
    ("", "services", &["get", "list", "create", "patch", "delete"]),
    ("", "secrets", &["get", "list", "create", "patch", "delete"]),
    ("", "configmaps", &["list", "create", "patch", "delete"]),
    ("", "serviceaccounts", &["list", "create", "patch", "delete"]),
    ("", "resourcequotas", &["list", "create", "patch", "delete"]),
    ("", "limitranges", &["list", "create", "patch", "delete"]),
    ("batch", "jobs", &["list", "create", "delete", "deletecollection"]),
    ("networking.k8s.io", "networkpolicies", &["list", "create", "patch", "delete"]),
    ("authorization.k8s.io", "selfsubjectaccessreviews", &["create"]),
];

impl KubernetesEngine {
    /// Asks the cluster which needed permissions this user lacks: `create pods/exec`, …
    pub async fn lacking(&self) -> Result<Vec<String>, EngineError> {
        let each = NEEDED_PERMISSIONS
            .iter()
            .flat_map(|(group, resource, verbs)| verbs.iter().map(move |v| (*group, *resource, *v)));
        let asked = each.map(async |(group, resource, verb)| {
            let may = self.may(group, resource, verb, None).await?;
            Ok((!may).then(|| format!("{verb} {resource}")))
        });
        let answers: Vec<Option<String>> =
            futures::stream::iter(asked.collect::<Vec<_>>()).buffered(PARALLEL_REQUESTS).try_collect().await?;
        Ok(answers.into_iter().flatten().collect())
    }

    /// Asks whether this user has a permission, in a namespace or in all of them.
    pub(crate) async fn may(
        &self,
        group: &str,
        resource: &str,
        verb: &str,
        namespace: Option<&str>,
    ) -> Result<bool, EngineError> {
        let (plural, subresource) = resource.split_once('/').map_or((resource, None), |(r, s)| (r, Some(s.to_owned())));
        let review = SelfSubjectAccessReview {
            spec: SelfSubjectAccessReviewSpec {
                resource_attributes: Some(ResourceAttributes {
                    group: Some(group.to_owned()),
                    resource: Some(plural.to_owned()),
                    subresource,
                    verb: Some(verb.to_owned()),
                    namespace: namespace.map(str::to_owned),
                    ..ResourceAttributes::default()
                }),
                ..SelfSubjectAccessReviewSpec::default()
            },
            ..SelfSubjectAccessReview::default()
        };
        let reviews: Api<SelfSubjectAccessReview> = Api::all(self.client());
        let answer = reviews.create(&PostParams::default(), &review).await;
        let answer =
            answer.map_err(|e| explain::failed("ask the cluster what this user may do", &e, Leftover::None))?;
        Ok(answer.status.is_some_and(|s| s.allowed))
    }
}
