//! Renders a plan as the Kubernetes objects of its namespace. Pure.
//!
//! Templates give text, which is parsed and checked before it is returned. `engine::kubernetes` sends the objects.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::labels::{self, Role};
use crate::lease::Lease;

pub mod environment;
pub mod lease;
pub mod object;
pub mod parts;
pub mod policy;
pub mod prepare;
pub mod templates;
pub mod test_pods;
pub mod unit;

pub use object::{HASH, Kind, Object};
pub use templates::{RenderError, Templates};

/// Addresses by unit name, of its pods or of its Service.
pub type Addresses = BTreeMap<String, Vec<String>>;

/// Label with an agent's position.
pub const POSITION: &str = "dayfly.dev/position";
/// Label with a pod's suite.
pub const SUITE: &str = "dayfly.dev/suite";
/// Annotation with the hash of a pod's external inputs: secrets, files, SQL.
pub const INPUTS: &str = "dayfly.dev/inputs";
/// Annotation with the pinned image of each reference, so that later suites use the same images.
pub const IMAGES: &str = "dayfly.dev/images";
/// Role of a namespace.
pub const ENVIRONMENT_ROLE: &str = "environment";
/// Name of the Secret with the registry credentials.
pub const PULL_SECRET: &str = "dayfly.pull";
/// Name of the Secret with all secrets of the environment, which no pod mounts.
pub const ALL_SECRETS: &str = "dayfly.keep";
/// Name of a unit's container in its pod.
pub const UNIT_CONTAINER: &str = "unit";
/// An invalid image reference: a container with it stops, and stays stopped until it gets its own reference back.
pub const STOPPED: &str = "stopped by a suite";

/// The inputs of an environment's objects.
pub struct RenderInput<'a> {
    /// The lease.
    pub lease: &'a Lease,
    /// The templates.
    pub templates: &'a Templates,
    /// The pinned image of each reference.
    pub images: &'a BTreeMap<String, String>,
    /// dayfly's own image.
    pub agent_image: &'a str,
    /// The environment has a Secret with registry credentials.
    pub pull_secret: bool,
}

impl RenderInput<'_> {
    fn namespace(&self) -> &str {
        &self.lease.environment
    }

    fn image(&self, reference: &str) -> String {
        self.images.get(reference).cloned().unwrap_or_else(|| reference.to_owned())
    }

    fn pull_secrets(&self) -> Value {
        if self.pull_secret { json!([{"name": PULL_SECRET}]) } else { json!([]) }
    }

    /// Returns the labels of an object. The run is not among them, because an object may outlive it.
    fn labels(&self, role: &str) -> BTreeMap<String, String> {
        [(labels::ENVIRONMENT, self.namespace()), (labels::ROLE, role), ("app.kubernetes.io/managed-by", "dayfly")]
            .into_iter()
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .collect()
    }

    /// Returns the labels of objects that belong to no unit.
    pub fn fixture_labels(&self) -> BTreeMap<String, String> {
        self.labels("fixture")
    }

    fn unit_labels(&self, unit: &str) -> BTreeMap<String, String> {
        let mut all = self.labels(Role::Unit.as_str());
        all.insert(labels::UNIT.to_owned(), unit.to_owned());
        all
    }

    fn suite_labels(&self, role: Role, suite: &str) -> BTreeMap<String, String> {
        let mut all = self.labels(role.as_str());
        all.insert(SUITE.to_owned(), suite.to_owned());
        all
    }
}

/// Returns the name of a unit's Secret, ConfigMap and NetworkPolicy; no unit can have such a name.
pub fn unit_name(unit: &str) -> String {
    format!("unit.{unit}")
}

/// Returns the name of a suite's Secret and NetworkPolicy.
pub fn suite_name(suite: &str) -> String {
    format!("suite.{suite}")
}

/// Returns the name of the Secret with a unit's files that contain secrets.
pub fn files_name(unit: &str) -> String {
    format!("files.{unit}")
}

/// Returns the name of the Secret with the variables of a unit or suite.
pub fn env_name(owner: &str) -> String {
    format!("env.{owner}")
}
