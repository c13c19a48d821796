//! Binds a role to this process's account in each environment that it creates, because it has no rights in other namespaces.

use std::time::Duration;

use k8s_openapi::api::rbac::v1::{RoleBinding, RoleRef, Subject};
use kube::Api;
use kube::api::{ObjectMeta, PostParams};
use tokio::time::Instant;

use super::engine::KubernetesEngine;
use super::options::ServiceAccountRef;
use super::{api, retry};
use crate::engine::kubernetes::explain;
use crate::engine::{EngineError, Leftover};
use crate::render::labels::ENVIRONMENT;

/// The role with all permissions that are needed in an environment (`permissions::NEEDED_PERMISSIONS`, except for namespaces).
pub const ROLE: &str = "dayfly-environment";
const GROUP: &str = "rbac.authorization.k8s.io";
/// Time limit for the API server to apply a new binding.
const TIME_LIMIT: Duration = Duration::from_secs(20);
/// Pause between attempts.
const RETRY_PAUSE: Duration = Duration::from_millis(25);

/// Binds the role to this process's account in an environment, and waits until the binding is in effect.
pub async fn ensure(engine: &KubernetesEngine, environment: &str) -> Result<(), EngineError> {
    let Some(account) = &engine.options().account else { return Ok(()) };
    let doing = format!("bind role {ROLE} to {}/{} in namespace {environment}", account.namespace, account.name);
    let bindings: Api<RoleBinding> = Api::namespaced(engine.client(), environment);
    let params = PostParams { field_manager: Some(api::MANAGER.into()), dry_run: false };
    let until = Instant::now() + TIME_LIMIT;
    while Instant::now() < until {
        match bindings.create(&params, &binding(account, environment)).await {
            // The request may have arrived; a repetition finds or creates the binding.
            Err(e) if retry::is_interrupted(&e) => tokio::time::sleep(RETRY_PAUSE).await,
            Err(e) if !explain::is_there_already(&e) => {
                return Err(explain::failed(&doing, &e, Leftover::Removable));
            }
            _ => return wait_until_effective(engine, environment, &doing, until).await,
        }
    }
    Err(timed_out(&doing))
}

/// Waits until the binding is in effect. One permission is enough to tell, because all take effect together.
async fn wait_until_effective(
    engine: &KubernetesEngine,
    environment: &str,
    doing: &str,
    until: Instant,
) -> Result<(), EngineError> {
    while Instant::now() < until {
        if engine.may("", "secrets", "create", Some(environment)).await? {
            return Ok(());
        }
        tokio::time::sleep(RETRY_PAUSE).await;
    }
    Err(timed_out(doing))
}

fn timed_out(doing: &str) -> EngineError {
    let words = format!(
        "the cluster did not apply the binding within {} s; see `kubectl describe clusterrole {ROLE}`",
        TIME_LIMIT.as_secs()
    );
    explain::refused(doing, &words, Leftover::Removable)
}

fn binding(account: &ServiceAccountRef, environment: &str) -> RoleBinding {
    let labels = [(ENVIRONMENT.to_owned(), environment.to_owned())].into();
    RoleBinding {
        metadata: ObjectMeta { name: Some("dayfly".into()), labels: Some(labels), ..ObjectMeta::default() },
        role_ref: RoleRef { api_group: Some(GROUP.into()), kind: "ClusterRole".into(), name: ROLE.into() },
        subjects: Some(vec![Subject {
            kind: "ServiceAccount".into(),
            name: account.name.clone(),
            namespace: Some(account.namespace.clone()),
            api_group: None,
        }]),
    }
}
