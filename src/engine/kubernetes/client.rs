//! The connection to a cluster: options, retries, requests by kind, permissions, exec.

pub mod api;
pub mod connect;
mod engine;
pub mod exec;
pub mod info;
mod limit;
mod options;
pub mod permissions;
pub mod retry;
pub mod role_binding;
mod run_state;

pub use engine::{KubernetesEngine, PARALLEL_REQUESTS, lock};
pub use options::{Options, ServiceAccountRef};
pub use run_state::{PinnedImage, PodContext};
