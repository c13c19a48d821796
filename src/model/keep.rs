//! When an environment stays after its run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When an environment stays after its run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Keep {
    /// It is always removed.
    #[default]
    Never,
    /// It stays when the result is not passed.
    OnFailure,
    /// It always stays.
    Always,
}
