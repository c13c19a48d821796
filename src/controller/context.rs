//! Shared state of all reconciles: settings, clients, caches, counters.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use kube::Client;
use kube::runtime::reflector::Store;

use super::decide::QueueState;
use super::metrics::Metrics;
use super::objects;
use super::queue;
use super::settings::Settings;
use super::triggers::Triggers;
use super::watches::Watches;
use crate::crd::TestEnvironmentSummary;
use crate::engine::kubernetes::KubernetesEngine;
use crate::evidence::SigningKey;

/// Field manager of everything that the controller writes.
pub const MANAGER: &str = "dayfly-controller";

/// Shared state of all reconciles.
pub struct Context {
    pub(super) client: Client,
    pub(super) engine: KubernetesEngine,
    pub(super) settings: Settings,
    pub(super) metrics: Metrics,
    pub(super) objects: OnceLock<Store<TestEnvironmentSummary>>,
    pub(super) watches: OnceLock<Watches>,
    /// Runs that were started and are not in the cache yet, by the object's uid.
    pub(super) started_runs: Mutex<HashMap<String, String>>,
    /// Consecutive failures, by the object's uid.
    pub(super) failures: Mutex<HashMap<String, u32>>,
    /// Objects whose run was under way at the last reconcile.
    pub(super) running: Mutex<HashSet<String>>,
    /// The signing key, and the resource version of its Secret.
    pub(super) key: tokio::sync::Mutex<Option<(String, Arc<SigningKey>)>>,
    /// Held while evidence is read.
    pub(super) evidence_lock: tokio::sync::Mutex<()>,
    /// Held while the queue is read and a run is started.
    pub(super) queue_lock: tokio::sync::Mutex<()>,
    pub(super) triggers: Triggers,
    pub(super) process_start: Instant,
    /// Set once the API server has answered.
    pub(super) connected: OnceLock<()>,
    /// Set by the first reconcile.
    pub(super) reconciled: OnceLock<()>,
}

/// Locks a mutex, also after a panic.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Context {
    /// A context without caches.
    pub fn new(engine: KubernetesEngine, settings: Settings, process_start: Instant, triggers: Triggers) -> Self {
        Self {
            client: engine.client(),
            metrics: Metrics::new(settings.limit),
            engine,
            settings,
            objects: OnceLock::new(),
            watches: OnceLock::new(),
            started_runs: Mutex::default(),
            failures: Mutex::default(),
            running: Mutex::default(),
            key: tokio::sync::Mutex::default(),
            evidence_lock: tokio::sync::Mutex::default(),
            queue_lock: tokio::sync::Mutex::default(),
            triggers,
            process_start,
            connected: OnceLock::new(),
            reconciled: OnceLock::new(),
        }
    }

    /// All cached objects; none before this replica leads.
    pub fn objects(&self) -> Vec<Arc<TestEnvironmentSummary>> {
        self.objects.get().map(Store::state).unwrap_or_default()
    }

    /// Why the replica is not ready; none if it is.
    pub fn unready(&self) -> Option<&'static str> {
        self.connected.get().is_none().then_some("the API server has not answered yet")
    }

    /// Requests a reconcile of each object that waits in the queue.
    pub fn wake_queue(&self) {
        objects::wake_queue(self.objects().iter().map(AsRef::as_ref), &self.triggers);
    }

    /// The object's place in the queue, as far as the cache knows.
    pub fn queue_state(&self, object: &TestEnvironmentSummary) -> QueueState {
        let all = self.objects();
        let started: HashSet<String> = {
            let mut started = lock(&self.started_runs);
            // A run that the cache has, or whose object is gone, needs no memory.
            started.retain(|uid, run| all.iter().any(|o| o.uid() == uid && o.run().is_none_or(|r| r.id < *run)));
            started.keys().cloned().collect()
        };
        let watches = self.watches.get();
        let of_namespace = |namespace: &str| watches?.environments_of(namespace);
        let limits = queue::Limits { total: self.settings.limit, namespace: &of_namespace };
        queue::state(object, all.iter().map(AsRef::as_ref), &started, &limits)
    }
}
