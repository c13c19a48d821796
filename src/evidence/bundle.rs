//! Sigstore bundles (version 0.3) for plain keys, so that other tools can verify the evidence.
//!
//! A bundle holds the envelope and the key id, never the key. Pure.

use serde::{Deserialize, Serialize};

use super::dsse::Envelope;

/// In place of the id of a key, where nobody signed.
pub const UNSIGNED: &str = "unsigned";

/// The media type written and accepted.
pub const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// A bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Bundle {
    /// `MEDIA_TYPE`.
    pub media_type: String,
    /// The key.
    pub verification_material: Material,
    /// The signed envelope.
    pub dsse_envelope: Envelope,
}

/// Identifies the verifying key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Material {
    /// The id of the key.
    pub public_key: Hint,
    /// Always empty: statements are not in a public log.
    pub tlog_entries: Vec<serde_json::Value>,
}

/// The key's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hint {
    /// `VerifyingKey::keyid`.
    pub hint: String,
}

/// Wraps an envelope signed by the key with this id.
pub fn wrap(envelope: Envelope, keyid: String) -> Bundle {
    Bundle {
        media_type: MEDIA_TYPE.into(),
        verification_material: Material { public_key: Hint { hint: keyid }, tlog_entries: Vec::new() },
        dsse_envelope: envelope,
    }
}
