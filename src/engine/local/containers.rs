//! Lists, inspects, creates and removes containers.

use std::collections::BTreeMap;

use bollard::errors::Error;
use bollard::models::ContainerCreateBody;
use bollard::query_parameters::RemoveContainerOptionsBuilder;
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{LocalEngine, Product};
use super::explain;
use super::raw::encoded;
use crate::engine::{EngineError, Leftover};
use crate::render::container::ContainerRequest;
use crate::render::labels;

/// Maximum number of attempts at a listing during which a container or its process disappears.
const LIST_ATTEMPTS: usize = 10;

/// A container in a listing.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Listed {
    pub id: String,
    #[serde(default)]
    pub names: Vec<String>,
    #[serde(default)]
    pub state: String,
    #[serde(default, rename = "ImageID")]
    image_id: String,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
    #[serde(default)]
    network_settings: NetworkSettings,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NetworkSettings {
    #[serde(default)]
    networks: Option<BTreeMap<String, serde::de::IgnoredAny>>,
}

impl Listed {
    pub fn name(&self) -> String {
        self.names.first().map_or_else(|| self.id.clone(), |n| n.trim_start_matches('/').to_owned())
    }

    /// Returns the value of a label; empty if there is none.
    pub fn label(&self, key: &str) -> &str {
        self.labels.as_ref().and_then(|l| l.get(key)).map_or("", String::as_str)
    }

    /// Returns true if its process has ended.
    pub fn ended(&self) -> bool {
        ended(&self.state)
    }

    /// Returns true if it was created from this image; `id` is an image id.
    pub fn is_of_image(&self, id: &str) -> bool {
        let bare = |id: &str| id.trim_start_matches("sha256:").to_owned();
        bare(&self.image_id) == bare(id)
    }

    /// Returns the names of its networks.
    pub fn networks(&self) -> impl Iterator<Item = &String> {
        self.network_settings.networks.iter().flat_map(BTreeMap::keys)
    }

    /// Returns the name of the unit's copy.
    pub fn copy_name(&self) -> String {
        labels::copy_name(self.label(labels::UNIT), self.label(labels::COPY).parse().unwrap_or(1))
    }
}

/// An inspected container; the client library does not know podman's additional states.
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

/// The state of its process.
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
    pub started_at: String,
    #[serde(default)]
    pub finished_at: String,
}

impl State {
    /// Returns true if its process has ended.
    pub fn ended(&self) -> bool {
        ended(&self.status)
    }

    /// When its process ended, in nanoseconds since 1970, if the engine says so.
    pub fn finished(&self) -> Option<i64> {
        let at: jiff::Timestamp = self.finished_at.parse().ok()?;
        i64::try_from(at.as_nanosecond()).ok()
    }
}

fn ended(status: &str) -> bool {
    matches!(status, "exited" | "stopped" | "dead")
}

/// Its configuration.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Config {
    #[serde(default)]
    pub labels: Option<BTreeMap<String, String>>,
}

fn has_disappeared(words: &str) -> bool {
    words.contains("no such container") || words.contains("no such process")
}

/// Returns a filter by labels for listings.
pub fn label_filter(pairs: &[(&str, &str)]) -> String {
    let wanted: Vec<String> =
        pairs.iter().map(|(k, v)| if v.is_empty() { (*k).to_owned() } else { format!("{k}={v}") }).collect();
    encoded(&json!({ "label": wanted }).to_string())
}

/// Returns the create request with all networks.
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
    /// Returns a path under the negotiated API version.
    pub(super) fn path(&self, rest: &str) -> String {
        let v = self.docker.client_version();
        format!("/v{}.{}{rest}", v.major_version, v.minor_version)
    }

    /// Returns all containers, running or not, with these labels (an empty value means any).
    pub(super) async fn containers(&self, wanted: &[(&str, &str)]) -> Result<Vec<Listed>, EngineError> {
        let path = self.path(&format!("/containers/json?all=true&filters={}", label_filter(wanted)));
        let mut attempt = 1;
        loop {
            match self.raw.get(&path).await {
                Ok(listed) => return Ok(listed),
                Err(f) if attempt < LIST_ATTEMPTS && has_disappeared(&f.words) => attempt += 1,
                Err(f) => return Err(explain::failed("list containers", &f.words, Leftover::Unknown)),
            }
        }
    }

    /// Inspects a container; returns `None` if it does not exist.
    pub(super) async fn container(&self, name: &str) -> Result<Option<Inspected>, EngineError> {
        match self.raw.get(&self.path(&format!("/containers/{name}/json"))).await {
            Ok(found) => Ok(Some(found)),
            Err(f) if f.is_gone() => Ok(None),
            Err(f) => Err(explain::failed(&format!("inspect container {name}"), &f.words, Leftover::Unknown)),
        }
    }

    /// Returns true if the process of a container that is listed as running is gone. podman learns of an end from a program of
    /// its own beside each container: if both were killed, it takes the container for running.
    pub(super) async fn is_gone(&self, container: &Listed) -> Result<bool, EngineError> {
        if self.product != Product::Podman {
            return Ok(false);
        }
        let path = format!("/v4.0.0/libpod/containers/{}/top?stream=false", container.id);
        match self.raw.get_text(&path).await {
            Ok(processes) => Ok(processes.trim().is_empty()),
            Err(f) if f.status.is_some() => Ok(f.is_gone() || has_disappeared(&f.words)),
            Err(f) => {
                let what = format!("list the processes of {}", container.name());
                Err(explain::failed(&what, &f.words, Leftover::Unknown))
            }
        }
    }

    /// Creates a container and joins its networks; returns its id. Errors are the client's own.
    pub(super) async fn create(&self, request: &ContainerRequest) -> Result<String, Error> {
        let at_once = self.product == Product::Podman;
        let body = if at_once { with_all_networks(request) } else { request.body.clone() };
        // Not by the client library, which logs whole bodies: variables may contain secrets.
        let path = self.path(&format!("/containers/create?name={}", encoded(&request.name)));
        let made = self.raw.post(&path, &serde_json::to_value(&body)?).await.map_err(|f| match f.status {
            Some(status_code) => Error::DockerResponseServerError { status_code, message: f.words },
            None => std::io::Error::other(f.words).into(),
        })?;
        let id = made.get("Id").and_then(Value::as_str).unwrap_or(&request.name).to_owned();
        // Before version 25, Docker accepts only one network at a container's creation.
        for (network, body) in request.connects.iter().filter(|_| !at_once) {
            self.docker.connect_network(network, body.clone()).await?;
        }
        Ok(id)
    }

    /// Kills and removes a container with its anonymous volumes; succeeds if it is gone already. Errors are the engine's
    /// messages.
    pub(super) async fn discard(&self, name: &str) -> Result<(), String> {
        match self.product {
            // The Docker-compatible endpoint waits up to ten seconds for the process to end.
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
