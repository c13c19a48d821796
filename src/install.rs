//! What a cluster is given once, so that TestEnvironments come about in it: definition, rights, policies, controller, janitor
//! and signing key; and how all of it is taken away again.
//!
//! `manifests`, `sight` and `key` are pure. The objects are those of manifests/install, as `kubectl apply -k` takes them. It
//! touches no environment: those go with their TestEnvironments, and the controller takes them away.

use crate::engine::kubernetes::explain;

pub mod apply;
pub mod key;
pub mod manifests;
pub mod remove;
pub mod role_bindings;
pub mod rollout;
pub mod test_environments;
pub mod wait;

/// Where the controller, runners and the signing key are. Policies name accounts with it, so that it is always this one.
pub const NAMESPACE: &str = "dayfly-system";
/// Name of the definition of TestEnvironments.
pub const CRD: &str = "testenvironments.dayfly.dev";
/// Name of the controller's Deployment.
pub const CONTROLLER: &str = "dayfly-controller";
/// Name of the Secret with the signing key.
pub const KEY_SECRET: &str = "dayfly-signing-key";
/// Field manager of what is installed.
pub const MANAGER: &str = "dayfly-install";

/// Why something was not installed or removed; messages complete "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// What is built in cannot be used: a fault of dayfly.
    #[error("read dayfly's own manifests: {0}")]
    Manifest(
        /// Which, and why.
        String,
    ),
    /// The cluster refuses it to this user.
    #[error(
        "{doing}: this user may not; it takes an administrator of the cluster, for whoever grants rights must have them (the cluster says: {said})"
    )]
    Forbidden {
        /// What was done.
        doing: String,
        /// Its words.
        said: String,
    },
    /// Any other answer of the cluster.
    #[error("{doing}: {said}")]
    Api {
        /// What was done.
        doing: String,
        /// Its words.
        said: String,
    },
    /// There is a key already, and it is another one.
    #[error(
        "install the key {given}: Secret {NAMESPACE}/{KEY_SECRET} holds another, {there}; what is signed from now on would not verify with that one's public key. Leave --key out to keep it, or give --replace-key as well"
    )]
    OtherKey {
        /// Id of the one that is there.
        there: String,
        /// Id of the one that was given.
        given: String,
    },
    /// The Secret is there, and not as it must be.
    #[error(
        "use Secret {NAMESPACE}/{KEY_SECRET}: {0}; correct or delete it, or replace it by --key FILE --replace-key"
    )]
    BrokenKey(
        /// What is wrong.
        String,
    ),
    /// Something did not come about within the limit.
    #[error("wait until {what}: {why}")]
    NotReady {
        /// What was waited for.
        what: String,
        /// What is known.
        why: String,
        /// Something ran out, and nothing else is wrong.
        capacity: bool,
    },
}

/// What a refusal of the cluster means; `doing` completes "failed to …".
pub(crate) fn failed(doing: impl Into<String>) -> impl FnOnce(kube::Error) -> InstallError {
    move |error| {
        let (doing, said) = (doing.into(), explain::words(&error));
        // Quotas and policies answer with the same number as missing rights.
        if explain::status(&error).is_some_and(|s| s.code == 403) && said.contains("cannot") {
            InstallError::Forbidden { doing, said }
        } else {
            InstallError::Api { doing, said }
        }
    }
}
