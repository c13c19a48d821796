//! The last seen state of an environment's namespace: pods, events and owner. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;

/// The fields of a cluster event that dayfly uses.
#[derive(Debug, Clone, PartialEq)]
pub struct PodEvent {
    /// `FailedMount`, `Pulling`, …
    pub reason: String,
    /// The full message.
    pub message: String,
    /// Its type is `Warning`.
    pub warning: bool,
    /// Time of its first occurrence.
    pub since: Option<Timestamp>,
    /// Uid of its object: an earlier object may have had the same name.
    pub uid: String,
    /// Field path within that object, such as `spec.containers{unit}`.
    pub field_path: String,
}

/// The last seen state of the namespace.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Pods by name; none before the first list is complete.
    pub pods: Option<BTreeMap<String, Arc<Pod>>>,
    /// Events by the name of their object, most recent last.
    pub events: BTreeMap<String, Vec<PodEvent>>,
    /// The environment's owner: none while unknown, `Some(None)` when it has no owner.
    pub owner: Option<Option<Owner>>,
}

/// The run whose lease a namespace carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Run id.
    pub run: crate::model::RunId,
    /// The namespace is being deleted.
    pub leaving: bool,
}

impl Snapshot {
    /// A pod by name.
    pub fn pod(&self, name: &str) -> Option<&Arc<Pod>> {
        self.pods.as_ref()?.get(name)
    }

    /// The events about an object.
    pub fn events_of(&self, name: &str) -> &[PodEvent] {
        self.events.get(name).map_or(&[], Vec::as_slice)
    }
}
