//! Connects to a cluster: of a named context, of the kubeconfig's current context, or the one that dayfly runs in.

use std::time::Duration;

use http::{Request, Response};
use kube::client::{Body, ClientBuilder};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tower::buffer::BufferLayer;
use tower::retry::RetryLayer;
use tower::{BoxError, Service};

use super::engine::KubernetesEngine;
use super::limit::LimitLayer;
use super::options::Options;
use super::retry::RetryPolicy;
use crate::engine::kubernetes::explain;
use crate::engine::kubernetes::outages::Outages;
use crate::engine::{EngineError, EngineInfo};
use crate::render::kubernetes::Templates;

/// Capacity of the request queue.
const QUEUE: usize = 1024;
/// Time limit of a connection to the API server.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// Minor version of the oldest supported Kubernetes.
const OLDEST_MINOR: u32 = 33;

impl KubernetesEngine {
    /// Connects to the API server.
    pub async fn connect(options: Options, templates: Templates) -> Result<Self, EngineError> {
        let unreachable = |detail: String| EngineError::NoCluster { detail };
        // Fails only if a provider is installed already.
        rustls::crypto::ring::default_provider().install_default().ok();
        let (config, name) = config(options.context.as_deref()).await.map_err(unreachable)?;
        let endpoint = format!("{} ({name})", config.cluster_url.to_string().trim_end_matches('/'));
        let outages = Outages::default();
        let client = client(config, outages.clone()).map_err(|e| unreachable(explain::words(&e)))?;
        let version = client.apiserver_version().await.map_err(|e| {
            unreachable(format!(
                "{endpoint} does not answer: {}\n  → check the context, and `kubectl version`",
                explain::words(&e)
            ))
        })?;
        let minor: u32 = version.minor.trim_end_matches('+').parse().unwrap_or(u32::MAX);
        if version.major == "1" && minor < OLDEST_MINOR {
            return Err(unreachable(format!(
                "{endpoint} is Kubernetes {}, and 1.{OLDEST_MINOR} or newer is needed",
                version.git_version
            )));
        }
        let info = EngineInfo {
            product: "kubernetes".into(),
            version: version.git_version.trim_start_matches('v').to_owned(),
            endpoint,
            gaps: vec![],
        };
        Ok(Self::with_client(client, outages, info, options, templates))
    }
}

/// The configuration, and its name for messages.
async fn config(context: Option<&str>) -> Result<(Config, String), String> {
    let kubeconfig = match Kubeconfig::read() {
        Ok(kubeconfig) => kubeconfig,
        Err(e) => {
            return match (context, Config::incluster()) {
                (None, Ok(config)) => Ok((config, "in this cluster".into())),
                _ => Err(format!(
                    "the kubeconfig cannot be read: {e}\n  → name it in KUBECONFIG, or put it at ~/.kube/config"
                )),
            };
        }
    };
    let known: Vec<&str> = kubeconfig.contexts.iter().map(|c| c.name.as_str()).collect();
    if let Some(context) = context.filter(|c| !known.contains(c)) {
        return Err(format!(
            "the kubeconfig has no context `{context}`; it has: {}",
            if known.is_empty() { "none".into() } else { known.join(", ") }
        ));
    }
    let name = context.map(str::to_owned).or_else(|| kubeconfig.current_context.clone()).unwrap_or_default();
    if name.is_empty()
        && let Ok(config) = Config::incluster()
    {
        return Ok((config, "in this cluster".into()));
    }
    let options = KubeConfigOptions { context: context.map(str::to_owned), ..KubeConfigOptions::default() };
    let config = Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .map_err(|e| format!("the context `{name}` cannot be used: {e}"))?;
    Ok((config, format!("context {name}")))
}

/// A client without retries, for requests that are useless later.
pub async fn plain(context: Option<&str>) -> Result<Client, EngineError> {
    let unreachable = |detail: String| EngineError::NoCluster { detail };
    let (mut config, _) = config(context).await.map_err(unreachable)?;
    config.default_retry = false;
    Client::try_from(config).map_err(|e| unreachable(explain::words(&e)))
}

fn client(mut config: Config, outages: Outages) -> Result<Client, kube::Error> {
    // kube's own retries last for minutes, and ours would repeat them.
    config.default_retry = false;
    config.connect_timeout = Some(CONNECT_LIMIT);
    Ok(with_retries(ClientBuilder::try_from(config)?, outages))
}

/// A client whose requests have a time limit, and are retried while the API server is unavailable. It records when that was.
pub fn with_retries<S, B>(builder: ClientBuilder<S>, outages: Outages) -> Client
where
    S: Service<Request<Body>, Response = Response<B>, Error = BoxError> + Send + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    // Retries happen above the queue, because the service behind it cannot be cloned.
    builder
        .with_layer(&LimitLayer)
        .with_layer(&BufferLayer::new(QUEUE))
        .with_layer(&RetryLayer::new(RetryPolicy::new(outages)))
        .build()
}
