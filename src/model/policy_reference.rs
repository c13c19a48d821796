//! Reference to a policy.

use serde::{Deserialize, Serialize};

/// The policy that a run was checked against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyReference {
    /// Its file, or `configmap://NAMESPACE/NAME/KEY`.
    pub uri: String,
    /// Lower-case hexadecimal SHA-256 of its bytes.
    pub digest: String,
}
