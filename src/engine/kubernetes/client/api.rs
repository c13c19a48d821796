//! Requests by kind: apply, create, list and delete rendered objects.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{
    ConfigMap, LimitRange, Namespace, Pod, ResourceQuota, Secret, Service, ServiceAccount,
};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::{DeleteParams, DynamicObject, ListParams, ObjectList, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, PartialObjectMeta};
use kube::{Api, ResourceExt};
use tokio::time::Instant;

use super::engine::KubernetesEngine;
use super::{PARALLEL_REQUESTS, retry};
use crate::engine::kubernetes::explain;
use crate::engine::{EngineError, Leftover};
use crate::render::kubernetes::{Kind, Object};
use crate::render::labels;

/// Time limit for retries of interrupted creations: a restarting server breaks many connections, one by one.
const INTERRUPTION_LIMIT: Duration = Duration::from_secs(60);
/// First and longest pause between attempts.
const RETRY_PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));
/// The name under which dayfly manages fields.
pub const MANAGER: &str = "dayfly";

/// Kinds of the objects in an environment's namespace, except pods, which are deleted in an order of their own.
pub const CONTENTS: [Kind; 8] = [
    Kind::Job,
    Kind::Service,
    Kind::NetworkPolicy,
    Kind::Secret,
    Kind::ConfigMap,
    Kind::ServiceAccount,
    Kind::LimitRange,
    Kind::ResourceQuota,
];

fn resource(kind: Kind) -> ApiResource {
    match kind {
        Kind::Namespace => ApiResource::erase::<Namespace>(&()),
        Kind::ResourceQuota => ApiResource::erase::<ResourceQuota>(&()),
        Kind::LimitRange => ApiResource::erase::<LimitRange>(&()),
        Kind::ServiceAccount => ApiResource::erase::<ServiceAccount>(&()),
        Kind::NetworkPolicy => ApiResource::erase::<NetworkPolicy>(&()),
        Kind::Secret => ApiResource::erase::<Secret>(&()),
        Kind::ConfigMap => ApiResource::erase::<ConfigMap>(&()),
        Kind::Service => ApiResource::erase::<Service>(&()),
        Kind::Pod => ApiResource::erase::<Pod>(&()),
        Kind::Job => ApiResource::erase::<Job>(&()),
    }
}

/// The label selector of an environment's objects.
pub fn of_environment(environment: &str) -> String {
    format!("{}={environment}", labels::ENVIRONMENT)
}

impl KubernetesEngine {
    pub(crate) fn namespaces(&self) -> Api<Namespace> {
        Api::all(self.client())
    }

    pub(crate) fn pods(&self, environment: &str) -> Api<Pod> {
        Api::namespaced(self.client(), environment)
    }

    fn objects(&self, kind: Kind, environment: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client(), environment, &resource(kind))
    }

    /// Applies an object server-side. The API server refuses unknown fields.
    pub(crate) async fn apply(&self, environment: &str, object: &Object) -> Result<DynamicObject, EngineError> {
        let params = PatchParams::apply(MANAGER).force().validation_strict();
        let patch = Patch::Apply(&object.value);
        let applied = self.objects(object.kind, environment).patch(&object.name, &params, &patch).await;
        applied
            .map_err(|e| explain::failed(&format!("apply {:?} {}", object.kind, object.name), &e, Leftover::Removable))
    }

    /// Applies objects concurrently.
    pub(crate) async fn apply_all(
        &self,
        environment: &str,
        objects: &[Object],
    ) -> Result<Vec<DynamicObject>, EngineError> {
        let each: Vec<_> = objects.iter().map(|object| self.apply(environment, object)).collect();
        futures::stream::iter(each).buffered(PARALLEL_REQUESTS).try_collect().await
    }

    /// Creates an object that must not exist. An interrupted request is repeated, so that `AlreadyExists` may mean that the
    /// first one succeeded.
    pub(crate) async fn create(&self, environment: &str, object: &Object) -> Result<(), kube::Error> {
        let body: DynamicObject = serde_json::from_value(object.value.clone()).map_err(kube::Error::SerdeError)?;
        let params = PostParams { field_manager: Some(MANAGER.into()), dry_run: false };
        let objects = self.objects(object.kind, environment);
        let until = Instant::now() + INTERRUPTION_LIMIT;
        let mut pause = RETRY_PAUSES.0;
        loop {
            match objects.create(&params, &body).await {
                Err(e) if retry::is_interrupted(&e) && Instant::now() < until => tokio::time::sleep(pause).await,
                done => return done.map(drop),
            }
            pause = (pause * 2).min(RETRY_PAUSES.1);
        }
    }

    /// Names and annotations of dayfly's objects of one kind.
    pub(crate) async fn listed(
        &self,
        kind: Kind,
        environment: &str,
    ) -> Result<ObjectList<PartialObjectMeta<DynamicObject>>, EngineError> {
        let params = ListParams::default().labels(&of_environment(environment));
        let listed = self.objects(kind, environment).list_metadata(&params).await;
        listed.map_err(|e| explain::failed(&format!("list {kind:?} objects of {environment}"), &e, Leftover::Unknown))
    }

    /// Deletes one object, if it exists.
    pub(crate) async fn delete(
        &self,
        kind: Kind,
        environment: &str,
        name: &str,
        params: &DeleteParams,
    ) -> Result<(), EngineError> {
        match self.objects(kind, environment).delete(name, params).await {
            Err(e) if !explain::is_missing(&e) => {
                Err(explain::failed(&format!("remove {kind:?} {name}"), &e, Leftover::Removable))
            }
            _ => Ok(()),
        }
    }

    /// Deletes all objects of a kind that dayfly created in this environment.
    pub(crate) async fn delete_all(
        &self,
        kind: Kind,
        environment: &str,
        params: &DeleteParams,
    ) -> Result<(), EngineError> {
        let of = ListParams::default().labels(&of_environment(environment));
        match self.objects(kind, environment).delete_collection(params, &of).await {
            Err(e) if !explain::is_missing(&e) => {
                Err(explain::failed(&format!("remove the {kind:?} objects of {environment}"), &e, Leftover::Removable))
            }
            _ => Ok(()),
        }
    }
}

/// Parameters of a background deletion with this grace period.
pub fn with_grace_period(secs: u32) -> DeleteParams {
    DeleteParams::background().grace_period(secs)
}

/// A label of an object.
pub fn label<'a>(of: &'a impl ResourceExt, name: &str) -> &'a str {
    of.labels().get(name).map_or("", String::as_str)
}
