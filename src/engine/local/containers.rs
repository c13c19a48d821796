//! One container at a time: found by labels, looked at, made with all its networks, removed.

use std::collections::BTreeMap;

use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder};
use serde::Deserialize;
use serde_json::json;

use super::client::{LocalEngine, Product};
use super::explain;
use super::raw::encoded;
use crate::engine::{EngineError, Leftover};
use crate::render::container::ContainerRequest;
use crate::render::labels;

/// Attempts at a listing that failed because a container of it, or its process, went away meanwhile.
const LISTINGS: usize = 10;

/// A container in a listing.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Listed {
    pub id: String,
    #[serde(default)]
    pub names: Vec<String>,
    #[serde(default)]
    pub state: String,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
}

impl Listed {
    pub fn name(&self) -> String {
        self.names.first().map_or_else(|| self.id.clone(), |n| n.trim_start_matches('/').to_owned())
    }

    /// A label's value, empty when there is none.
    pub fn label(&self, key: &str) -> &str {
        self.labels.as_ref().and_then(|l| l.get(key)).map_or("", String::as_str)
    }

    /// Its process ended.
    pub fn ended(&self) -> bool {
        ended(&self.state)
    }

    /// `unit`, or `unit-2` for a further copy.
    pub fn copy_name(&self) -> String {
        labels::copy_name(self.label(labels::UNIT), self.label(labels::COPY).parse().unwrap_or(1))
    }
}

/// A container as inspected; podman has states that the client library does not read.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Inspected {
    pub id: String,
    /// Image id.
    #[serde(default)]
    pub image: String,
    pub state: State,
    #[serde(default)]
    pub config: Config,
}

/// Its process.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct State {
    #[serde(default)]
    pub status: String,
    #[serde(default)]
    pub exit_code: i64,
    #[serde(default, rename = "OOMKilled")]
    pub oom_killed: bool,
    #[serde(default)]
    pub finished_at: String,
}

impl State {
    /// Its process ended.
    pub fn ended(&self) -> bool {
        ended(&self.status)
    }
}

fn ended(status: &str) -> bool {
    matches!(status, "exited" | "stopped" | "dead")
}

/// What was asked for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Config {
    #[serde(default)]
    pub labels: Option<BTreeMap<String, String>>,
}

fn went_away(words: &str) -> bool {
    words.contains("no such container") || words.contains("no such process")
}

/// A filter on label values, for listings of containers, networks and volumes.
pub fn label_filter(pairs: &[(&str, &str)]) -> String {
    let wanted: Vec<String> =
        pairs.iter().map(|(k, v)| if v.is_empty() { (*k).to_owned() } else { format!("{k}={v}") }).collect();
    encoded(&json!({ "label": wanted }).to_string())
}

/// The create request with every seat in it.
fn with_all_networks(request: &ContainerRequest) -> ContainerCreateBody {
    let mut body = request.body.clone();
    if let Some(endpoints) = body.networking_config.as_mut().and_then(|n| n.endpoints_config.as_mut()) {
        endpoints.extend(
            request
                .connects
                .iter()
                .map(|(network, connect)| (network.clone(), connect.endpoint_config.clone().unwrap_or_default())),
        );
    }
    body
}

impl LocalEngine {
    /// A path under the API version that was agreed on.
    pub(super) fn path(&self, rest: &str) -> String {
        let v = self.docker.client_version();
        format!("/v{}.{}{rest}", v.major_version, v.minor_version)
    }

    /// All containers, running or not, with these labels (an empty value means any).
    pub(super) async fn containers(&self, wanted: &[(&str, &str)]) -> Result<Vec<Listed>, EngineError> {
        let path = self.path(&format!("/containers/json?all=true&filters={}", label_filter(wanted)));
        let mut attempt = 1;
        loop {
            match self.raw.get(&path).await {
                Ok(listed) => return Ok(listed),
                Err(f) if attempt < LISTINGS && went_away(&f.words) => attempt += 1,
                Err(f) => return Err(explain::failed("list containers", &f.words, Leftover::Unknown)),
            }
        }
    }

    /// One container, none when there is none of that name or id.
    pub(super) async fn container(&self, name: &str) -> Result<Option<Inspected>, EngineError> {
        match self.raw.get(&self.path(&format!("/containers/{name}/json"))).await {
            Ok(found) => Ok(Some(found)),
            Err(f) if f.is_gone() => Ok(None),
            Err(f) => Err(explain::failed(&format!("look at container {name}"), &f.words, Leftover::Unknown)),
        }
    }

    /// Makes a container and joins its networks; returns its id. Errors are the client's own.
    pub(super) async fn create(&self, request: &ContainerRequest) -> Result<String, bollard::errors::Error> {
        let options = CreateContainerOptionsBuilder::new().name(&request.name).build();
        let at_once = self.product == Product::Podman;
        let body = if at_once { with_all_networks(request) } else { request.body.clone() };
        let made = self.docker.create_container(Some(options), body).await?;
        // Docker takes more than one network at a container's creation only from version 25 on.
        for (network, body) in request.connects.iter().filter(|_| !at_once) {
            self.docker.connect_network(network, body.clone()).await?;
        }
        Ok(made.id)
    }

    /// Ends and removes a container with its nameless volumes; one that is gone already is fine. Errors are the
    /// engine's words.
    pub(super) async fn discard(&self, name: &str) -> Result<(), String> {
        match self.product {
            // Its Docker-compatible endpoint asks the process to end first, and waits ten seconds for one that does not.
            Product::Podman => match self
                .raw
                .delete(&format!("/v4.0.0/libpod/containers/{name}?force=true&timeout=0&v=true&volumes=true"))
                .await
            {
                Err(f) if !f.is_gone() => Err(f.words),
                _ => Ok(()),
            },
            Product::Docker => {
                let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
                match self.docker.remove_container(name, Some(options)).await {
                    Err(e) if explain::status(&e) != Some(404) => Err(explain::words(&e)),
                    _ => Ok(()),
                }
            }
        }
    }
}
