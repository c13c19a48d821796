//! Networks without a way out: the bridge has no gateway address and no DNS, so that neither the host nor external names
//! are reachable.
//!
//! podman creates such a bridge only through its own endpoint. Docker needs an option and explicit small subnets, because
//! its default pools have only 31 networks.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::Ordering;

use bollard::models::{Ipam, IpamConfig, NetworkCreateRequest};
use futures::{StreamExt, TryStreamExt};
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{LocalEngine, MAX_CONCURRENT, Product};
use super::explain;
use crate::engine::{EngineError, Leftover};
use crate::lease::Lease;
use crate::render::labels::{self, Role};
use crate::render::links::{self, Link, Subnet, Subnets};

/// Number of /27 subnets in 10.213.0.0/16, which has all Docker networks.
const SLOTS: u32 = 2048;

/// A network in a listing.
#[derive(Debug, Clone)]
pub struct Network {
    pub name: String,
    pub labels: Option<HashMap<String, String>>,
    subnet: Option<Subnet>,
}

/// A network in Docker's listing.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DockerNetwork {
    name: String,
    #[serde(default)]
    labels: Option<HashMap<String, String>>,
    #[serde(default, rename = "IPAM")]
    ipam: Option<Ipam>,
}

/// A network in the listing of podman's own endpoint.
#[derive(Deserialize)]
struct PodmanNetwork {
    name: String,
    #[serde(default)]
    labels: Option<HashMap<String, String>>,
    #[serde(default)]
    subnets: Option<Vec<PodmanSubnet>>,
}

#[derive(Deserialize)]
struct PodmanSubnet {
    subnet: String,
}

impl From<DockerNetwork> for Network {
    fn from(n: DockerNetwork) -> Self {
        let subnet = n.ipam.and_then(|i| i.config).into_iter().flatten().find_map(|c| c.subnet?.parse().ok());
        Self { name: n.name, labels: n.labels, subnet }
    }
}

impl From<PodmanNetwork> for Network {
    fn from(n: PodmanNetwork) -> Self {
        Self {
            name: n.name,
            labels: n.labels,
            subnet: n.subnets.into_iter().flatten().find_map(|s| s.subnet.parse().ok()),
        }
    }
}

impl LocalEngine {
    /// Returns all networks with these labels.
    pub(super) async fn networks(&self, wanted: &[(&str, &str)]) -> Result<Vec<Network>, EngineError> {
        let filter = super::containers::label_filter(wanted);
        let listed = match self.product {
            // The Docker-compatible endpoint inspects every container for every network, which takes seconds.
            Product::Podman => {
                self.raw.get(&format!("/v4.0.0/libpod/networks/json?filters={filter}")).await.map(into::<PodmanNetwork>)
            }
            Product::Docker => {
                self.raw.get(&self.path(&format!("/networks?filters={filter}"))).await.map(into::<DockerNetwork>)
            }
        };
        listed.map_err(|f| explain::failed("list networks", &f.words, Leftover::Unknown))
    }
}

fn into<T: Into<Network>>(listed: Vec<T>) -> Vec<Network> {
    listed.into_iter().map(Into::into).collect()
}

/// Maximum number of attempts to create a podman network while interfaces of the host change.
const CREATE_ATTEMPTS: u32 = 10;

/// Creates every network of the environment that it did not inherit; returns the subnets of all.
pub async fn create_all(engine: &LocalEngine, lease: &Lease) -> Result<Subnets, EngineError> {
    let is_new = |link: &&Link| !lease.inherited.networks.contains_key(&link.end_of_name());
    let names: Vec<String> = links::all(&lease.plan).iter().filter(is_new).map(|link| link.name(lease)).collect();
    let mut all: Subnets = match lease.inherited.networks.is_empty() {
        true => Subnets::new(),
        false => subnets(engine, lease).await?,
    };
    let made: Subnets = futures::stream::iter(names)
        .map(|name| async move { Ok::<_, EngineError>((name.clone(), create(engine, lease, &name).await?)) })
        .buffer_unordered(MAX_CONCURRENT)
        .try_collect()
        .await?;
    all.extend(made);
    Ok(all)
}

