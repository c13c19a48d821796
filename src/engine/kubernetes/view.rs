//! An environment's namespace as it was seen last: its pods, what was told about them, and who has it. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;

/// An event of the cluster, in short.
#[derive(Debug, Clone, PartialEq)]
pub struct Note {
    /// `FailedMount`, `Pulling`, …
    pub reason: String,
    /// In full.
    pub message: String,
    /// A warning.
    pub warning: bool,
    /// When it was told first.
    pub since: Option<Timestamp>,
    /// The very object that it is about, which another of the same name is not.
    pub uid: String,
    /// The part of it, such as `spec.containers{unit}`.
    pub part: String,
}

/// The namespace as it was seen last.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// Pods by name; none before the first list is whole.
    pub pods: Option<BTreeMap<String, Arc<Pod>>>,
    /// Events by the name of what they are about, in the order in which they were last told.
    pub events: BTreeMap<String, Vec<Note>>,
    /// Who has the environment: known, and then a run, or nobody.
    pub owner: Option<Option<Owner>>,
}

/// Whose lease a namespace carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Run id.
    pub run: uuid::Uuid,
    /// Its commit.
    pub commit: String,
    /// The namespace is being removed.
    pub leaving: bool,
}

impl View {
    /// A pod by name.
    pub fn pod(&self, name: &str) -> Option<&Arc<Pod>> {
        self.pods.as_ref()?.get(name)
    }

    /// The events about an object.
    pub fn about(&self, name: &str) -> &[Note] {
        self.events.get(name).map_or(&[], Vec::as_slice)
    }
}
