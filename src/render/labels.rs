//! Names and labels of everything that belongs to an environment. Labels are the only memory there is.
//!
//! Names carry the end of the run id, so that objects of an old and a new run never collide.

use std::collections::{BTreeMap, HashMap};

use crate::lease::Lease;

/// Name of the environment, on every object.
pub const ENVIRONMENT: &str = "dayfly.dev/environment";
/// Run id, on every object.
pub const RUN: &str = "dayfly.dev/run";
/// What the object is, see `Role`.
pub const ROLE: &str = "dayfly.dev/role";
/// Unit or suite, where the object serves one.
pub const UNIT: &str = "dayfly.dev/unit";
/// `1` for the first copy of a unit.
pub const COPY: &str = "dayfly.dev/copy";
/// The image reference as the description has it; containers are made from the image's id.
pub const IMAGE: &str = "dayfly.dev/image";
/// The whole `Lease` as JSON, on the anchor.
pub const LEASE: &str = "dayfly.dev/lease";
/// One `RetentionChange` as JSON, on a marker.
pub const RETENTION: &str = "dayfly.dev/retention";
const EXPIRES: &str = "dayfly.dev/expires";
const PR: &str = "dayfly.dev/pr";
const DESCRIPTION: &str = "dayfly.dev/description";

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The container that carries the lease and never runs.
    Anchor,
    /// A container that never runs and carries one change of the environment's retention.
    Retention,
    /// A copy of a unit.
    Unit,
    /// An agent.
    Agent,
    /// A container suite.
    Suite,
    /// A short-lived container through which volumes are filled and read; it never runs.
    Filler,
    /// A network.
    Network,
    /// A volume.
    Volume,
}

impl Role {
    /// The label's value.
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

/// Labels that every object of a run carries.
pub fn of(lease: &Lease, role: Role) -> BTreeMap<String, String> {
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

/// As `of`, with the unit or suite that the object serves.
pub fn of_unit(lease: &Lease, role: Role, unit: &str) -> BTreeMap<String, String> {
    let mut labels = of(lease, role);
    labels.insert(UNIT.to_owned(), unit.to_owned());
    labels
}

/// In the form that requests take.
pub fn map(labels: BTreeMap<String, String>) -> HashMap<String, String> {
    labels.into_iter().collect()
}

/// `<environment>-<end of the run id>-<rest>`: for everything but the anchor, which has the environment's own name.
pub fn name(lease: &Lease, rest: &str) -> String {
    format!("{}-{}-{rest}", lease.environment, lease.run.short())
}

/// `unit` for the first copy, `unit-2` and so on for the others: host name, and the end of the container's name.
pub fn copy(unit: &str, copy: u8) -> String {
    if copy <= 1 { unit.to_owned() } else { format!("{unit}-{copy}") }
}

/// Name of the volume with a unit's or suite's secrets.
pub fn secrets_volume(lease: &Lease, owner: &str) -> String {
    name(lease, &format!("{owner}.secrets"))
}

/// Name of the volume with a unit's files.
pub fn files_volume(lease: &Lease, unit: &str) -> String {
    name(lease, &format!("{unit}.files"))
}

/// Name of the volume behind the n-th writable path of a copy.
pub fn writable_volume(lease: &Lease, copy_name: &str, n: usize) -> String {
    name(lease, &format!("{copy_name}.w{n}"))
}

/// Name of the volume with all secrets of the environment; no unit mounts it.
pub fn keep_volume(lease: &Lease) -> String {
    name(lease, "keep")
}
