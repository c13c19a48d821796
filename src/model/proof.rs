//! Proof of what a requester claims.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Proof of some claims of a requester. All others are only declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Proof {
    /// What proves them: the operator's policy, or an identity token and its issuer.
    pub by: String,
    /// The proven claims: `repository`, and of `pull request`, `commit`, `actor` those that the token holds.
    #[serde(default)]
    pub proves: Vec<String>,
}
