//! Settings of the controller. Data only.

use std::net::SocketAddr;

use crate::evidence::predicate::Remover;

/// Settings of the controller.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The controller's namespace, which holds runners and the signing key.
    pub namespace: String,
    /// Maximum number of environments that exist at the same time: those of active runs, and kept ones.
    pub limit: usize,
    /// Time after which finished objects are deleted; none keeps them.
    pub retain: Option<jiff::SignedDuration>,
    /// dayfly's own image.
    pub agent_image: String,
    /// Service account of runners.
    pub runner_account: String,
    /// Secret with `key.pem` and, for an encrypted key, `passphrase`.
    pub key_secret: String,
    /// Secret with credentials for registries.
    pub pull_secret: Option<String>,
    /// Registry that images are pulled through.
    pub registry_mirror: Option<String>,
    /// Address of probes and metrics.
    pub address: SocketAddr,
    /// This replica's name, unique for each start.
    pub identity: String,
    /// The remover of environments, for the records; the cluster account is added.
    pub remover: Remover,
}
