//! Installs and uninstalls the CRD, roles, policies, controller, reaper and signing key.
//!
//! The objects are those of manifests/install, as `kubectl apply -k` applies them. This module touches no environment: the
//! controller removes those with their TestEnvironments.

use crate::engine::kubernetes::explain;

pub mod apply;
pub mod key;
pub mod manifests;
pub mod policy;
pub mod remove;
pub mod role_bindings;
pub mod rollout;
pub mod test_environments;
pub mod wait;

/// Namespace of the controller, runners and the signing key. Fixed, because policies name accounts in it.
pub const NAMESPACE: &str = "dayfly-system";
/// Name of the CRD of TestEnvironments.
pub const CRD: &str = "testenvironments.dayfly.dev";
/// Name of the controller's Deployment.
pub const CONTROLLER: &str = "dayfly-controller";
/// Name of the Secret with the signing key.
pub const KEY_SECRET: &str = "dayfly-signing-key";
/// Field manager of installed objects.
pub const MANAGER: &str = "dayfly-install";

/// Why installing or uninstalling failed; messages complete "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// An embedded manifest is invalid: a bug in dayfly.
    #[error("read dayfly's own manifests: {0}")]
    Manifest(
        /// The file, and why.
        String,
    ),
    /// The user lacks the right.
    #[error(
        "{doing}: this user lacks the right; ask an administrator of the cluster, because granting rights requires having them (the cluster says: {said})"
    )]
    Forbidden {
        /// The attempted action.
        doing: String,
        /// The cluster's answer.
        said: String,
    },
    /// Any other answer of the cluster.
    #[error("{doing}: {said}")]
    Api {
        /// The attempted action.
        doing: String,
        /// The cluster's answer.
        said: String,
    },
    /// Another key is installed.
    #[error(
        "install the key {given}: Secret {NAMESPACE}/{KEY_SECRET} holds another key, {there}, whose public key would not verify new reports; omit --key to keep it, or add --replace-key"
    )]
    OtherKey {
        /// Id of the installed key.
        there: String,
        /// Id of the given key.
        given: String,
    },
    /// The Secret holds no usable key.
    #[error(
        "use Secret {NAMESPACE}/{KEY_SECRET}: {0}; correct or delete it, or replace the key with --key FILE --replace-key"
    )]
    BrokenKey(
        /// The problem.
        String,
    ),
    /// A wait timed out.
    #[error("wait until {what}: {why}")]
    NotReady {
        /// The awaited state.
        what: String,
        /// The last known state.
        why: String,
        /// Only capacity is missing.
        capacity: bool,
    },
}

/// Tells a missing right from any other error; `doing` completes "failed to …".
pub(crate) fn failed(doing: impl Into<String>) -> impl FnOnce(kube::Error) -> InstallError {
    move |error| {
        let (doing, said) = (doing.into(), explain::words(&error));
        // Quotas and policies answer with the same code as missing rights.
        if explain::status(&error).is_some_and(|s| s.code == 403) && said.contains("cannot") {
            InstallError::Forbidden { doing, said }
        } else {
            InstallError::Api { doing, said }
        }
    }
}
