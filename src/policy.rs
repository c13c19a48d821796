//! Policies: the limits that an operator sets for descriptions. `kind: Policy`, parsed and checked like a description.
//!
//! Pure, except for [`load`]. Without a policy, the built-in limits of `limits` hold.

mod admission;
mod containers;
mod enforce;
mod limits;
pub mod model;
mod patterns;
pub mod schema;
mod valid;
mod validate;
mod words;

pub use enforce::{check, check_credentials, check_number};
pub use limits::{Ceiling, DependencyLimits, LeewayLimits, Limits};
pub use model::{Reaction, TrustedIssuer};
pub use valid::{Policy, Subject, load, load_text};

/// ConfigMap in dayfly's namespace that holds the policy of a cluster.
pub const CONFIGMAP: &str = "dayfly-policy";
/// Its key.
pub const CONFIGMAP_KEY: &str = "policy.yaml";

#[cfg(test)]
mod tests;
