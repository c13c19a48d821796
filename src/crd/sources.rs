//! Where the images of a request come from. Data and its checks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{BuiltFrom, LinkedChange};

/// The commit that an image was built from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BuiltFromSpec {
    /// URL of the repository, or OWNER/NAME.
    #[schemars(length(max = 2048))]
    pub repository: String,
    /// The commit.
    #[schemars(length(max = 64), regex(pattern = r"^[0-9a-f]{7,64}$"))]
    pub commit: String,
}

/// A pull request of another repository.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LinkedChangeSpec {
    /// URL of the repository, or OWNER/NAME.
    #[schemars(length(max = 2048))]
    pub repository: String,
    /// Number of the pull request.
    #[schemars(range(min = 1))]
    pub pull_request: u32,
}

impl BuiltFromSpec {
    /// The spec of a checked claim.
    pub fn of(from: &BuiltFrom) -> Self {
        Self { repository: from.repository.clone(), commit: from.commit.clone() }
    }
}

impl LinkedChangeSpec {
    /// The spec of a checked pull request.
    pub fn of(linked: &LinkedChange) -> Self {
        Self { repository: linked.repository.clone(), pull_request: linked.pull_request }
    }
}
