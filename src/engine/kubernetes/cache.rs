//! The watch cache of an environment: one watch each of its pods, its events and its namespace, shared by all who wait.

mod environment;
mod snapshot;
mod watcher;

pub use environment::EnvironmentCache;
pub use snapshot::{PodEvent, Snapshot};
pub use watcher::{ShortPauses, watch_with_relist};
