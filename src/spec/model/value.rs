//! Values and secrets.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A value that a template may insert: text, a number or a Boolean.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Scalar {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other text.
    Text(String),
}

/// A secret, generated for each environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Secret {
    /// Number of random bytes, written as hexadecimal text (default 32).
    #[serde(default = "default_secret_bytes")]
    #[schemars(range(min = 16, max = 128))]
    pub bytes: u16,
}

fn default_secret_bytes() -> u16 {
    32
}
