//! DSSE 1.0 envelopes, whose signature covers payload type and payload.
//!
//! Accepts only what dayfly writes: one signature, standard base64, no additional fields. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::key::SigningKey;

/// The only payload type written and accepted; some verifiers refuse any other.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// A signed envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Envelope {
    /// The statement, base64.
    pub payload: String,
    /// `PAYLOAD_TYPE`.
    pub payload_type: String,
    /// Exactly one; none in unsigned evidence, which `verify` refuses.
    pub signatures: Vec<Signature>,
}

/// A signature and the id of its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// `VerifyingKey::keyid`.
    pub keyid: String,
    /// Base64.
    pub sig: String,
}

/// The bytes that are signed: `DSSEv1`, then type and payload, each after its length.
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

/// Wraps a payload, signed if there is a key.
pub fn wrap(payload: &[u8], key: Option<&SigningKey>) -> Envelope {
    key.map_or_else(|| unsigned(payload), |key| sign(payload, key))
}

/// Wraps and signs a payload.
pub fn sign(payload: &[u8], key: &SigningKey) -> Envelope {
    let sig = STANDARD.encode(key.sign(&pae(PAYLOAD_TYPE, payload)));
    Envelope { signatures: vec![Signature { keyid: key.verifying_key().keyid(), sig }], ..unsigned(payload) }
}

fn unsigned(payload: &[u8]) -> Envelope {
    Envelope { payload: STANDARD.encode(payload), payload_type: PAYLOAD_TYPE.into(), signatures: vec![] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pre_authentication_encoding_matches_the_specification() {
        assert_eq!(
            pae("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
    }

    #[test]
    fn encodes_lengths_in_bytes_not_characters() {
        assert_eq!(pae("ø", "å".as_bytes()), "DSSEv1 2 ø 2 å".as_bytes());
    }
}
