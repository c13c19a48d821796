//! Names and labels of the objects of an environment. Labels are the only record of what exists.
//!
//! Names contain the end of the run id, so that objects of two runs never collide.

use std::collections::{BTreeMap, HashMap};

use crate::lease::Lease;
use crate::model::RunId;

/// Name of the environment, on every object.
pub const ENVIRONMENT: &str = "dayfly.dev/environment";
/// Run id, on every object.
pub const RUN: &str = "dayfly.dev/run";
/// The object's `Role`.
pub const ROLE: &str = "dayfly.dev/role";
/// Name of the object's unit or suite.
pub const UNIT: &str = "dayfly.dev/unit";
/// `1` for the first copy of a unit.
pub const COPY: &str = "dayfly.dev/copy";
/// The image reference of the description; containers are created from the image's id.
pub const IMAGE: &str = "dayfly.dev/image";
/// The hash of what a unit's container was created from; an update replaces a container with another hash.
pub const HASH: &str = "dayfly.dev/hash";
/// The `Lease` as JSON, on the anchor.
pub const LEASE: &str = "dayfly.dev/lease";
/// A `RetentionChange` as JSON, on a marker.
pub const RETENTION: &str = "dayfly.dev/retention";
const EXPIRES: &str = "dayfly.dev/expires";
const PR: &str = "dayfly.dev/pr";
const DESCRIPTION: &str = "dayfly.dev/description";

/// The role of an object in its environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The container that holds the lease and never runs.
    Anchor,
    /// A marker: a container that holds a change of the retention and never runs.
    Retention,
    /// A copy of a unit.
    Unit,
    /// An agent.
    Agent,
    /// A container suite.
    Suite,
    /// A short-lived container that gives access to volumes and never runs.
    Filler,
    /// A network.
    Network,
    /// A volume.
    Volume,
}

impl Role {
    /// Returns the value of the label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Anchor => "anchor",
            Self::Retention => "retention",
            Self::Unit => "unit",
            Self::Agent => "agent",
            Self::Suite => "suite",
            Self::Filler => "filler",
            Self::Network => "network",
            Self::Volume => "volume",
        }
    }
}

/// Returns the labels of every object of a run.
pub fn of_run(lease: &Lease, role: Role) -> BTreeMap<String, String> {
    [
        (ENVIRONMENT, lease.environment.clone()),
        (RUN, lease.run.to_string()),
        (ROLE, role.as_str().to_owned()),
        (EXPIRES, lease.expires.to_string()),
        (PR, lease.plan.pr.to_string()),
        (DESCRIPTION, lease.plan.description.clone()),
    ]
    .into_iter()
    .map(|(k, v)| (k.to_owned(), v))
    .collect()
}

/// Returns the labels of an object of a unit or suite.
pub fn of_unit(lease: &Lease, role: Role, unit: &str) -> BTreeMap<String, String> {
    let mut labels = of_run(lease, role);
    labels.insert(UNIT.to_owned(), unit.to_owned());
    labels
}

/// Converts labels to the type that requests use.
pub fn into_hash_map(labels: BTreeMap<String, String>) -> HashMap<String, String> {
    labels.into_iter().collect()
}

/// Returns `<environment>-<end of the run id>-<rest>`, the name of any object except the anchor.
pub fn object_name(lease: &Lease, rest: &str) -> String {
    name_of_run(lease, lease.run, rest)
}

/// Returns the name of an object of a unit, which an update may have inherited from an earlier run.
pub fn unit_object_name(lease: &Lease, unit: &str, rest: &str) -> String {
    name_of_run(lease, lease.run_of(unit), rest)
}

/// Returns the name of a network, which an update may have inherited from an earlier run.
pub fn network_name(lease: &Lease, rest: &str) -> String {
    name_of_run(lease, lease.inherited.networks.get(rest).copied().unwrap_or(lease.run), rest)
}

fn name_of_run(lease: &Lease, run: RunId, rest: &str) -> String {
    format!("{}-{}-{rest}", lease.environment, run.short())
}

/// Returns the name of a unit's container.
pub fn container_name(lease: &Lease, unit: &str, copy: u8) -> String {
    unit_object_name(lease, unit, &copy_name(unit, copy))
}

/// Returns the name of a copy of a unit: `web`, `web-2`.
pub fn copy_name(unit: &str, copy: u8) -> String {
    if copy <= 1 { unit.to_owned() } else { format!("{unit}-{copy}") }
}

/// Returns the name of the volume with a unit's or suite's secrets.
pub fn secrets_volume(lease: &Lease, owner: &str) -> String {
    unit_object_name(lease, owner, &format!("{owner}.secrets"))
}

/// Returns the name of the volume with a unit's files.
pub fn files_volume(lease: &Lease, unit: &str) -> String {
    unit_object_name(lease, unit, &format!("{unit}.files"))
}

/// Returns the name of the volume for the n-th writable path of a copy of a unit, or of a suite.
pub fn writable_volume(lease: &Lease, owner: &str, copy: u8, n: usize) -> String {
    unit_object_name(lease, owner, &format!("{}.w{n}", copy_name(owner, copy)))
}

/// Returns the name of the volume with all secrets of the environment, which no unit mounts.
pub fn all_secrets_volume(lease: &Lease) -> String {
    object_name(lease, "keep")
}
