//! The connection to an engine, shared by all operations.

use std::collections::HashMap;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex};

use bollard::Docker;
use tokio::sync::OnceCell;

use super::options::Options;
use super::raw::Raw;
use crate::model::ImageFact;
use crate::render::container::EngineProfile;

/// Maximum number of concurrent requests to the engine.
pub(super) const MAX_CONCURRENT: usize = 8;

/// The engine behind the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Product {
    Podman,
    Docker,
}

/// A connected engine. Clones share the connection and the images.
#[derive(Clone)]
pub struct LocalEngine {
    pub(super) docker: Docker,
    pub(super) raw: Raw,
    pub(super) product: Product,
    pub(super) version: String,
    pub(super) profile: EngineProfile,
    pub(super) options: Options,
    pub(super) agent_image: Arc<OnceCell<String>>,
    /// Images by reference, as first inspected, so that the checked image is the image that runs.
    pub(super) images: Arc<Mutex<HashMap<String, LocalImage>>>,
    /// Number of subnets tried so far, where dayfly chooses them.
    pub(super) next_subnet: Arc<AtomicU32>,
}

/// An image that the engine has.
#[derive(Debug, Clone)]
pub struct LocalImage {
    /// Its id; containers are created from it.
    pub id: String,
    /// Its digest, platform and user.
    pub fact: ImageFact,
}
