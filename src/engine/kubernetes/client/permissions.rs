//! What dayfly must be allowed to do in a cluster; the same list that `manifests/install/rbac-cli.yaml` grants.

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use kube::Api;
use kube::api::PostParams;

use super::engine::{KubernetesEngine, PARALLEL_REQUESTS};
use crate::engine::kubernetes::explain;
use crate::engine::{EngineError, Leftover};

/// API group, resource (with a subresource behind a slash), verbs.
pub const NEEDED: [(&str, &str, &[&str]); 16] = [
    ("", "namespaces", &["get", "list", "watch", "create", "patch", "delete"]),
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
    ("batch", "jobs", &["list", "create", "patch", "delete", "deletecollection"]),
    ("networking.k8s.io", "networkpolicies", &["list", "create", "patch", "delete"]),
    ("authorization.k8s.io", "selfsubjectaccessreviews", &["create"]),
];

impl KubernetesEngine {
    /// Asks the cluster which of the needed permissions this user lacks: `create pods/exec`, …
    pub async fn lacking(&self) -> Result<Vec<String>, EngineError> {
        let each =
            NEEDED.iter().flat_map(|(group, resource, verbs)| verbs.iter().map(move |v| (*group, *resource, *v)));
        let asked = each.map(async |(group, resource, verb)| {
            let may = self.may(group, resource, verb, None).await?;
            Ok((!may).then(|| format!("{verb} {resource}")))
        });
        let answers: Vec<Option<String>> =
            futures::stream::iter(asked.collect::<Vec<_>>()).buffered(PARALLEL_REQUESTS).try_collect().await?;
        Ok(answers.into_iter().flatten().collect())
    }

    /// Whether this user may do something, in a namespace or in all of them.
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::Value;

    /// `group/resource verb` of everything that the role of this name grants, sorted.
    fn granted(text: &str, name: &str) -> Vec<String> {
        let documents: Vec<Value> = text.split("\n---\n").map(|d| serde_yaml::from_str(d).unwrap()).collect();
        let role = documents.iter().find(|d| d["kind"] == "ClusterRole" && d["metadata"]["name"] == name).unwrap();
        let list = |v: &Value| v.as_array().unwrap().iter().map(|x| x.as_str().unwrap().to_owned()).collect::<Vec<_>>();
        let mut granted = vec![];
        for rule in role["rules"].as_array().unwrap() {
            for resource in list(&rule["resources"]) {
                granted.extend(
                    list(&rule["verbs"]).iter().map(|v| format!("{}/{resource} {v}", list(&rule["apiGroups"])[0])),
                );
            }
        }
        granted.sort();
        granted
    }

    fn needed(but: &[&str]) -> Vec<String> {
        let needed = NEEDED.iter().filter(|(_, resource, _)| !but.contains(resource));
        let mut needed: Vec<String> =
            needed.flat_map(|(g, r, verbs)| verbs.iter().map(move |v| format!("{g}/{r} {v}"))).collect();
        needed.sort();
        needed
    }

    /// Everybody may ask what they may do; that is not granted.
    const REVIEWS: &str = "selfsubjectaccessreviews";

    #[test]
    fn the_role_that_is_installed_grants_what_is_needed_and_nothing_else() {
        let text = include_str!("../../../../manifests/install/rbac-cli.yaml");
        assert_eq!(granted(text, "dayfly-cli"), needed(&[REVIEWS]));
    }

    #[test]
    fn in_an_environment_the_same_is_granted_but_for_namespaces() {
        let text = include_str!("../../../../manifests/install/rbac-runner.yaml");
        assert_eq!(granted(text, super::super::role_binding::ROLE), needed(&[REVIEWS, "namespaces"]));
    }
}
