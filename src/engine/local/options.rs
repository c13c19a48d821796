//! Options of the local engine, and the variables that locate its socket.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// The variables that locate the engine; only `cli` reads the process environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SocketVariables {
    /// `DOCKER_HOST`.
    pub docker_host: Option<String>,
    /// `CONTAINER_HOST`.
    pub container_host: Option<String>,
    /// `XDG_RUNTIME_DIR`.
    pub runtime_dir: Option<PathBuf>,
    /// `HOME`.
    pub home: Option<PathBuf>,
}

impl SocketVariables {
    /// Selects the engine's variables; empty values count as unset.
    pub fn from_variables(variables: &BTreeMap<String, String>) -> Self {
        let get = |name: &str| variables.get(name).filter(|v| !v.is_empty()).cloned();
        Self {
            docker_host: get("DOCKER_HOST"),
            container_host: get("CONTAINER_HOST"),
            runtime_dir: get("XDG_RUNTIME_DIR").map(Into::into),
            home: get("HOME").map(Into::into),
        }
    }
}

/// Options of the engine.
#[derive(Debug, Clone)]
pub struct Options {
    /// The variables that locate the socket.
    pub socket_variables: SocketVariables,
    /// dayfly's own program file, from which the agent image is built.
    pub executable: PathBuf,
    /// Registry, with an optional path, to pull images through instead of their own.
    pub registry_mirror: Option<String>,
}
