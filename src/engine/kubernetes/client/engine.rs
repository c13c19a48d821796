//! The engine's connection and memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use kube::Client;

use super::options::Options;
use super::run_state::{PinnedImage, RunState};
use crate::engine::EngineInfo;
use crate::engine::kubernetes::cache::EnvironmentCache;
use crate::engine::kubernetes::outages::Outages;
use crate::lease::Lease;
use crate::model::RunId;
use crate::render::kubernetes::{RenderInput, Templates};

/// Maximum of concurrent requests to the API server.
pub const PARALLEL_REQUESTS: usize = 12;

/// A connected cluster. Clones share the connection and the memory.
#[derive(Clone)]
pub struct KubernetesEngine(Arc<Inner>);

struct Inner {
    client: Client,
    /// What the client's requests met.
    outages: Outages,
    info: EngineInfo,
    options: Options,
    templates: Templates,
    /// Resolved images by reference, so that pods run the image that was checked.
    images: Mutex<BTreeMap<String, PinnedImage>>,
    /// Watch caches by environment; each ends with its last user.
    caches: Mutex<HashMap<String, Weak<EnvironmentCache>>>,
    runs: Mutex<HashMap<RunId, RunState>>,
}

/// Locks even after a panic elsewhere: the guarded values are always consistent.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl KubernetesEngine {
    /// An engine that uses an existing client, which records outages.
    pub fn with_client(
        client: Client,
        outages: Outages,
        info: EngineInfo,
        options: Options,
        templates: Templates,
    ) -> Self {
        let (images, caches, runs) = Default::default();
        Self(Arc::new(Inner { client, outages, info, options, templates, images, caches, runs }))
    }

    pub(crate) fn outages(&self) -> &Outages {
        &self.0.outages
    }

    /// The client; its requests are retried while the API server is away.
    pub fn client(&self) -> Client {
        self.0.client.clone()
    }

    /// dayfly's own image, by the reference that pods get.
    pub fn agent_image(&self) -> &str {
        &self.0.options.agent_image
    }

    pub(crate) fn product(&self) -> EngineInfo {
        self.0.info.clone()
    }

    pub(crate) fn options(&self) -> &Options {
        &self.0.options
    }

    pub(crate) fn pinned_images(&self) -> MutexGuard<'_, BTreeMap<String, PinnedImage>> {
        lock(&self.0.images)
    }

    /// Accesses the state of a run.
    pub(crate) fn run_state<T>(&self, run: RunId, access: impl FnOnce(&mut RunState) -> T) -> T {
        access(lock(&self.0.runs).entry(run).or_default())
    }

    /// The environment's watch cache, started for its first user.
    pub(crate) fn cache(&self, environment: &str) -> Arc<EnvironmentCache> {
        let mut caches = lock(&self.0.caches);
        if let Some(cache) = caches.get(environment).and_then(Weak::upgrade) {
            return cache;
        }
        let cache = Arc::new(EnvironmentCache::start(&self.0.client, environment, &self.0.outages));
        caches.insert(environment.to_owned(), Arc::downgrade(&cache));
        cache
    }

    /// Stops holding the watches of an environment that is being removed.
    pub(crate) fn release_cache(&self, environment: &str) {
        for run in lock(&self.0.runs).values_mut() {
            run.cache.take_if(|c| c.environment() == environment);
        }
    }

    /// Calls `render` with the inputs of the environment's templates.
    pub(crate) fn with_render_input<T>(&self, lease: &Lease, render: impl FnOnce(&RenderInput<'_>) -> T) -> T {
        let images =
            self.pinned_images().iter().map(|(reference, pinned)| (reference.clone(), pinned.as_run.clone())).collect();
        render(&RenderInput {
            lease,
            templates: &self.0.templates,
            images: &images,
            agent_image: self.agent_image(),
            pull_secret: self.0.options.pull_secret.is_some(),
        })
    }
}
