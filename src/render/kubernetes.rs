//! From a plan to the Kubernetes objects of its namespace, as data.
//!
//! Pure: labels, policies, pods, sizes; text comes from templates and is parsed and checked before anybody sees it.
//! It never speaks to a cluster and makes nothing random; `engine::kubernetes` sends what is rendered here.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::labels::{self, Role};
use crate::lease::Lease;
use crate::plan::Unit;

pub mod environment;
pub mod judge;
pub mod lease;
pub mod object;
pub mod parts;
pub mod policy;
pub mod prepare;
pub mod templates;
pub mod unit;

pub use object::{HASH, Kind, Object};
pub use templates::{RenderError, Templates};

/// Addresses by unit name: those of its pods, or that of its Service.
pub type Addresses = BTreeMap<String, Vec<String>>;

/// Labels that only this engine uses.
pub const POSITION: &str = "dayfly.dev/position";
/// The suite that a pod judges for.
pub const SUITE: &str = "dayfly.dev/suite";
/// Hash of what a pod reads at its start but does not hold itself: secrets, files, SQL.
pub const INPUTS: &str = "dayfly.dev/inputs";
/// Image references as the description has them → as they are run: what was pinned stays so for suites that run later.
pub const IMAGES: &str = "dayfly.dev/images";
/// Role of the namespace.
pub const ENVIRONMENT_ROLE: &str = "environment";
/// Name of the Secret that holds the credentials for registries.
pub const PULL_SECRET: &str = "dayfly.pull";
/// Name of the Secret that holds all secrets of the environment; no pod mounts it.
pub const KEEP: &str = "dayfly.keep";
/// A reference that no image can have: a container that is given it is ended and stays so until it gets its own back.
pub const STOPPED: &str = "stopped by a suite";

/// What objects of one environment are rendered from.
pub struct Stage<'a> {
    /// The environment.
    pub lease: &'a Lease,
    /// The templates.
    pub templates: &'a Templates,
    /// Image references as the description has them → as they are run.
    pub images: &'a BTreeMap<String, String>,
    /// dayfly's own image.
    pub agent_image: &'a str,
    /// A Secret with credentials for registries goes with it.
    pub pull_secret: bool,
}

impl Stage<'_> {
    fn namespace(&self) -> &str {
        &self.lease.environment
    }

    fn image(&self, reference: &str) -> String {
        self.images.get(reference).cloned().unwrap_or_else(|| reference.to_owned())
    }

    fn pull_secrets(&self) -> Value {
        if self.pull_secret { json!([{"name": PULL_SECRET}]) } else { json!([]) }
    }

    /// Labels of an object of this environment. The run is not among them: it may change while the object stays.
    fn labels(&self, role: &str) -> BTreeMap<String, String> {
        [(labels::ENVIRONMENT, self.namespace()), (labels::ROLE, role), ("app.kubernetes.io/managed-by", "dayfly")]
            .into_iter()
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .collect()
    }

    /// Labels of what belongs to the environment as a whole.
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

/// Name of a unit's Secret, ConfigMap and NetworkPolicy; no unit can have such a name.
pub fn unit_name(unit: &str) -> String {
    format!("unit.{unit}")
}

/// Name of a suite's Secret and NetworkPolicy.
pub fn suite_name(suite: &str) -> String {
    format!("suite.{suite}")
}

/// Ports at which a unit may be reached: the declared one, and the one by which it is known to be ready.
pub fn ports(unit: &Unit) -> Vec<u16> {
    use crate::plan::ReadyPlan;
    let ready = match &unit.ready {
        ReadyPlan::Tcp { port } | ReadyPlan::Http { port, .. } => Some(*port),
        _ => None,
    };
    let mut all: Vec<u16> = unit.port.into_iter().chain(ready).collect();
    all.dedup();
    all
}