/// Returns the subnets of an environment's networks, by name.
pub async fn subnets(engine: &LocalEngine, lease: &Lease) -> Result<Subnets, EngineError> {
    let found = engine.networks(&[(labels::ENVIRONMENT, &lease.environment)]).await?;
    Ok(found.into_iter().filter_map(|n| Some((n.name, n.subnet?))).collect())
}

/// Creates a network without a way out.
pub async fn create(engine: &LocalEngine, lease: &Lease, name: &str) -> Result<Subnet, EngineError> {
    let made = match engine.product {
        Product::Podman => create_podman(engine, lease, name).await,
        Product::Docker => create_docker(engine, lease, name).await,
    };
    made.map_err(|words| explain::failed(&format!("create network {name}"), &words, Leftover::Removable))
}

async fn create_podman(engine: &LocalEngine, lease: &Lease, name: &str) -> Result<Subnet, String> {
    let body = json!({"name": name, "driver": "bridge", "internal": true, "dns_enabled": false, "labels": labels::of_run(lease, Role::Network)});
    let mut attempt = 1;
    let made = loop {
        match engine.raw.post("/v4.0.0/libpod/networks/create", &body).await {
            Err(failed) if attempt < CREATE_ATTEMPTS && is_interface_race(&failed.words) => attempt += 1,
            answer => break answer.map_err(|failed| failed.words)?,
        }
    };
    made.pointer("/subnets/0/subnet").and_then(Value::as_str).ok_or("the engine returned no subnet")?.parse()
}

/// Returns true if a host interface disappeared while podman looked for a free subnet, before it created anything.
fn is_interface_race(words: &str) -> bool {
    words.contains("no such network interface")
}

async fn create_docker(engine: &LocalEngine, lease: &Lease, name: &str) -> Result<Subnet, String> {
    let mut hasher = DefaultHasher::new();
    lease.environment.hash(&mut hasher);
    let start = (hasher.finish() % u64::from(SLOTS)) as u32;
    for _ in 0..SLOTS {
        let slot = start.wrapping_add(engine.next_subnet.fetch_add(1, Ordering::Relaxed)) % SLOTS;
        match engine.docker.create_network(docker_request(engine, lease, name, slot)).await {
            Ok(_) => return subnet_text(slot).0.parse(),
            Err(e) if explain::words(&e).contains("verlap") => {}
            Err(e) => return Err(explain::words(&e)),
        }
    }
    Err("could not find free subnet in 10.213.0.0/16".into())
}

/// Returns the n-th /27, and its lower half, from which the engine allocates addresses.
fn subnet_text(slot: u32) -> (String, String) {
    let (third, fourth) = (slot / 8, slot % 8 * 32);
    (format!("10.213.{third}.{fourth}/27"), format!("10.213.{third}.{fourth}/28"))
}

fn docker_request(engine: &LocalEngine, lease: &Lease, name: &str, slot: u32) -> NetworkCreateRequest {
    let (subnet, range) = subnet_text(slot);
    let mut options = HashMap::from([("com.docker.network.bridge.inhibit_ipv4".to_owned(), "true".to_owned())]);
    let major: u32 = engine.version.split('.').next().and_then(|v| v.parse().ok()).unwrap_or(0);
    if major >= 28 {
        options.insert("com.docker.network.bridge.gateway_mode_ipv4".into(), "isolated".into());
    }
    NetworkCreateRequest {
        name: name.to_owned(),
        driver: Some("bridge".into()),
        internal: Some(true),
        ipam: Some(Ipam {
            config: Some(vec![IpamConfig { subnet: Some(subnet), ip_range: Some(range), ..IpamConfig::default() }]),
            ..Ipam::default()
        }),
        options: Some(options),
        labels: Some(labels::into_hash_map(labels::of_run(lease, Role::Network))),
        ..NetworkCreateRequest::default()
    }
}
