//! Settings of the engine.

/// Settings of the engine.
#[derive(Debug, Clone)]
pub struct Options {
    /// Context of the kubeconfig; none for the current one, or for the cluster that this process runs in.
    pub context: Option<String>,
    /// dayfly's own image, by a reference that nodes can pull or have.
    pub agent_image: String,
    /// Registry, with an optional path, through which images are pulled instead of the one that they name.
    pub registry_mirror: Option<String>,
    /// Text of a docker `config.json` with credentials for registries.
    pub pull_secret: Option<String>,
    /// This process's service account, if it has to bind itself to a role in each environment.
    pub account: Option<ServiceAccountRef>,
}

/// A service account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAccountRef {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}
