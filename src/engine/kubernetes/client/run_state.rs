//! The engine's memory of runs and images, which ends with the process.

use std::collections::HashMap;
use std::sync::Arc;

use crate::engine::kubernetes::cache::EnvironmentCache;
use crate::model::ImageFact;
use crate::render::kubernetes::Addresses;
use crate::secrets::Secrets;

/// The engine's memory of one run.
#[derive(Default)]
pub struct RunState {
    /// This process claimed the environment for the run.
    pub claimed: bool,
    /// The environment was taken over with the objects of an older run.
    pub in_place: bool,
    /// Keeps the environment's watches running between operations, until it is removed.
    pub cache: Option<Arc<EnvironmentCache>>,
    /// Inputs of the run's pods, once they were read.
    pub context: Option<Arc<PodContext>>,
    /// One lock for each pod that may be created concurrently, by name.
    pub pod_locks: HashMap<String, Arc<tokio::sync::Mutex<()>>>,
}

/// Inputs of pods, the same for all pods of a run.
pub struct PodContext {
    /// Addresses of Services by unit.
    pub addresses: Addresses,
    /// All secrets of the environment.
    pub secrets: Secrets,
}

/// An image as it was first resolved.
#[derive(Debug, Clone)]
pub struct PinnedImage {
    /// The reference in pods.
    pub as_run: String,
    /// The entry of the report.
    pub fact: ImageFact,
}
