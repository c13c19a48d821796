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

impl Scalar {
    /// The value as text.
    pub fn text(&self) -> String {
        match self {
            Self::Bool(value) => value.to_string(),
            Self::Int(value) => value.to_string(),
            Self::Text(value) => value.clone(),
        }
    }
}

/// A secret, generated for each environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Secret {
    /// A private key of this algorithm instead of random text: PKCS#8 in PEM. `<name>.pub` is its public key (SPKI in PEM).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyAlgorithm>,
    /// Number of random bytes, written as hexadecimal text (default 32).
    #[serde(default = "default_secret_bytes")]
    #[schemars(range(min = 16, max = 128))]
    pub bytes: u16,
}

fn default_secret_bytes() -> u16 {
    32
}

/// Algorithm of a generated key (RFC 7518, RFC 8037).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum KeyAlgorithm {
    /// RSA with 2048 bits.
    #[serde(rename = "RS256")]
    Rs256,
    /// ECDSA with P-256.
    #[serde(rename = "ES256")]
    Es256,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl KeyAlgorithm {
    /// Its name in the header of a token.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }
}

/// Reads a JSON value that is given, which may be `null`.
pub(super) fn given_json<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<serde_json::Value>, D::Error> {
    serde_json::Value::deserialize(from).map(Some)
}
